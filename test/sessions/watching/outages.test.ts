/** Watches when the network or Redis fails: what is lost is found out, and who does not want to trust is told. */
import { describe, expect, inject, it, vi } from "vitest";
import { createSessionStore, type SessionStore, type Watch } from "../../../src/index.js";
import { sendDuplicatesTo } from "../../harness/duplicates.js";
import { afterFile, connect, connectCluster, uniquePrefix } from "../../harness/fixtures.js";
import { startCluster } from "../../harness/redis-cluster.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy, type TcpProxy } from "../../harness/tcp-proxy.js";

const port = Number(new URL(inject("redisUrl")).port);
const reasonOf = ({ signal }: Watch) => (signal.aborted ? signal.reason.reason : "live");
const end = (watch: Watch) =>
  vi.waitFor(
    () => {
      expect(watch.signal.aborted).toBe(true);
      return reasonOf(watch);
    },
    { timeout: 60_000, interval: 5 },
  );

/** A store whose subscriber alone goes through a proxy. */
async function behindProxy(): Promise<{ proxy: TcpProxy; store: SessionStore }> {
  const proxy = await startProxy(port);
  const store = createSessionStore(sendDuplicatesTo(proxy.port, connect()), {
    prefix: uniquePrefix(),
    timeout: 10_000,
  });
  afterFile(async () => {
    await store.close();
    await proxy.close();
  });
  return { proxy, store };
}

describe.concurrent("a watch", () => {
  it("is not left deaf: a subscriber that looks well and hears nothing is replaced", async () => {
    const { proxy, store } = await behindProxy();
    const [lost, live] = [await store.create({}), await store.create({})];
    const watches = [await store.watch(lost.token), await store.watch(live.token)] as const;
    proxy.abandon();
    await store.revoke(lost.token);
    expect(await end(watches[0])).toBe("unknown");
    expect(reasonOf(watches[1])).toBe("live");
    // The new subscriber is there when another watch has begun.
    const fence = await store.watch(live.token);
    await store.revoke(live.token);
    expect([await end(watches[1]), await end(fence)]).toEqual(["revoked", "revoked"]);
  }, 90_000);

  it("ends as unsure while nothing can be heard, if it is told to, and no other", async () => {
    const { proxy, store } = await behindProxy();
    const { token } = await store.create({});
    const [limited, patient] = [await store.watch(token, { unsureAfter: 5000 }), await store.watch(token)];
    // As long as all is well it goes on.
    await new Promise((resolve) => setTimeout(resolve, 7000));
    expect(reasonOf(limited)).toBe("live");
    proxy.blackhole();
    expect(await end(limited)).toBe("unsure");
    expect(reasonOf(patient)).toBe("live");
  }, 90_000);

  it("learns that Redis has lost everything", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const client = connect({ port: server.port });
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 10_000 });
    afterFile(() => store.close());
    const watch = await store.watch((await store.create({})).token);
    // The next beat finds its canary gone.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await client.flushall();
    expect(await end(watch)).toBe("unknown");
  }, 90_000);
});

describe("on a Cluster", async () => {
  const cluster = await startCluster({ masters: 3 });
  afterFile(() => cluster.close());
  const client = connectCluster(cluster);
  const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 10_000 });
  const other = createSessionStore(connectCluster(cluster), { prefix: uniquePrefix(), timeout: 10_000 });
  afterFile(() => store.close());

  it("a watch hears of sessions on every node, before, during and after the move of their slot", async () => {
    const sessions = await Promise.all(Array.from({ length: 30 }, (_, at) => store.create({ userId: `user ${at}` })));
    const watches = await Promise.all(sessions.map(({ token }) => store.watch(token)));
    const { session } = sessions[0] as (typeof sessions)[0];
    const slot = await cluster.slotOf(`{${session.id.slice(10, 13)}}`);
    const owner = await cluster.ownerOf(slot);
    const to = cluster.masters.find((node) => node !== owner) ?? expect.fail();
    const move = await cluster.beginMove(slot, to);
    await store.revoke(session.id);
    expect(await end(watches[0] as Watch)).toBe("revoked");
    await move.finish();
    await Promise.all(sessions.slice(1).map(({ token }) => store.revoke(token)));
    const ends = await Promise.all(watches.slice(1).map(end));
    expect(new Set(ends)).toEqual(new Set(["revoked"]));
    expect(await other.get(sessions[1]?.token)).toBeNull();
  });

  it("a watch has its session looked up at intervals", async () => {
    const { token, session } = await store.create({});
    const watch = await store.watch(token, { lookUpEvery: 1000 });
    const [key = ""] = (await Promise.all(cluster.masters.map(({ admin }) => admin.keys(`*${session.id}`)))).flat();
    await client.del(key);
    expect(await end(watch)).toBe("unknown");
  });
});
