/** `session.ended`: the bearer of a dead token is told why its session ended, at no further round trip, and nobody else is. */
import { describe, expect, it, vi } from "vitest";
import { createHttpSessions, type HttpOptions, type HttpPort } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { createJwtSessions } from "../../src/jwt.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { present, withOtherSecret } from "../sessions/contract/rig.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const options = { prefix, timeout: 10_000 };
const store = createSessionStore(redis, { ...options, endings: 600_000 });
const forgetful = createSessionStore(redis, options);
const jwts = createJwtSessions(store, {
  key: { kid: "a", alg: "HS256", key: Buffer.alloc(32, 1) },
  issuer: "https://issuer.example",
  audience: "https://app.example",
});

interface TestPort extends HttpPort {
  readonly sent: Map<string, string>;
}

function portOf(headers: Record<string, string>): TestPort {
  const sent = new Map<string, string>();
  const header = (name: string) => headers[name.toLowerCase()];
  return { sent, method: "GET", header, appendHeader: (name, value) => sent.set(name, value) };
}

const cookie = (...tokens: string[]) => ({ cookie: tokens.map((token) => `__Host-session=${token}`).join("; ") });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function load(headers: Record<string, string>, http: HttpOptions = {}, by = store) {
  const port = portOf(headers);
  return { port, session: await createHttpSessions(by, http).load(port) };
}

/** A session that somebody has ended. */
async function dead(note = "password") {
  const issued = await store.create({ userId: "ada" });
  await store.revoke(issued.token, { note });
  return issued;
}

describe("session.ended", () => {
  it.each([
    ["a cookie", async (token: string) => [cookie(token), {}]],
    ["a cookie that does not slide", async (token: string) => [cookie(token), { slide: () => false }]],
    ["a bearer token", async (token: string) => [bearer(token), { bearer: true }]],
    ["a JWT", async (_: string, jwt: string) => [bearer(jwt), { bearer: jwts }]],
    [
      "a bearer token beside a dead cookie",
      async (token: string) => [{ ...bearer(token), ...cookie((await dead("older")).token) }, { bearer: true }],
    ],
  ] as [string, (token: string, jwt: string) => Promise<[Record<string, string>, HttpOptions]>][])(
    "tells the bearer of %s why the session ended, and when",
    async (_, present) => {
      const issued = await store.create({ userId: "ada" });
      const [headers, http] = await present(issued.token, await jwts.wrap(issued));
      const before = await load(headers, http);
      expect(before.session.ended).toBeNull();
      expect(before.session.current?.id).toBe(issued.session.id);
      await store.revokeAllForUser("ada", { note: "password" });
      const { session, port } = await load(headers, http);
      expect(session.current).toBeNull();
      const { at } = session.ended ?? { at: 0 };
      expect(session.ended).toEqual({ reason: "user", at, note: "password" });
      expect(at).toBeGreaterThanOrEqual(issued.session.createdAt);
      expect(Object.isFrozen(session.ended)).toBe(true);
      // No cache may tell somebody else.
      expect(port.sent.get("Cache-Control")).toBe("no-store");
      expect(port.sent.get("Vary")).toMatch(/Cookie/);
      expect(() => session.require()).toThrow(/log in/i);
    },
  );

  it("is null on a live session, without a token, for a guess, and for a token that has expired", async () => {
    const { token } = await store.create({ userId: "ada" });
    for (const headers of [cookie(token), {}, cookie("rubbish"), cookie(withOtherSecret((await dead()).token))]) {
      const { session } = await load(headers);
      expect(session.ended).toBeNull();
    }
    const { session } = await load(cookie(token), {}, forgetful);
    await store.revoke(token);
    expect(session.ended).toBeNull();
  });

  it("is null without the option", async () => {
    const { token } = await dead();
    const { session, port } = await load(cookie(token), {}, forgetful);
    expect([session.current, session.ended]).toEqual([null, null]);
    expect(port.sent.has("Cache-Control")).toBe(false);
  });

  it("is null again after start(), and stays after end()", async () => {
    const { token } = await dead();
    const { session } = await load(cookie(token));
    expect(await session.end()).toBe(false);
    expect(session.ended).toMatchObject({ reason: "revoked", note: "password" });
    await session.start({ userId: "ada" });
    expect(session.ended).toBeNull();
    expect(session.current?.userId).toBe("ada");
  });

  it("cannot be assigned", async () => {
    const { session } = await load(cookie((await dead()).token));
    expect(() => Object.assign(session, { ended: null })).toThrow(/session\.ended cannot be assigned/);
  });

  it("tells of a rotation once its grace is over, and not before", async () => {
    const { token, session: old } = await store.create({ userId: "ada" });
    const fresh = present(await store.rotate(token, { grace: 60_000 }));
    expect((await load(cookie(token))).session.ended).toBeNull();
    await redis.del(`${prefix}{${old.id.slice(10, 13)}}:s:${old.id}`);
    expect((await load(cookie(token))).session.ended).toMatchObject({ reason: "rotated" });
    expect((await load(cookie(fresh.token))).session.ended).toBeNull();
  });

  it("tells of the later of two dead sessions, and of none if one lives", async () => {
    const [older, later] = [await dead("older"), await dead("later")];
    // Both may have ended in the same ms.
    const key = `${prefix}{${older.session.id.slice(10, 13)}}:x:${older.session.id}`;
    const ending = present(await redis.get(key));
    await redis.set(key, ending.replace(/ \d+ /, " 1700000000000 "), "KEEPTTL");
    for (const tokens of [
      [older.token, later.token],
      [later.token, older.token],
    ]) {
      expect((await load(cookie(...tokens))).session.ended).toMatchObject({ note: "later" });
    }
    const live = await store.create({ userId: "ada" });
    const { session } = await load(cookie(older.token, live.token, later.token));
    expect([session.current?.id, session.ended]).toEqual([live.session.id, null]);
  });

  it("tells also a process that had the session in its memory", async () => {
    const near = createSessionStore(redis, { ...options, endings: 600_000, near: true });
    afterFile(() => near.close());
    const { token } = await near.create({ userId: "ada" });
    await near.touch(token);
    await vi.waitFor(() => expect(near.near.state).toBe("serving"), { timeout: 10_000 });
    await near.touch(token);
    expect(near.peek(token)).toBeDefined();
    await store.revoke(token, { note: "elsewhere" });
    await vi.waitFor(() => expect(near.peek(token)).toBeUndefined(), { timeout: 10_000 });
    const { session } = await load(cookie(token), {}, near);
    expect([session.current, session.ended]).toMatchObject([null, { reason: "revoked", note: "elsewhere" }]);
    expect(near.peek(token)).toBeUndefined();
  });

  it("tells nothing where the store is wrapped", async () => {
    const { token } = await dead();
    const wrapped = { ...store, touch: async (value: unknown) => store.touch(value) };
    expect((await load(cookie(token), {}, wrapped)).session.ended).toBeNull();
  });
});

describe("a request with a dead token", () => {
  it("costs one call, and within it one key more with endings", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const own = connect({ port: server.port });
    const [on, off] = [600_000, 0].map((endings) => createSessionStore(own, { prefix, endings }));
    for (const by of [present(on), present(off)]) {
      const { token } = await present(on).create({ userId: "ada" });
      for (const slides of [true, false]) {
        await load(cookie(token), { slide: () => slides }, by);
      }
      await present(on).revoke(token);
      for (const slides of [true, false]) {
        const cost = await commandsDuring(own, () => load(cookie(token), { slide: () => slides }, by));
        expect(cost).toEqual({ evalsha: 1, hgetall: 1, ...(by === on ? { get: 1 } : {}) });
      }
    }
  });
});
