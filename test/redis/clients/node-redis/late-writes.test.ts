/**
 * A connection that breaks between a command and its write: node-redis 5 then gave commands the replies of others. Here it breaks
 * exactly there, on every kind of client that shows its connections.
 */
import { once } from "node:events";
import net from "node:net";
import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import {
  createClient as createClient5,
  createClientPool as createClientPool5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from "redis5";
import { afterEach, describe, expect, inject, it, vi } from "vitest";
import { createSessionStore, type NodeRedisClient } from "../../../../src/index.js";
import { portOf } from "../../../../src/redis/clients/supported.js";
import { afterFile, uniquePrefix } from "../../../harness/fixtures.js";
import { startCluster } from "../../../harness/redis-cluster.js";
import { startProxy } from "../../../harness/tcp-proxy.js";

const cluster = await startCluster({ masters: 1, replicas: 0 });
afterFile(() => cluster.close());

const VERSIONS = {
  6: { createClient, createClientPool, createCluster },
  5: {
    createClient: createClient5 as unknown as typeof createClient,
    createClientPool: createClientPool5 as unknown as typeof createClientPool,
    createCluster: createCluster5 as unknown as typeof createCluster,
  },
};

const socket = { reconnectStrategy: () => 5 };
type Connectable = NodeRedisClient & { connect(): Promise<unknown>; destroy(): unknown };
const KINDS = Object.entries(VERSIONS).flatMap(([version, made]): [string, () => Connectable][] => [
  [`client of node-redis ${version}`, () => made.createClient({ url: inject("redisUrl"), socket })],
  [
    `pool of node-redis ${version}`,
    () => made.createClientPool({ url: inject("redisUrl"), socket }, { minimum: 1, maximum: 1 }),
  ],
  [
    `cluster of node-redis ${version}`,
    () => made.createCluster({ rootNodes: cluster.urls.map((url) => ({ url })), defaults: { socket } }),
  ],
]);

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(KINDS)("a %s", (_, make) => {
  it("gives each caller the own session, when the connection breaks before what was asked is written", async () => {
    const connecting = vi.spyOn(net, "createConnection");
    const client = make();
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 10_000 });
    const made = await Promise.all(Array.from({ length: 20 }, (_, at) => store.create({ userId: `user ${at}` })));
    const { token: dead } = await store.create();
    expect(await store.revoke(dead)).toBe(true);
    expect(await store.get(dead)).toBeNull();

    const lookUp = () => [...made.map(({ token }) => store.get(token)), store.get(dead)];
    const asked = lookUp();
    const broken = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    for (const { value } of connecting.mock.results) (value as net.Socket).destroy(broken);
    // These wait in the client for the next connection.
    await new Promise((resolve) => process.nextTick(resolve));
    asked.push(...lookUp());
    const found = await Promise.all(asked);
    const right = [...made.map(({ session }) => session.id), undefined];
    expect(found.map((session) => session?.id)).toEqual([...right, ...right]);
    expect((await store.get(made[0]?.token))?.id).toBe(made[0]?.session.id);
  });
});

it.each(["6", "5"] as const)(
  "a client of node-redis %s gathers no listeners while a load balancer ends each connection that it has accepted",
  async (version) => {
    const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
    const empty = net.createServer((accepted) => accepted.destroy()).listen(0, "127.0.0.1");
    await once(empty, "listening");
    const client = VERSIONS[version].createClient({ url: proxy.url, socket });
    afterFile(async () => {
      client.destroy();
      empty.close();
      await proxy.close();
    });
    client.on("error", () => {});
    await client.connect();
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 10_000 });
    const { token, session } = await store.create();
    const listeners = () => ["connect", "ready"].map((event) => client.listenerCount(event));
    const before = listeners();
    let attempts = 0;
    client.on("reconnecting", () => attempts++);
    proxy.retarget((empty.address() as net.AddressInfo).port);
    proxy.reset();
    await vi.waitFor(() => expect(attempts).toBeGreaterThan(12), { timeout: 15_000, interval: 5 });
    // One of each waits for the connection that is being made.
    for (const [at, count] of listeners().entries()) expect(count).toBeLessThanOrEqual((before[at] as number) + 1);
    proxy.retarget(Number(new URL(inject("redisUrl")).port));
    expect(await store.get(token)).toEqual(session);
    await vi.waitFor(() => expect(listeners()).toEqual(before), { timeout: 15_000, interval: 5 });
  },
);

it("nobody can do that on a sentinel of node-redis 5, and check says so", () => {
  const options = { name: "main", sentinelRootNodes: [{ host: "127.0.0.1", port: 1 }] };
  const levels = (client: NodeRedisClient) =>
    portOf("", client)
      .findings()
      .map(({ code, level }) => `${code}: ${level}`);
  expect(levels(createSentinel(options))).toEqual(["client-untold: warning"]);
  expect(levels(createSentinel5(options))).toEqual(["client-untold: warning", "mixed-replies: danger"]);
});
