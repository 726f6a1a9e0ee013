/** The kit by itself, on a port written by hand: what an author of an adapter can rely on. */

import { describe, expect, it, vi } from "vitest";
import type { RequestSession } from "../../src/http.js";
import { checkRequirement, createHttpSessions, type HttpOptions, type HttpPort } from "../../src/http.js";
import {
  createSessionStore,
  ForbiddenError,
  isSessionError,
  UnauthenticatedError,
  UntrustedOriginError,
} from "../../src/index.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix });

interface RecordingPort extends HttpPort {
  readonly asked: string[];
  readonly sent: [name: string, value: string][];
}

function portOf(headers: Record<string, string> = {}, method = "GET"): RecordingPort {
  const asked: string[] = [];
  const sent: [string, string][] = [];
  return {
    asked,
    sent,
    method,
    header: (name) => {
      asked.push(name);
      return headers[name];
    },
    appendHeader: (name, value) => sent.push([name, value]),
  };
}

describe("createHttpSessions", () => {
  it.each<[unknown, Error]>([
    [
      { cookies: {} },
      new TypeError(
        'createHttpSessions: there is no option "cookies"; did you mean "cookie"? The options are cookie, bearer, csrf, slide',
      ),
    ],
    [{ bearer: 1 }, new TypeError("bearer must be a boolean, got 1")],
    [{ bearer: null }, new TypeError("bearer must be a boolean, got null")],
    [
      { bearer: { wrap() {} } },
      new TypeError("bearer must be a boolean, or have wrap and unwrap as what createJwtSessions makes"),
    ],
    [
      { bearer: { unwrap() {} } },
      new TypeError("bearer must be a boolean, or have wrap and unwrap as what createJwtSessions makes"),
    ],
    [{ cookie: false }, new TypeError("cookie and bearer cannot both be off: no token could travel")],
    [
      { csrf: { origins: [] } },
      new TypeError(
        'csrf: there is no option "origins"; did you mean "trustedOrigins"? The options are trustedOrigins, exempt',
      ),
    ],
    [{ csrf: { trustedOrigins: "https://a.com" } }, new TypeError("csrf.trustedOrigins must be an array of origins")],
    [
      { csrf: { trustedOrigins: ["a.com"] } },
      new TypeError('csrf.trustedOrigins must hold origins such as "https://example.com", got a.com'),
    ],
  ])("refuses %j", (options, error) => {
    expect(() => createHttpSessions(store, options as HttpOptions)).toThrow(error);
  });

  it.each([null, [], "secure", true])("refuses %j for options", (options) => {
    expect(() => createHttpSessions(store, options as never)).toThrow(TypeError);
  });

  it.each([{ cookie: null }, { cookie: true }, { csrf: null }, { csrf: true }])("refuses %j", (options) => {
    expect(() => createHttpSessions(store, options as never)).toThrow(TypeError);
  });

  it.each([
    [undefined, "undefined"],
    [null, "null"],
    [{}, "an object"],
    [redis, "a Redis client: give what createSessionStore(client) returns"],
    [{ store }, "an object with the store in it: give the store itself"],
    [Promise.resolve(store), "a promise: await it first"],
  ])("refuses what is no store: %#", (other, got) => {
    expect(() => createHttpSessions(other as never)).toThrow(
      new TypeError(`The store must be one that createSessionStore made, got ${got}`),
    );
  });

  it("takes options that are undefined for the defaults", () => {
    createHttpSessions(store, { cookie: undefined, bearer: undefined, csrf: undefined });
  });
});

describe("the port", () => {
  it("may say null for a header that was not sent, as the Headers of the web do", async () => {
    const { token } = await store.create({ userId: "ada" });
    const sent = new Headers({ cookie: `__Host-session=${token}` });
    const port: HttpPort = { method: "POST", header: (name) => sent.get(name), appendHeader: () => {} };
    const session = await createHttpSessions(store, { bearer: true }).load(port);
    expect(session.current?.userId).toBe("ada");
    const { session: started } = await session.start({ userId: "ada" });
    expect(started.client).toEqual({});
    await session.end();
    expect((await createHttpSessions(store).load({ ...port, header: () => null })).current).toBeNull();
  });

  it("may take the cookie in parts, with its age in seconds", async () => {
    const kept: unknown[] = [];
    const setCookie: HttpPort["setCookie"] = (...cookie) => kept.push(cookie);
    const port = { ...portOf({}, "POST"), setCookie };
    const session = await createHttpSessions(store, { cookie: { domain: "example.com" } }).load(port);
    const { token } = await session.start({ userId: "ada" });
    await session.end();
    const attributes = { httpOnly: true, secure: true, sameSite: "lax", path: "/", domain: "example.com" };
    expect(kept).toEqual([
      ["__Secure-session", token, { ...attributes, maxAge: 12 * 60 * 60 }],
      ["__Secure-session", "", { ...attributes, maxAge: 0 }],
    ]);
    expect(port.sent).toEqual([["Cache-Control", "no-store"]]);

    kept.length = 0;
    const brief = await createHttpSessions(store, { cookie: { persistent: false } }).load(port);
    await brief.start();
    const forBrowser = { httpOnly: true, secure: true, sameSite: "lax", path: "/" };
    expect(kept).toEqual([["__Host-session", expect.any(String), forBrowser]]);
  });

  it("is asked for names in lower case, and for the cookie alone by a request without one", async () => {
    const port = portOf();
    await createHttpSessions(store).load(port);
    expect(port.asked).toEqual(["cookie"]);

    const posting = portOf({ cookie: "__Host-session=x" }, "POST");
    await createHttpSessions(store, { bearer: true }).load(posting);
    for (const name of posting.asked) expect(name).toBe(name.toLowerCase());
    expect(new Set(posting.asked)).toEqual(new Set(["cookie", "authorization", "origin", "sec-fetch-site"]));
  });

  it("is believed about the method: only those that promise to change nothing may come from another site", async () => {
    const { token } = await store.create({ userId: "ada" });
    const forged = { cookie: `__Host-session=${token}`, "sec-fetch-site": "cross-site" };
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      expect((await createHttpSessions(store).load(portOf(forged, method))).current?.userId).toBe("ada");
    }
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "QUERY", "PROPFIND", "post"]) {
      await expect(createHttpSessions(store).load(portOf(forged, method))).rejects.toThrow(UntrustedOriginError);
    }
  });

  it("gets no header for a session that nobody looks at, and each once for one that is looked at often", async () => {
    const { token } = await store.create({ userId: "ada" });
    for (const look of [(session: RequestSession) => session.current, (session: RequestSession) => session.require()]) {
      const port = portOf({ cookie: `__Host-session=${token}` });
      const session = await createHttpSessions(store).load(port);
      expect(port.sent).toEqual([]);
      expect(look(session)?.userId).toBe("ada");
      session.require();
      expect(session.current?.userId).toBe("ada");
      expect(port.sent).toEqual([
        ["Vary", "Cookie"],
        ["Cache-Control", "no-store"],
      ]);
    }
  });

  it("gets no header once the headers are sent, and the session can still be read", async () => {
    const { token } = await store.create({ userId: "ada" });
    const port = { ...portOf({ cookie: `__Host-session=${token}` }), writable: () => false };
    const session = await createHttpSessions(store).load(port);
    expect([session.current?.userId, session.require().userId]).toEqual(["ada", "ada"]);
    expect(port.sent).toEqual([]);
  });
});

describe("a store that somebody has wrapped", () => {
  it("does not make an old log-in fresh for a request that does not slide", async () => {
    const wrapped = { ...store, get: (token: unknown) => store.get(token) };
    const { token } = await store.create({ userId: "ada" });
    const load = () =>
      createHttpSessions(wrapped, { slide: () => false }).load(portOf({ cookie: `__Host-session=${token}` }));
    expect((await load()).require({ freshWithin: 60_000 }).userId).toBe("ada");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_001 });
    try {
      const session = await load();
      expect(session.current?.userId).toBe("ada");
      expect(() => session.require({ freshWithin: 60_000 })).toThrow(UnauthenticatedError);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("require", () => {
  const loaded = async (claims: Record<string, unknown> = {}) => {
    const { token } = await store.create({ userId: "ada", claims });
    return createHttpSessions(store).load(portOf({ cookie: `__Host-session=${token}` }));
  };

  it("gives the session", async () => {
    const session = await loaded({ role: "admin" });
    expect(session.require()).toBe(session.current);
    expect(session.require({ where: { role: "admin" }, freshWithin: 60_000 })).toBe(session.current);
  });

  it("refuses a misspelt requirement, which would let everybody through", async () => {
    const session = await loaded();
    expect(() => session.require({ were: { role: "admin" } } as never)).toThrow(TypeError);
    expect(() => session.require({ where: ["admin"] } as never)).toThrow(TypeError);
    expect(() => session.require({ freshWithin: "1m" } as never)).toThrow(TypeError);
  });

  it("compares what a claim is, and not what it looks like", async () => {
    const session = await loaded({ level: 1, flag: true, none: null, list: ["a"] });
    expect(session.require({ where: { level: 1, flag: true, none: null } })).toBe(session.current);
    for (const where of [
      { level: "1" },
      { level: true },
      { flag: 1 },
      { flag: "true" },
      { missing: null },
      { toString: "function toString() { [native code] }" },
      { constructor: {} },
      JSON.parse(`{"__proto__":{}}`) as object,
      { list: "a" },
      { list: [] },
      { list: { 0: "a" } },
    ]) {
      expect(() => session.require({ where }), JSON.stringify(where)).toThrow(ForbiddenError);
    }
    const wherever = Object.assign(Object.create(null), { list: ["a"], level: 1 });
    expect(session.require({ where: wherever })).toBe(session.current);
    expect(() => session.require({ where: { missing: undefined } })).toThrow(TypeError);
    expect(() => session.require({ where: {} })).toThrow(TypeError);
  });

  it.each([undefined, null, 1, "yes", Promise.resolve(true)])("refuses a test that answers %j", async (answer) => {
    const session = await loaded();
    expect(() => session.require({ where: () => answer as never })).toThrow(/^where must return a boolean, got /);
  });

  it("says why, in errors that are recognised across copies of the package", async () => {
    const session = await createHttpSessions(store).load(portOf());
    const error = (() => {
      try {
        return session.require();
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(isSessionError(error)).toBe(true);
    expect(error).toBeInstanceOf(UnauthenticatedError);
    expect(error).toMatchObject({ status: 401, reauthenticate: false });
    expect(error).not.toHaveProperty("headers");
  });

  it("shares its checks with the guards of adapters", () => {
    expect(() => checkRequirement({ were: 1 } as never)).toThrow(TypeError);
    expect(() => checkRequirement({ where: { role: "admin" }, freshWithin: 1 })).not.toThrow();
  });
});

describe("the calls", () => {
  const load = (headers: Record<string, string> = {}, options?: HttpOptions) =>
    createHttpSessions(store, options).load(portOf(headers, "POST"));

  it("refuse options that they do not have", async () => {
    const session = await load();
    await expect(session.start({ user: "ada" } as never)).rejects.toThrow(
      new TypeError(
        'session.start: there is no option "user"; did you mean "userId"? The options are userId, claims, client, idleTimeout, absoluteTimeout, persistent, transport',
      ),
    );
    await expect(session.start({ transport: "query" } as never)).rejects.toThrow(RangeError);
    await expect(session.start({ userId: "" })).rejects.toThrow(RangeError);
    await expect(session.start({ client: { agent: "x" } } as never)).rejects.toThrow(TypeError);
    await expect(session.end({ everywhere: true } as never)).rejects.toThrow(TypeError);
    await expect(session.end({ clearSiteData: 1 } as never)).rejects.toThrow(TypeError);
    await expect(session.endAll({ except: "x" } as never)).rejects.toThrow(TypeError);
    await expect(session.endAll({ exceptCurrent: "yes" } as never)).rejects.toThrow(TypeError);
    await expect(session.rotate({ userId: "eve" } as never)).rejects.toThrow(
      new TypeError('session.rotate: there is no option "userId"; the options are claims, reauthenticated, grace'),
    );
  });

  it("refuse the same client with a session as without one", async () => {
    const { token } = await store.create();
    const session = await load({ cookie: `__Host-session=${token}` });
    await expect(session.start({ userId: "ada", client: { agent: "x" } } as never)).rejects.toThrow(TypeError);
    expect(await store.get(token)).not.toBeNull();
  });

  it("see one another: a session that a request has just started can be changed and ended in it", async () => {
    const port = portOf({}, "POST");
    const session = await createHttpSessions(store).load(port);
    const { token } = await session.start({ userId: "ada" });
    expect(session.require({ freshWithin: 1000 }).userId).toBe("ada");
    await session.updateClaims({ a: 1 });
    expect(session.current?.claims).toEqual({ a: 1 });
    expect(await session.end()).toBe(true);
    expect(session.current).toBeNull();
    expect(await session.end()).toBe(false);
    expect(await session.updateClaims({ a: 2 })).toBeNull();
    expect(await store.get(token)).toBeNull();
    // The browser takes the last one.
    expect(port.sent.filter(([name]) => name === "Set-Cookie").at(-1)?.[1]).toMatch(/^__Host-session=; Max-Age=0/);
  });

  it("never show the token to whoever prints the session of a request", async () => {
    const { inspect } = await import("node:util");
    const session = await load();
    const { token } = await session.start({ userId: "ada" });
    const secret = token.slice(27);
    for (const text of [inspect(session, { depth: 9, showHidden: true }), JSON.stringify(session), String(session)]) {
      expect(text).not.toContain(secret);
    }
  });
});
