/** @fastify/session and koa-session with a store, run without HTTP: all that they do to have a request's session. */
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { ClientContender, Place } from "../scenario.ts";
import { claimsOf, expectUser, SESSIONS, USERS } from "../subject.ts";
import { filled, type StoreKind } from "./express-stores.ts";

const SECRET = "a secret of at least thirty-two characters";
const HOUR = 3_600_000;

/** @fastify/session with a store of express-session's contract. */
export function fastifySession(name: string, kind: StoreKind, rest: Partial<ClientContender> = {}): ClientContender {
  return {
    name,
    does: `its own code without HTTP: unsign the cookie, GET, make the session, and SET it again (rolling, the default). Its store: ${kind.does}`,
    ...(kind.ours && { ours: true }),
    ...rest,
    async open(place) {
      const { store, sids } = await filled(await kind.open(place));
      const { default: Fastify } = await import("fastify");
      const fastifyCookie = await import("@fastify/cookie");
      const { default: session } = await import("@fastify/session");
      const app = Fastify();
      await app.register(fastifyCookie.default);
      await app.register(session, { secret: SECRET, store: store as never, cookie: { secure: false, maxAge: HOUR } });
      await app.ready();
      const signer = new fastifyCookie.Signer(SECRET);
      const cookies = sids.map((sid) => signer.sign(sid));
      interface Request {
        session: { userId?: string; save(done: (error?: Error) => void): void } | null;
      }
      const load = (request: Request, value: string) =>
        new Promise<void>((resolve, reject) =>
          app.decryptSession(value, request as never, (error?: Error) => (error ? reject(error) : resolve())),
        );
      const call = async (turn: number) => {
        const request: Request = { session: null };
        await load(request, cookies[turn % SESSIONS] as string);
        const { session } = request;
        if (session === null) return null;
        await new Promise<void>((resolve, reject) => session.save((error) => (error ? reject(error) : resolve())));
        return session.userId;
      };
      expectUser(name, await call(0));
      return { call };
    },
  };
}

interface KoaStore {
  set(sid: string, session: object, ttl: number): Promise<unknown>;
}

/** koa-session with an external store, which `open` gives it. */
export function koaSession(
  name: string,
  open: (place: Place) => Promise<KoaStore>,
  rest: Omit<ClientContender, "name" | "open">,
): ClientContender {
  return {
    name,
    ...rest,
    async open(place) {
      const { default: Koa } = await import("koa");
      const { createSession } = await import("koa-session");
      const store = await open(place);
      const sids = USERS.map((userId) => `${place.prefix}${userId}`);
      const _expire = Date.now() + HOUR;
      await Promise.all(
        USERS.map((userId, at) =>
          store.set(sids[at] as string, { userId, ...claimsOf(userId), _expire, _maxAge: HOUR }, HOUR),
        ),
      );
      const app = new Koa();
      // A key of one's own instead of the cookie's: what a request would bring is handed over here.
      const externalKey = { get: (ctx: { sid?: string }) => ctx.sid, set: () => {} };
      const middleware = createSession({ store, externalKey, maxAge: HOUR } as never, app as never);
      const request = new IncomingMessage(new Socket());
      request.url = "/";
      const response = new ServerResponse(request);
      const call = async (turn: number) => {
        const ctx = Object.assign(app.createContext(request, response), { sid: sids[turn % SESSIONS] });
        await middleware(ctx as never, async () => {});
        return (ctx as unknown as { session: { userId?: string } }).session.userId ?? null;
      };
      expectUser(name, await call(0));
      return { call };
    },
  };
}
