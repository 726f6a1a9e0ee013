/**
 * Write your own adapter: sessions for Hono. Its requests are not Node's, so the port is spelled out here.
 *
 * Run it with `npx tsx --tsconfig examples/tsconfig.json examples/adapters/hono.ts`.
 */
import { type ServerType, serve } from "@hono/node-server";
import { createSessionStore, isSessionError } from "coatcheck";
import {
  checkRequirement,
  createRegisteredSessions,
  type HttpOptions,
  type RegisteredClaims,
  type RegisteredStore,
  type RequestSession,
  type Requirement,
} from "coatcheck/http";
import { type ErrorHandler, Hono, type MiddlewareHandler } from "hono";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";

declare module "hono" {
  interface ContextVariableMap {
    /** The session of this request; made by `sessions()`. */
    session: RequestSession<RegisteredClaims>;
  }
}

/** Middleware that looks up the session of every request and puts it into `c.var.session`. */
export function sessions(store: RegisteredStore, options?: HttpOptions): MiddlewareHandler {
  const http = createRegisteredSessions(store, options);
  return async function coatcheckSessions(c, next) {
    const headers: [name: string, value: string][] = [];
    let sent = false;
    const { pathname, search } = new URL(c.req.url);
    const session = await http.load({
      method: c.req.method,
      url: pathname + search,
      header: (name) => c.req.header(name),
      appendHeader: (name, value) => headers.push([name, value]),
      writable: () => !sent,
    });
    c.set("session", session);
    await next();
    // Only now, since a handler may answer with a Response of its own, which c.header() would not have reached.
    for (const [name, value] of headers) {
      // An error may have brought it already.
      if (!c.res.headers.get(name)?.includes(value)) c.header(name, value, { append: true });
    }
    sent = true;
  };
}

/** Middleware that lets a request through only with a live session that meets the requirement: else 401, 403 or `redirectTo`. */
export function requireSession(requirement: Requirement<RegisteredClaims> = {}): MiddlewareHandler {
  checkRequirement(requirement);
  return async function coatcheckRequireSession(c, next) {
    if (!c.var.session) throw new TypeError("requireSession() needs app.use(sessions(store)) before it");
    const address = c.var.session.admit(requirement);
    return address === null ? await next() : c.redirect(address, 303);
  };
}

/** For `app.onError`: Hono's own handler knows only its own errors. */
export const answerError: ErrorHandler = (error, c) => {
  const { status = 500, expose = false, headers = {}, message = "" } = isSessionError(error) ? error : {};
  if (status === 500) console.error(error);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  return c.json({ error: expose ? message : "Try again later" }, status as 500);
};

/** A tiny application: log in with `curl -X POST 'http://127.0.0.1:3000/login?user=ada' -c jar`. */
export function main(port = Number(process.env["PORT"] ?? 3000)): ServerType {
  const { REDIS_URL } = process.env;
  const store = createSessionStore<RegisteredClaims>(REDIS_URL === undefined ? new RedisMock() : new Redis(REDIS_URL));
  const app = new Hono();
  app.onError(answerError);
  app.use(sessions(store, { cookie: { secure: false } }));
  app.post("/login", async (c) => {
    // A real application checks a password first.
    await c.var.session.start({ userId: c.req.query("user") ?? "nobody" });
    return c.json({ user: c.var.session.current?.userId });
  });
  app.post("/logout", async (c) => c.json({ ended: await c.var.session.end() }));
  app.get("/me", requireSession(), (c) => c.json({ user: c.var.session.current?.userId }));
  return serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, (address) =>
    console.log(`Hono on http://127.0.0.1:${address.port}`),
  );
}

if (process.argv[1] === import.meta.filename) main();
