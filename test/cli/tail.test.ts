/** `coatcheck tail` while the server that it listens to fails: it says so, goes on with the next one, and its status tells. */
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore } from "../../src/index.js";
import { afterFile, connect, connectCluster, uniquePrefix } from "../harness/fixtures.js";
import { startCluster } from "../harness/redis-cluster.js";
import { startSentinel } from "../harness/redis-sentinel.js";
import { type Running, start } from "./program.js";

const imports = [new URL("without-ioredis.mjs", import.meta.url).href];

/** Long enough for elections on a busy machine. */
const PATIENT = 120_000;

/** Ends sessions until it has shown one of them: on a busy machine it may lose its connection once more. */
async function untilHeard(listening: Running, store: SessionStore): Promise<void> {
  const ids: string[] = [];
  const isShown = () => ids.some((id) => listening.said().includes(id));
  while (!isShown()) {
    const { session, token } = await store.create();
    ids.push(session.id);
    await store.revoke(token);
    const soon = Date.now() + 1000;
    while (!isShown() && Date.now() < soon) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("tail through Sentinel", () => {
  it("says that something may be missed when the master dies, and goes on with the new one", {
    timeout: PATIENT,
  }, async () => {
    const sentinel = await startSentinel({ downAfter: 1000 });
    afterFile(() => sentinel.close());
    const prefix = uniquePrefix();
    const env = { REDIS_URL: sentinel.sentinels.map(({ url }) => url).join(",") };
    const listening = start(["tail", "--json", "--sentinel", sentinel.client.name, "--prefix", prefix], { env });
    await listening.until("Listening.");
    const master = await sentinel.currentMaster();
    await master.kill();
    await listening.until("The connection is lost: something may be missed.");
    const next = await sentinel.failedOver(master);
    await listening.until("Listening again. What ended meanwhile is not shown.");
    const store = createSessionStore(connect({ port: next.port }), { prefix, timeout: 20_000 });
    await untilHeard(listening, store);
    listening.interrupt();
    expect((await listening.finished).status).toBe(130);
  });
});

describe.each(["ioredis", "redis"])("tail in a Cluster with %s", (client) => {
  it("says that something may be missed when the node dies that it listens to, and goes on with another", {
    timeout: PATIENT,
  }, async () => {
    const cluster = await startCluster({ masters: 3, replicas: 1, nodeTimeout: 1500 });
    afterFile(() => cluster.close());
    const prefix = uniquePrefix();
    const env = { REDIS_URL: cluster.urls.join(","), WITHOUT: client === "ioredis" ? "redis" : "ioredis" };
    const listening = start(["tail", "--json", "--cluster", "--prefix", prefix], { env, imports });
    await listening.until("Listening.");
    // Each of its nodes may be the one.
    const heard = await Promise.all(cluster.nodes.map(({ admin }) => admin.pubsub("CHANNELS", `*${prefix}*`)));
    const node = cluster.nodes[heard.findIndex((channels) => (channels as string[]).length > 0)];
    await node?.kill();
    await listening.until("The connection is lost: something may be missed.");
    await listening.until("Listening again. What ended meanwhile is not shown.");
    await cluster.settle();
    const store = createSessionStore(connectCluster(cluster), { prefix, timeout: 20_000 });
    await untilHeard(listening, store);
    listening.interrupt();
    expect((await listening.finished).status).toBe(130);
  });
});
