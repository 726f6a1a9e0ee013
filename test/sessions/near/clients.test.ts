/** The near cache on clients of node-redis, and behind what stands on a store: JWTs and introspection. */
import { generateKeyPairSync } from "node:crypto";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis5";
import { describe, expect, inject, it, vi } from "vitest";
import { createSessionStore, type SessionStore } from "../../../src/index.js";
import { introspect } from "../../../src/introspection.js";
import { createJwtSessions } from "../../../src/jwt.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { startProxy } from "../../harness/tcp-proxy.js";

const FAST = { interval: 1, timeout: 15_000 };
const NEAR = { lease: 10_000 };

async function serving(store: SessionStore): Promise<SessionStore> {
  afterFile(() => store.close());
  store.peek("");
  await vi.waitFor(() => expect(store.near.state).toBe("serving"), FAST);
  return store;
}

describe.each([
  ["6", createClient],
  ["5", createClient5 as unknown as typeof createClient],
] as const)("near on node-redis %s", (_, make) => {
  async function open() {
    const client = make({ url: inject("redisUrl") });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    return client;
  }

  it.each(["its own", "a given"])("hears on %s subscriber, and forgets when that is lost", async (whose) => {
    const prefix = uniquePrefix();
    const client = await open();
    const near = whose === "a given" ? { ...NEAR, subscriber: await open() } : NEAR;
    const store = await serving(createSessionStore(client as never, { prefix, near: near as never }));
    const elsewhere = createSessionStore(connect(), { prefix });
    const { token } = await elsewhere.create({ userId: "ada" });
    await store.touch(token);
    expect(store.peek(token)?.userId).toBe("ada");
    await elsewhere.updateClaims(token, { changed: true });
    await vi.waitFor(() => expect(store.peek(token)).toBeUndefined(), FAST);
    await store.touch(token);
    expect(store.peek(token)?.claims).toEqual({ changed: true });
    await elsewhere.revoke(token);
    await vi.waitFor(() => expect(store.peek(token)).toBeUndefined(), FAST);
    expect(await store.touch(token)).toBeNull();
    await store.close();
    expect(store.near.state).toBe("off");
  });

  it("hears on a subscriber that it shares with another store, also after that one has been closed", async () => {
    const prefix = uniquePrefix();
    const near = { ...NEAR, subscriber: await open() } as never;
    const store = await serving(createSessionStore((await open()) as never, { prefix, near }));
    const other = await serving(createSessionStore((await open()) as never, { prefix, near }));
    await other.close();
    const elsewhere = createSessionStore(connect(), { prefix });
    const { token } = await elsewhere.create();
    await store.touch(token);
    expect(store.peek(token)).toBeDefined();
    await elsewhere.revoke(token);
    await vi.waitFor(() => expect(store.peek(token)).toBeUndefined(), FAST);
  });

  it("forgets everything when its client loses the connection with nothing under way", async () => {
    const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
    afterFile(() => proxy.close());
    const client = make({ url: proxy.url, socket: { reconnectStrategy: 5 } });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const near = { ...NEAR, subscriber: await open() } as never;
    const store = await serving(createSessionStore(client as never, { prefix: uniquePrefix(), near }));
    const { token } = await store.create();
    await store.touch(token);
    expect(store.peek(token)).toBeDefined();
    const again = () => {
      client.destroy();
      return client.connect();
    };
    for (const ends of [() => proxy.reset(), again]) {
      const back = new Promise((resolve) => client.once("ready", () => resolve(undefined)));
      await ends();
      await back;
      expect([store.peek(token), store.near.stats.size]).toEqual([undefined, 0]);
      await vi.waitFor(() => expect(store.near.state).toBe("serving"), FAST);
      await store.touch(token);
      expect(store.peek(token)).toBeDefined();
    }
  });
});

describe("what stands on a store with near", () => {
  it("answers from memory, and no more once another process has ended the session", async () => {
    const prefix = uniquePrefix();
    const store = await serving(createSessionStore(connect(), { prefix, near: NEAR }));
    const elsewhere = createSessionStore(connect(), { prefix });
    const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwts = createJwtSessions(store, {
      key: { kid: "1", alg: "ES256", key },
      issuer: "https://shop.example",
      audience: "https://shop.example",
    });
    const issued = await elsewhere.create({ userId: "ada" });
    const jwt = await jwts.wrap(issued);
    const seen = await store.touch(issued.token);
    const { misses } = store.near.stats;
    expect(await jwts.verify(jwt)).toBe(seen);
    expect(await introspect(store, issued.token)).toMatchObject({ active: true, sub: "ada" });
    expect(await introspect(store, issued.token, { touch: true })).toMatchObject({ active: true });
    expect(store.near.stats).toMatchObject({ misses, hits: 3 });
    await elsewhere.revoke(issued.token);
    await vi.waitFor(async () => expect(await jwts.verify(jwt)).toBeNull(), FAST);
    expect(await introspect(store, issued.token)).toEqual({ active: false });
  });
});
