/** Who hears of the errors of the server's that coatcheck/fetch and coatcheck/hono answer. */
import { inspect } from "node:util";
import { Hono } from "hono";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createFetchSessions, type FetchOptions } from "../../src/fetch.js";
import { requireSession, type SessionVariables, sessions } from "../../src/hono.js";
import { createSessionStore, type SessionError, StoreUnavailableError } from "../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

const server = await startRedisServer();
afterFile(() => server.stop());
// The deadline is short because the tests wait for it.
const store = createSessionStore(connect({ port: server.port }), { prefix: uniquePrefix(), timeout: 250 });
const patient = createSessionStore(connect({ port: server.port }), { prefix: uniquePrefix(), timeout: 10_000 });

/** The same few routes on both: a handler that writes, one that is guarded, and one that is broken. */
const APPS = {
  "coatcheck/fetch": (options?: FetchOptions, on = store) => {
    const http = createFetchSessions(on, options);
    return async (request: Request) =>
      http.handle(request, async (session) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/login") await session.start({ userId: "ada" });
        if (pathname === "/me") session.require();
        if (pathname === "/broken") throw new Error("broken");
        return new Response("ok");
      });
  },
  "coatcheck/hono": (options?: FetchOptions, on = store) => {
    const app = new Hono<{ Variables: SessionVariables }>();
    // Two on the way of each request.
    app.use(sessions(on, options), sessions(on, options));
    app.post("/login", async (c) => {
      await c.var.session.start({ userId: "ada" });
      return c.text("ok");
    });
    app.get("/me", requireSession(), (c) => c.text("ok"));
    app.get("/broken", () => Promise.reject(new Error("broken")));
    return async (request: Request) => app.fetch(request);
  },
};

const requestFor = (method: string, path: string, token?: string) =>
  new Request(`https://app.example${path}`, {
    method,
    headers: token === undefined ? {} : { cookie: `__Host-session=${token}` },
  });

const frozen = async <T>(run: () => Promise<T>): Promise<T> => {
  server.freeze();
  try {
    return await run();
  } finally {
    server.thaw();
  }
};

afterEach(() => vi.restoreAllMocks());

describe.each(Object.entries(APPS))("%s", (_, make) => {
  it("tells onError of a 503, of the load and of a handler, once, and of the request", async () => {
    const onError = vi.fn<NonNullable<FetchOptions["onError"]>>();
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    const answer = make({ onError });
    const { token } = await patient.create({ userId: "ada" });
    const [load, write] = [requestFor("GET", "/me", token), requestFor("POST", "/login")];
    for (const request of [load, write]) {
      const response = await frozen(() => answer(request));
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    }
    expect(onError.mock.calls.map(([, request]) => request)).toEqual([load, write]);
    for (const [error] of onError.mock.calls) {
      expect(error).toBeInstanceOf(StoreUnavailableError);
      // Frames, because it is the server's.
      expect(error.stack).toMatch(/^\s+at /m);
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(token);
    }
    expect(print).not.toHaveBeenCalled();
  });

  it("prints them if nobody has said who hears of them", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    const { token } = await patient.create({ userId: "ada" });
    expect((await frozen(() => make()(requestFor("GET", "/me", token)))).status).toBe(503);
    expect(print.mock.calls.map(([error]) => (error as SessionError).code)).toEqual(["STORE_UNAVAILABLE"]);
    expect(inspect(print.mock.calls, { depth: 20, showHidden: true })).not.toContain(token);
  });

  it("tells nobody of what clients do wrong, nor of an error that is none of coatcheck's", async () => {
    const onError = vi.fn();
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    const answer = make({ onError }, patient);
    await patient.blockUser("ada");
    expect((await answer(requestFor("GET", "/me"))).status).toBe(401);
    expect((await answer(requestFor("POST", "/login"))).status).toBe(403);
    expect(print).not.toHaveBeenCalled();
    // It is thrown on, and Hono prints it.
    await answer(requestFor("GET", "/broken")).catch(() => {});
    expect(onError).not.toHaveBeenCalled();
    await patient.unblockUser("ada");
  });

  it("throws for an onError that is none", () => {
    expect(() => make({ onError: "log" as never })).toThrow(new TypeError('onError must be a function, got "log"'));
    expect(() => make({ onEror: () => {} } as never)).toThrow(/there is no option "onEror"; did you mean "onError"\?/);
  });
});
