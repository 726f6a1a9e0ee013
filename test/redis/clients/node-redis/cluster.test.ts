/** What a cluster of node-redis does otherwise than one of ioredis: a node that joins, and one that leaves. */
import { createCluster } from "redis";
import { createCluster as createCluster5 } from "redis5";
import { describe, expect, it } from "vitest";
import { createSessionStore } from "../../../../src/index.js";
import { slotOf } from "../../../../src/redis/cluster/slot.js";
import { afterFile, uniquePrefix } from "../../../harness/fixtures.js";
import { startCluster } from "../../../harness/redis-cluster.js";

const cluster = await startCluster({ masters: 1, spares: 2 });
afterFile(() => cluster.close());
const [master] = cluster.masters as [(typeof cluster.masters)[number]];

describe.each([
  ["6", createCluster, 0],
  ["5", createCluster5 as unknown as typeof createCluster, 1],
] as const)("on a cluster of node-redis %s", (version, newCluster, at) => {
  async function open() {
    const client = newCluster({ rootNodes: [{ url: cluster.urls[0] as string }] });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const prefix = uniquePrefix();
    return { client, prefix, store: createSessionStore(client, { prefix, timeout: 20_000 }) };
  }

  it("calls wait while the first slot moves to a new node, which node-redis does not know", async () => {
    const { client, store, prefix } = await open();
    const userId = `user of ${version}`;
    const { token, session } = await store.create({ userId });
    const { token: dead } = await store.create({ userId });
    expect(await store.revoke(dead)).toBe(true);
    const [key] = (await master.admin.keys(`${prefix}*:s:*`)) as [string];
    const move = await cluster.beginMove(slotOf(key), cluster.spares[at] as (typeof cluster.spares)[number]);
    await move.carry(...(await move.waiting()));
    const calls = [store.get(token), store.get(dead), store.touch(token)];
    const careful = createSessionStore(client, { prefix, timeout: 20_000, replicas: { count: 1, timeout: 1000 } });
    const revoking = careful.revoke(token).then(
      () => "confirmed",
      (error: Error) => error.name,
    );
    let settled = 0;
    for (const call of [...calls, revoking]) void call.finally(() => settled++);
    // The node sends each of them away again and again.
    const sentAway = async () => Number(/cmdstat_evalsha:.*rejected_calls=(\d+)/.exec(await stats())?.[1]);
    const stats = async () => String(await master.admin.info("commandstats"));
    const before = await sentAway();
    await expect.poll(sentAway, { timeout: 15_000 }).toBeGreaterThan(before + 3 * calls.length);
    expect(settled).toBe(0);
    await move.finish();
    const [found, none] = await Promise.all(calls);
    expect(none).toBeNull();
    // The revocation may have come first.
    if (found !== null) expect(found).toMatchObject({ id: session.id });
    expect(await revoking).toBe("NotReplicatedError");
    expect(await store.get(token)).toBeNull();
  });

  it("sends a command again that waits for a node when that leaves the cluster", async () => {
    const { client, store } = await open();
    const { token, session } = await store.create({ userId: "ada" });
    for (const node of cluster.nodes) node.freeze();
    const getting = store.get(token);
    // It is in the client of the node then.
    await new Promise((resolve) => setImmediate(resolve));
    // As the cluster does with the client of a node that it does not find any more.
    for (const node of client.masters) {
      const left = await client.nodeClient(node);
      Reflect.deleteProperty(node, "client");
      left.destroy();
    }
    for (const node of cluster.nodes) node.thaw();
    expect((await getting)?.id).toBe(session.id);
  });

  it("does not send it again when the application has closed the cluster", async () => {
    const { client, store } = await open();
    const { token } = await store.create({ userId: "ada" });
    const refused = expect(store.get(token)).rejects.toThrow("Redis cannot be reached");
    await new Promise((resolve) => setImmediate(resolve));
    client.destroy();
    await refused;
  });
});
