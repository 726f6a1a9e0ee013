/** What can fail under the near cache, on real servers: it serves nothing that was revoked more than a lease ago. */
import type { Redis } from "ioredis";
import { describe, expect, it, vi } from "vitest";
import { createSessionStore, type NearReason, type NearState, type SessionStore } from "../../../src/index.js";
import { grant } from "../../harness/access.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy } from "../../harness/tcp-proxy.js";

const LEASE = 1000;
const FAST = { interval: 1, timeout: 15_000 };

const server = await startRedisServer();
const other = await startRedisServer();
for (const each of [server, other]) afterFile(() => each.stop());
const admin = connect({ port: server.port });

interface Rig {
  readonly store: SessionStore;
  readonly subscriber: Redis;
  readonly elsewhere: SessionStore;
  readonly events: { readonly state: NearState; readonly reason: NearReason }[];
}

/** A store that serves, on clients of its own, each at a port. */
async function serving({
  lease = LEASE,
  data: at = server.port,
  subscriber: hearsAt = server.port,
} = {}): Promise<Rig> {
  const prefix = uniquePrefix();
  const data = connect({ port: at });
  const subscriber = connect({ port: hearsAt });
  const store: SessionStore = createSessionStore(data, { prefix, near: { lease, subscriber } });
  const elsewhere: SessionStore = createSessionStore(connect({ port: server.port }), { prefix });
  afterFile(() => store.close());
  const events: Rig["events"] = [];
  store.events.on("near", (event) => events.push(event));
  store.peek("");
  await becomes(store, "serving");
  return { store, subscriber, elsewhere, events };
}

function becomes(store: SessionStore, state: NearState): Promise<unknown> {
  return vi.waitFor(() => expect(store.near.state).toBe(state), FAST);
}

/** A session in the memory of a store. */
async function remembered({ store, elsewhere }: Pick<Rig, "store" | "elsewhere">): Promise<string> {
  const { token } = await elsewhere.create({ userId: "ada" });
  await vi.waitFor(async () => {
    await store.touch(token);
    expect(store.peek(token)).toBeDefined();
  }, FAST);
  return token;
}

/** Looks at memory for so many ms. Gives how many of them went by until the last answer that it gave. */
async function servedFor(store: SessionStore, token: string, ms: number, isAsked = true): Promise<number> {
  const begun = performance.now();
  let last = 0;
  while (performance.now() - begun < ms) {
    if (store.peek(token) !== undefined) last = performance.now() - begun;
    // What comes from Redis may fill memory again.
    if (isAsked) await store.touch(token).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return last;
}

describe("data and pushes from two servers: a failover that one of the two clients has missed", () => {
  // A lease by PING would go on for ever here: each server answers.
  it.each(["subscriber", "data"] as const)(
    "serve nothing for longer than a lease if the %s client is on the new one",
    async (moved) => {
      const way = await startProxy(server.port);
      afterFile(() => way.close());
      const rig = await serving({ [moved]: way.port });
      const token = await remembered(rig);
      const key = await theKey(token);
      // The new master has what the old one had.
      const to = connect({ port: other.port });
      await to.restore(key, await admin.pttl(key), (await admin.dumpBuffer(key)) as never);
      way.retarget(other.port);
      way.reset();
      // The revocation is acknowledged by the new master; the old one does not know of it.
      await to.del(key);
      const served = await servedFor(rig.store, token, 5000);
      expect(served).toBeLessThanOrEqual(LEASE);
      expect(rig.store.near.state).toBe("lapsed");
    },
  );
});

async function theKey(token: string): Promise<string> {
  const keys = await admin.keys(`*:s:${token.slice(0, 26)}`);
  return keys[0] ?? expect.fail("There is no such session.");
}

describe("a store with near", () => {
  it("forgets everything within a lease after FLUSHALL, which breaks no connection", async () => {
    const rig = await serving();
    const token = await remembered(rig);
    await admin.flushall();
    expect(await servedFor(rig.store, token, 1500, false)).toBeLessThanOrEqual(LEASE);
    expect(rig.events).toContainEqual({ state: "lapsed", reason: "canary" });
    await becomes(rig.store, "serving");
    expect(await rig.store.touch(token)).toBeNull();
  });

  it("goes on while Redis is out of memory", async () => {
    const rig = await serving({ lease: 300 });
    const token = await remembered(rig);
    await admin.config("SET", "maxmemory", "1");
    try {
      const { lapses } = rig.store.near.stats;
      const { beats } = rig.store.near.stats;
      await vi.waitFor(() => {
        rig.store.peek(token);
        expect(rig.store.near.stats.beats).toBeGreaterThan(beats + 12);
      }, FAST);
      expect(rig.store.near.state).toBe("serving");
      expect(rig.store.near.stats.lapses).toBeLessThanOrEqual(lapses + 2);
      await rig.elsewhere.revoke(token);
      await vi.waitFor(() => expect(rig.store.peek(token)).toBeUndefined(), FAST);
    } finally {
      await admin.config("SET", "maxmemory", "0");
    }
  });

  it.each<[string, () => Promise<unknown>, () => Promise<unknown>]>([
    ["becomes a replica", () => admin.replicaof("127.0.0.1", other.port), () => admin.replicaof("NO", "ONE")],
    [
      "has too few replicas",
      () => admin.config("SET", "min-replicas-to-write", "1"),
      () => admin.config("SET", "min-replicas-to-write", "0"),
    ],
    ["freezes", async () => server.freeze(), async () => server.thaw()],
  ])(
    "lapses after a lease at the latest if its master %s, and serves again when that is over",
    async (_, begin, end) => {
      const rig = await serving();
      const token = await remembered(rig);
      await begin();
      const begun = performance.now();
      try {
        expect(await servedFor(rig.store, token, 1500, false)).toBeLessThanOrEqual(LEASE);
        expect(performance.now() - begun).toBeGreaterThan(LEASE);
      } finally {
        await end();
      }
      await vi.waitFor(() => {
        rig.store.peek("");
        expect(rig.store.near.state).toBe("serving");
      }, FAST);
    },
  );

  it("serves nothing in the turn in which a blocked event loop goes on", async () => {
    const rig = await serving({ lease: 300 });
    const token = await remembered(rig);
    expect(rig.store.peek(token)).toBeDefined();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    expect(rig.store.peek(token)).toBeUndefined();
  });

  it("never serves, and says why, if its user of Redis may not publish; and revokes all the same", async () => {
    const username = "mute";
    await grant(admin, { username, password: "secret", rules: ["on", ">secret", "~*", "resetchannels", "+@all"] });
    const prefix = uniquePrefix();
    const subscriber = connect({ port: server.port });
    const data = connect({ port: server.port, username, password: "secret" });
    const store = createSessionStore(data, { prefix, near: { subscriber } });
    afterFile(() => store.close());
    const { token } = await store.create({ userId: "ada" });
    for (let n = 0; n < 10; n++) {
      await store.touch(token);
      expect(store.peek(token)).toBeUndefined();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(store.near).toMatchObject({ state: "lapsed", stats: { fills: 0, size: 0 } });
    expect(store.near.stats.beats).toBeGreaterThan(0);
    expect(await store.revoke(token)).toBe(true);
    expect(await store.touch(token)).toBeNull();
  });

  it("never serves again when the application has closed the subscriber", async () => {
    const rig = await serving();
    const token = await remembered(rig);
    rig.subscriber.disconnect();
    await becomes(rig.store, "lapsed");
    expect(rig.events.at(-1)).toEqual({ state: "lapsed", reason: "subscriber" });
    for (let n = 0; n < 10; n++) {
      expect(await rig.store.touch(token)).not.toBeNull();
      expect(rig.store.peek(token)).toBeUndefined();
    }
    expect(rig.store.near.stats.size).toBe(0);
    await rig.store.close();
  });

  it("connects a subscriber again that hears nothing and looks well", async () => {
    const rig = await serving({ lease: 200 });
    const token = await remembered(rig);
    // ioredis does not notice this.
    await rig.subscriber.unsubscribe();
    await vi.waitFor(() => {
      rig.store.peek("");
      expect(rig.events).toContainEqual({ state: "lapsed", reason: "silence" });
    }, FAST);
    await vi.waitFor(() => {
      rig.store.peek("");
      expect(rig.store.near.state).toBe("serving");
    }, FAST);
    await rig.store.touch(token);
    expect(rig.store.peek(token)).toBeDefined();
  });

  it("publishes nothing when sessions are made, read, slid and listed", async () => {
    const prefix = uniquePrefix();
    const heard: string[] = [];
    const listener = connect({ port: server.port });
    await listener.psubscribe(`${prefix}*`);
    listener.on("pmessage", (_pattern, _channel, text) => heard.push(text));
    const store = createSessionStore(connect({ port: server.port }), { prefix, touchInterval: 0 });
    const { token, session } = await store.create({ userId: "ada" });
    for (let n = 0; n < 5; n++) await store.touch(token);
    await store.get(token);
    await store.find(session.id);
    await store.listForUser("ada");
    await store.revoke(token);
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0));
    expect(heard).toEqual([`r ${session.id}`]);
  });

  it("keeps its memory if nobody asks for ten leases, and no timer runs meanwhile", async () => {
    const rig = await serving({ lease: 100 });
    const token = await remembered(rig);
    await vi.waitFor(() => expect(rig.events.at(-1)).toEqual({ state: "lapsed", reason: "idle" }), FAST);
    const { beats } = rig.store.near.stats;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(rig.store.near.stats.beats).toBe(beats);
    // It has listened all the time.
    expect(rig.store.near.stats.size).toBe(1);
    rig.store.peek("");
    await becomes(rig.store, "serving");
    expect(rig.store.peek(token)).toBeDefined();
  });
});

describe.each([true, false])("a subscriber of the application's with autoResubscribe: %s", (autoResubscribe) => {
  it("hears everything once after a loss, for near and for watches, and what it has missed is found out", async () => {
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const prefix = uniquePrefix();
    const subscriber = connect({ port: proxy.port, autoResubscribe, retryStrategy: () => 20 });
    const near = { subscriber, lease: 10_000 };
    const store: SessionStore = createSessionStore(connect({ port: server.port }), { prefix, near });
    const elsewhere: SessionStore = createSessionStore(connect({ port: server.port }), { prefix });
    afterFile(() => store.close());
    store.peek("");
    await becomes(store, "serving");
    const [missed, heard] = [await remembered({ store, elsewhere }), await remembered({ store, elsewhere })];
    const watches = [await store.watch(missed), await store.watch(heard)];

    const lost = new Promise((resolve) => subscriber.once("close", resolve));
    proxy.refuse();
    proxy.reset();
    await lost;
    expect([missed, heard].map((token) => store.peek(token))).toEqual([undefined, undefined]);
    expect(await elsewhere.revoke(missed)).toBe(true);
    await proxy.accept();
    await vi.waitFor(() => expect(watches.map(({ signal }) => signal.aborted)).toEqual([true, false]), FAST);
    await becomes(store, "serving");
    await vi.waitFor(async () => {
      await store.touch(heard);
      expect(store.peek(heard)).toBeDefined();
    }, FAST);
    expect(await store.touch(missed)).toBeNull();

    const { pushes } = store.near.stats;
    await elsewhere.updateClaims(heard, { n: 1 });
    await elsewhere.revoke(heard);
    await vi.waitFor(() => expect(watches[1]?.signal.aborted).toBe(true), FAST);
    expect(watches[1]?.signal.reason).toMatchObject({ reason: "revoked" });
    expect(store.peek(heard)).toBeUndefined();
    // Two messages, each heard once, however often the channel was asked for.
    expect(store.near.stats.pushes - pushes).toBe(2);
    const channel = `${prefix}near`;
    expect(await admin.pubsub("NUMSUB", channel)).toEqual([channel, 1]);
  });
});
