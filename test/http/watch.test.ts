/** `watch` of a request's session: what it watches, and that a request without a session is given none. */
import { randomBytes } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { createHttpSessions, type HttpOptions, type HttpPort } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { createJwtSessions } from "../../src/jwt.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix, timeout: 10_000 });
afterFile(() => store.close());

const load = (headers: Record<string, string>, options: HttpOptions = {}, port: Partial<HttpPort> = {}) =>
  createHttpSessions(store, options).load({
    method: "GET",
    header: (name) => headers[name],
    appendHeader: () => {},
    ...port,
  });
const cookie = (token: string) => ({ cookie: `__Host-session=${token}` });
const login = () => store.create({ userId: "ada" });

describe("watch of a request", () => {
  it("watches the session of the cookie, or of the bearer token", async () => {
    for (const [headers, options] of [
      [(token: string) => cookie(token), {}],
      [(token: string) => ({ authorization: `Bearer ${token}` }), { bearer: true, cookie: false }],
    ] as const) {
      const { token, session } = await login();
      const watch = await (await load(headers(token), options)).watch();
      expect(watch.session?.id).toBe(session.id);
      await store.revoke(token);
      await vi.waitFor(() => expect(watch.signal.reason?.reason).toBe("revoked"));
    }
  });

  it("watches the session that a JWT wraps", async () => {
    const jwts = createJwtSessions(store, {
      ...{ issuer: "https://issuer.example", audience: "https://app.example" },
      keys: [{ kid: "1", alg: "HS256", key: randomBytes(32) }],
    });
    const session = await load({}, { bearer: jwts, cookie: false });
    const { token } = await session.start({ userId: "ada" });
    const next = await load({ authorization: `Bearer ${token}` }, { bearer: jwts, cookie: false });
    const watch = await next.watch();
    expect(watch.session).toEqual(next.current);
    await next.endAll();
    await vi.waitFor(() => expect(watch.signal.reason?.reason).toBe("user"));
  });

  it("needs no response, so it works while a socket is opened", async () => {
    const { token } = await login();
    const headers = { ...cookie(token), upgrade: "websocket", host: "shop.test", origin: "https://shop.test" };
    const watch = await (await load(headers, {}, { writable: () => false })).watch({ unsureAfter: 60_000 });
    expect(watch.signal.aborted).toBe(false);
    watch.close();
  });

  it("has ended as unknown for a request without a live session, or with two, and asks nobody", async () => {
    const [first, second, dead] = [await login(), await login(), await login()];
    await store.revoke(dead.token);
    const requests = [
      {},
      cookie("rubbish"),
      cookie(dead.token),
      { ...cookie(first.token), authorization: `Bearer ${second.token}` },
    ];
    for (const headers of requests) {
      const session = await load(headers, { bearer: true });
      const before: Record<string, number> = await commandsDuring(redis, async () => {
        const watch = await session.watch();
        expect([watch.session, watch.signal.reason?.reason]).toEqual([null, "unknown"]);
      });
      expect(before["evalsha"] ?? 0).toBe(0);
    }
  });

  it("watches the session that the request has started, and none that it has ended", async () => {
    const session = await load({});
    await session.start({ userId: "ada" });
    const watch = await session.watch();
    expect(watch.session?.userId).toBe("ada");
    await session.end();
    await vi.waitFor(() => expect(watch.signal.reason?.reason).toBe("revoked"));
    expect((await session.watch()).signal.reason?.reason).toBe("unknown");
  });

  it("refuses options that are none", async () => {
    const session = await load({});
    await expect(session.watch({ unsureAfter: 1 })).rejects.toThrow(RangeError);
  });
});
