/** Requests on a store with a near cache: what memory knows costs no promise, and what another process ends is refused. */
import { EventEmitter } from "node:events";
import { ServerResponse } from "node:http";
import { Hono } from "hono";
import { describe, expect, it, vi } from "vitest";
import { sessions as express, requireSession as expressGuard } from "../../src/express.js";
import { sessions as fastify, requireSession as fastifyGuard } from "../../src/fastify.js";
import { createFetchSessions } from "../../src/fetch.js";
import { sessions as hono, requireSession as honoGuard } from "../../src/hono.js";
import { createHttpSessions, type HttpOptions, type HttpPort, type RequestSession } from "../../src/http.js";
import { createSessionStore, type SessionStore } from "../../src/index.js";
import { sessions as koa, requireSession as koaGuard } from "../../src/koa.js";
import { ageSession } from "../harness/aging.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const NEAR = { lease: 10_000 };
const store: SessionStore = createSessionStore(redis, { prefix, near: NEAR });
const elsewhere: SessionStore = createSessionStore(redis, { prefix });
afterFile(() => store.close());

/** A session in the memory of the store. */
async function remembered(userId = "ada") {
  store.peek("");
  await vi.waitFor(() => expect(store.near.state).toBe("serving"));
  const issued = await elsewhere.create({ userId });
  await store.touch(issued.token);
  expect(store.peek(issued.token)).toBeDefined();
  return issued;
}

const cookieOf = (token: string) => `__Host-session=${token}`;

/** A request with these headers, and what is put on its response. */
function portOf(headers: Readonly<Record<string, string>>, method = "GET"): HttpPort & { readonly sent: string[] } {
  const sent: string[] = [];
  return {
    method,
    header: (name) => headers[name],
    appendHeader: (name, value) => void sent.push(`${name}: ${value}`),
    sent,
  };
}

/** Sends a request through an adapter, up to its handler. `arrive` is called when that runs. */
type Arrive = (session: unknown, error?: unknown) => void;
const adapters: Record<string, (store: SessionStore, options: HttpOptions, cookie: string, arrive: Arrive) => unknown> =
  {
    Express(from, options, cookie, arrive) {
      const req = { method: "GET", url: "/", headers: { cookie } } as never as Parameters<
        ReturnType<typeof express>
      >[0];
      const res = new ServerResponse(req) as never;
      return express(from as never, options)(req, res, (error) => arrive(req.session, error));
    },
    async Fastify(from, options, cookie, arrive) {
      const hooks: ((request: object, reply: object, done: (error?: Error) => void) => void)[] = [];
      const app = { decorateRequest: () => {}, addHook: (_: string, hook: never) => hooks.push(hook) };
      // It runs until its first await, and there is none before the hook.
      fastify(app as never, { store: from as never, ...options }, () => {});
      const request: { headers: object; session?: unknown } = { headers: { cookie } };
      const reply = { raw: {}, getHeader: () => undefined, header: () => {} };
      hooks[0]?.({ method: "GET", originalUrl: "/", ...request }, reply, (error) => arrive(true, error));
    },
    Hono(from, options, cookie, arrive) {
      const app = new Hono().use(hono(from as never, options)).get("/", (c) => {
        arrive(c.get("session" as never));
        return c.text("");
      });
      return app.request("/", { headers: { cookie } });
    },
    "handle() of coatcheck/fetch"(from, options, cookie, arrive) {
      return createFetchSessions(from, options).handle(
        new Request("http://localhost/", { headers: { cookie } }),
        (session) => {
          arrive(session);
          return new Response("");
        },
      );
    },
    Koa(from, options, cookie, arrive) {
      const req = { method: "GET", url: "/", headers: { cookie } };
      const ctx = Object.assign(new EventEmitter(), { req, res: new ServerResponse(req as never), originalUrl: "/" });
      return koa(from as never, options)(ctx as never, async () => arrive((ctx as { session?: unknown }).session));
    },
  };

describe.each(Object.entries(adapters))("a request to %s", (_, send) => {
  it("reaches its handler in the same turn, without a promise in between, if memory has its session", async () => {
    const { token } = await remembered();
    let session: unknown;
    send(store, {}, cookieOf(token), (found) => {
      session = found;
    });
    // Nothing was awaited.
    expect(session).toBeDefined();
  });

  it("reaches it later if memory has not", async () => {
    const { token } = await elsewhere.create();
    let session: unknown;
    const arrived = new Promise<void>((resolve) => {
      send(store, {}, cookieOf(token), (found) => {
        session = found;
        resolve();
      });
    });
    expect(session).toBeUndefined();
    await arrived;
    expect(session).toBeDefined();
  });
});

/** Sends a request with a session through a guard. What is behind it gives `later`. */
type Send = (session: RequestSession, behind: () => void, later: Promise<void>) => unknown;
const guards: Record<string, Send> = {
  Express: (session, behind) => expressGuard()({ session } as never, {} as never, behind),
  Fastify: (session, behind) => fastifyGuard()({ session }, { redirect: () => expect.fail("no page") }, behind),
  Hono(session, behind, later) {
    const next = () => {
      behind();
      return later;
    };
    return honoGuard()({ get: () => session } as never, next);
  },
  Koa(session, behind, later) {
    const next = () => {
      behind();
      return later;
    };
    return koaGuard()({ session } as never, next);
  },
};

describe.each(Object.entries(guards))("the guard of %s", (name, send) => {
  it("lets a request through in the same turn, without a promise of its own", async () => {
    const { token } = await remembered();
    const session = createHttpSessions(store).peek(portOf({ cookie: cookieOf(token) })) as RequestSession;
    let arrived = 0;
    const later = Promise.resolve();
    const given = send(session, () => arrived++, later);
    expect(arrived).toBe(1);
    expect(given).toBe(name === "Hono" || name === "Koa" ? later : undefined);
  });
});

describe("peek of the kit", () => {
  it("gives what load gives, with all of its headers", async () => {
    const { token } = await remembered();
    const http = createHttpSessions(store);
    const [now, later] = [portOf({ cookie: cookieOf(token) }), portOf({ cookie: cookieOf(token) })];
    const peeked = http.peek(now) as RequestSession;
    const loaded = await http.load(later);
    expect(peeked.require()).toBe(loaded.require());
    expect(peeked.current).toBe(loaded.current);
    expect(now.sent).toEqual(later.sent);
    expect(now.sent.length).toBeGreaterThan(0);
  });

  it("finds a bare bearer token, and leaves what must be unwrapped to load", async () => {
    const { token } = await remembered();
    const authorization = { authorization: `Bearer ${token}` };
    expect(createHttpSessions(store, { bearer: true }).peek(portOf(authorization))?.current?.userId).toBe("ada");
    const wrapped = { unwrap: async () => token, wrap: async () => "" };
    expect(createHttpSessions(store, { bearer: wrapped }).peek(portOf(authorization))).toBeUndefined();
    expect(createHttpSessions(store).peek(portOf(authorization))).toBeUndefined();
  });

  it.each<[string, (token: string) => HttpPort, HttpOptions?]>([
    ["without a credential", () => portOf({})],
    ["with rubbish", () => portOf({ cookie: cookieOf("rubbish") })],
    ["with two cookies", (token) => portOf({ cookie: `${cookieOf(token)}; ${cookieOf(`${token.slice(0, -1)}x`)}` })],
    [
      "with a cookie and a bearer token",
      (token) => portOf({ cookie: cookieOf(token), authorization: `Bearer ${token}` }),
      { bearer: true },
    ],
    ["of another site", (token) => portOf({ cookie: cookieOf(token), "sec-fetch-site": "cross-site" }, "POST")],
    ["that is exempt", (token) => portOf({ cookie: cookieOf(token) }, "POST"), { csrf: { exempt: () => true } }],
  ])("leaves a request %s to load", async (_, port, options) => {
    const { token } = await remembered();
    expect(createHttpSessions(store, options).peek(port(token))).toBeUndefined();
  });

  it("asks the functions of the application only if memory has the session", async () => {
    const asked: string[] = [];
    const http = createHttpSessions(store, {
      slide: () => asked.push("slide") > 0,
      csrf: { exempt: () => asked.push("exempt") < 0 },
    });
    const { token } = await elsewhere.create();
    const post = () => portOf({ cookie: cookieOf(token), "sec-fetch-site": "same-origin" }, "POST");
    expect(http.peek(post())).toBeUndefined();
    expect(asked).toEqual([]);
    await store.touch(token);
    expect(http.peek(post())).toBeDefined();
    expect(asked).toEqual(["exempt", "slide"]);
  });

  it("finds nothing in a store without near, nor in one whose verbs are replaced", async () => {
    const { token } = await remembered();
    const port = () => portOf({ cookie: cookieOf(token) });
    expect(createHttpSessions(elsewhere).peek(port())).toBeUndefined();
    const touched: unknown[] = [];
    const touch = (asked: unknown) => {
      touched.push(asked);
      return store.touch(asked);
    };
    const http = createHttpSessions({ ...store, touch });
    expect(http.peek(port())).toBeUndefined();
    expect((await http.load(port())).current?.userId).toBe("ada");
    expect(touched).toEqual([token]);
    expect(createHttpSessions({ ...store }).peek(port())).toBeDefined();
  });
});

describe("a request whose session is in memory", () => {
  it("is refused soon after another process has ended it", async () => {
    const { token } = await remembered();
    const http = createHttpSessions(store);
    const load = async () => {
      const port = portOf({ cookie: cookieOf(token) });
      return http.peek(port) ?? (await http.load(port));
    };
    expect((await load()).current).not.toBeNull();
    await elsewhere.revoke(token);
    await vi.waitFor(async () => expect((await load()).current).toBeNull(), { timeout: 1000, interval: 1 });
    expect(() => http.peek(portOf({ cookie: cookieOf(token) }))?.require()).not.toThrow();
  });

  it("slides it behind the answer, unless it is no sign of the user", async () => {
    for (const slides of [false, true]) {
      const { token, session } = await elsewhere.create({ userId: `slides: ${slides}` });
      const key = `${prefix}{${session.id.slice(10, 13)}}:s:${session.id}`;
      const own = createSessionStore(redis, { prefix, touchInterval: 0, near: NEAR });
      afterFile(() => own.close());
      own.peek("");
      await vi.waitFor(() => expect(own.near.state).toBe("serving"));
      await own.touch(token);
      await ageSession(redis, key, 60_000);
      const before = await redis.pttl(key);
      const http = createHttpSessions(own, { slide: () => slides });
      expect(http.peek(portOf({ cookie: cookieOf(token) }))?.current).not.toBeNull();
      if (slides) await vi.waitFor(async () => expect(await redis.pttl(key)).toBeGreaterThan(before + 30_000));
      // `load` reads from memory too, and slides nothing either.
      else {
        await http.load(portOf({ cookie: cookieOf(token) }));
        expect(await redis.pttl(key)).toBeLessThanOrEqual(before);
      }
    }
  });

  it("is fresh for no longer than since Redis has read it", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const { token } = await remembered();
      const http = createHttpSessions(store);
      const require = () => http.peek(portOf({ cookie: cookieOf(token) }))?.require({ freshWithin: 5000 });
      expect(require()).toBeDefined();
      vi.advanceTimersByTime(4000);
      expect(require()).toBeDefined();
      vi.advanceTimersByTime(1500);
      expect(require).toThrow("Log in again");
    } finally {
      vi.useRealTimers();
    }
  });

  it("is logged out for itself at once", async () => {
    const { token } = await remembered();
    const http = createHttpSessions(store);
    const session = http.peek(portOf({ cookie: cookieOf(token) }));
    expect(await session?.end()).toBe(true);
    expect(http.peek(portOf({ cookie: cookieOf(token) }))).toBeUndefined();
    expect((await http.load(portOf({ cookie: cookieOf(token) }))).current).toBeNull();
  });
});
