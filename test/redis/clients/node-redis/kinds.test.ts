/**
 * A session store on every kind of client of node-redis: client, pool, cluster and sentinel, with RESP2 and RESP3, with types
 * mapped and replies cached. The contract of the store runs on a client and on a cluster (see harness/client-under-test.ts);
 * this is about what the kinds do differently.
 */
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from "redis";
import {
  createClient as createClient5,
  createClientPool as createClientPool5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from "redis5";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import {
  createSessionStore,
  type NodeRedisClient,
  NotReplicatedError,
  type SessionStoreOptions,
} from "../../../../src/index.js";
import { createOneTimeTokens } from "../../../../src/one-time.js";
import { MAX_LATE } from "../../../../src/redis/calls/backlog.js";
import { portOf } from "../../../../src/redis/clients/supported.js";
import { scripts } from "../../../../src/sessions/scripts/scripts.js";
import { callEveryVerbApart, rejection, stranger } from "../../../fixtures/every-verb.js";
import { afterFile, connect, uniquePrefix } from "../../../harness/fixtures.js";
import { startCluster } from "../../../harness/redis-cluster.js";
import { startSentinel } from "../../../harness/redis-sentinel.js";
import { startRedisServer } from "../../../harness/redis-server.js";
import { startProxy } from "../../../harness/tcp-proxy.js";

const sentinels = await startSentinel({ replicas: 1, sentinels: 1 });
afterFile(() => sentinels.close());
const cluster = await startCluster({ masters: 2, replicas: 1 });
afterFile(() => cluster.close());
const [master, replica] = sentinels.nodes as [(typeof sentinels.nodes)[number], (typeof sentinels.nodes)[number]];
const onReplica = connect({ port: replica.port });
afterEach(() => {
  for (const node of [replica, ...cluster.replicas]) node.thaw();
});

const BUFFERS = { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.SIMPLE_STRING]: Buffer };

const VERSIONS = {
  6: { createClient, createClientPool, createCluster, createSentinel },
  5: {
    createClient: createClient5 as unknown as typeof createClient,
    createClientPool: createClientPool5 as unknown as typeof createClientPool,
    createCluster: createCluster5 as unknown as typeof createCluster,
    createSentinel: createSentinel5 as unknown as typeof createSentinel,
  },
};

/** By default it gives a call three seconds to find a connection, which a busy machine may exceed. */
const POOL = { minimum: 2, maximum: 4, acquireTimeout: 20_000 };

/** The user has no other session and no block. */
const FIND_NOTHING = new Set(["revokeAllForUser but one", "getBlock", "unblockUser"]);

type Settings = { RESP: 2 | 3; commandOptions?: { typeMapping: typeof BUFFERS } };

/** Makes a client of each kind, not connected. */
const KINDS = Object.entries(VERSIONS).flatMap(([version, made]) => {
  const rootNodes = cluster.urls.map((url) => ({ url }));
  const sentinel = (settings: Settings, masterPoolSize: number) =>
    made.createSentinel({
      name: sentinels.client.name,
      sentinelRootNodes: sentinels.client.sentinels,
      masterPoolSize,
      // Without it node-redis itself loses connections of the pool when commands come at once, and hangs.
      reserveClient: masterPoolSize > 1,
      RESP: settings.RESP,
      nodeClientOptions: settings as object,
    });
  const kinds: [
    string,
    (settings: Settings) => NodeRedisClient & { connect(): Promise<unknown>; destroy(): unknown },
  ][] = [
    ["client", (settings) => made.createClient({ url: master.url, ...settings })],
    ["pool", (settings) => made.createClientPool({ url: master.url, ...settings }, POOL)],
    ["cluster", ({ RESP, ...defaults }) => made.createCluster({ rootNodes, RESP, defaults: defaults as object })],
    ["sentinel", (settings) => sentinel(settings, 1)],
    ["pooled sentinel", (settings) => sentinel(settings, 3)],
  ];
  return kinds.map(([kind, make]) => [`${kind} of node-redis ${version}`, make] as const);
});

describe.each(KINDS)("a %s", (kind, make) => {
  async function open(options: SessionStoreOptions<Record<string, unknown>> = {}, settings: Settings = { RESP: 3 }) {
    const client = make(settings);
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const prefix = uniquePrefix();
    return { client, prefix, store: createSessionStore(client, { prefix, timeout: 20_000, ...options }) };
  }

  it.each([
    ["RESP2", { RESP: 2 }],
    ["RESP3", { RESP: 3 }],
    ["types mapped to Buffers", { RESP: 3, commandOptions: { typeMapping: BUFFERS } }],
  ] as [string, Settings][])("serves every verb: %s", async (_, settings) => {
    const { store, client, prefix } = await open({}, settings);
    for (const [name, outcome] of await callEveryVerbApart(store)) {
      expect(outcome, name).toMatchObject({ status: "fulfilled" });
      // Each has found its session.
      const { value } = outcome as PromiseFulfilledResult<unknown>;
      if (!FIND_NOTHING.has(name)) expect(value, name).toBeTruthy();
    }
    const resets = createOneTimeTokens(client, { purpose: "reset", ttl: 60_000, prefix, timeout: 20_000 });
    const { token } = await resets.issue({ subject: "ada", data: { a: 1 } });
    expect(await resets.consume(token)).toMatchObject({ data: { a: 1 } });
    expect(await resets.consume(token)).toBeNull();
    const { servers } = await store.check();
    expect(servers.every(({ version }) => /^\d+\./.test(String(version)))).toBe(true);
    expect(servers.length).toBe(kind.startsWith("cluster") ? 2 : 1);
  });

  it("has no timer of node-redis for each of its commands", async () => {
    const { store } = await open();
    const { token } = await store.create();
    await store.get(token);
    const timers = vi.spyOn(AbortSignal, "timeout");
    onTestFinished(() => timers.mockRestore());
    await store.get(token);
    expect(timers).not.toHaveBeenCalled();
  });

  it("ends every session at once, on every master", async () => {
    const { store } = await open();
    const sessions = await Promise.all(Array.from({ length: 20 }, (_, at) => store.create({ userId: `user ${at}` })));
    expect(await store.revokeAll()).toBe(20);
    for (const { token } of sessions) expect(await store.get(token)).toBeNull();
  });

  it("says that it is not connected, and works when it is", async () => {
    const client = make({ RESP: 3 });
    client.on("error", () => {});
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 20_000 });
    expect((await rejection(store.get(stranger().token))).message).toMatch(/call its connect\(\)/);
    const connecting = client.connect();
    afterFile(() => client.destroy());
    // It waits for the connection.
    const { token } = await store.create({ userId: "ada" });
    await connecting;
    expect(await store.revoke(token)).toBe(true);
  });

  it("lets a replica confirm a revocation, on the connection that has made it", async () => {
    const { store, prefix } = await open({ replicas: { count: 1, timeout: 10_000 } });
    const sessions = await Promise.all(Array.from({ length: 6 }, () => store.create({ userId: "ada" })));
    expect(await Promise.all(sessions.map(({ token }) => store.revoke(token)))).toEqual(Array(6).fill(true));
    if (kind.startsWith("cluster")) return;
    const afterFailover = createSessionStore(onReplica, { prefix });
    expect(await afterFailover.get(sessions[0]?.token)).toBeNull();
  });

  it("does not take a frozen replica for one that has confirmed", async () => {
    const { store } = await open({ replicas: { count: 1, timeout: 50 } });
    const { token } = await store.create({ userId: "ada" });
    for (const node of [replica, ...cluster.replicas]) node.freeze();
    expect(await rejection(store.revoke(token))).toBeInstanceOf(NotReplicatedError);
    expect(await store.get(token)).toBeNull();
    // Others are not held up for longer than a first short WAIT.
    expect(await store.get(stranger().token)).toBeNull();
  });
});

it.each(Object.entries(VERSIONS))(
  "one connection that a sentinel of node-redis %s lends is refused, and the sentinel is named",
  async (_, made) => {
    const { name, sentinels: sentinelRootNodes } = sentinels.client;
    const sentinel = made.createSentinel({ name, sentinelRootNodes });
    sentinel.on("error", () => {});
    await sentinel.connect();
    afterFile(() => sentinel.destroy());
    await sentinel.use(async (lent) => {
      expect(() => createSessionStore(lent as never)).toThrow("one connection that a sentinel lends");
    });
  },
);

it.each([
  ["pool", () => createClientPool({ url: master.url, keyPrefix: "app:" } as object)],
  ["cluster", () => createCluster({ rootNodes: cluster.urls.map((url) => ({ url })), keyPrefix: "app:" } as never)],
] as const)(
  "a %s of node-redis 6 with a keyPrefix has its revocations confirmed under that prefix",
  async (_, make) => {
    const client = make();
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const replicas = { count: 1, timeout: 10_000 };
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 20_000, replicas });
    const { token } = await store.create({ userId: "ada" });
    expect(await store.revoke(token)).toBe(true);
    expect(await store.get(token)).toBeNull();
  },
);

describe.each(Object.entries(VERSIONS))("node-redis %s", (version, made) => {
  it("does not take a WAIT on a new connection for one that covers what ran on the old", async () => {
    const proxy = await startProxy(master.port);
    afterFile(() => proxy.close());
    const client = made.createClient({ url: proxy.url, socket: { reconnectStrategy: 5 } });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const prefix = uniquePrefix();
    const store = createSessionStore(client, { prefix, timeout: 20_000, replicas: { count: 1, timeout: 10_000 } });
    const { token } = await store.create({ userId: "ada" });
    await master.admin.wait(1, 10_000);
    replica.freeze();
    const revoking = rejection(store.revoke(token));
    // Then it has been answered, and what is under way is a WAIT, or the pause before the next.
    await expect.poll(() => store.get(token)).toBeNull();
    const reservation = await portOf("", client).reserve("");
    const before = reservation?.connection.losses ?? Number.NaN;
    proxy.reset();
    replica.thaw();
    expect(await revoking).toBeInstanceOf(NotReplicatedError);
    expect(await store.get(token)).toBeNull();
    expect(reservation?.connection.losses).toBeGreaterThan(before);
  });

  it("runs a script again whose reply was lost, once, and counts the loss", async () => {
    const proxy = await startProxy(master.port);
    afterFile(() => proxy.close());
    const client = made.createClient({ url: proxy.url, socket: { reconnectStrategy: 5 } });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 20_000 });
    const { token } = await store.create({ userId: "ada" });
    await store.revoke((await store.create()).token);
    const lost = proxy.dropNextReply(scripts.revoke.sha);
    const revoking = store.revoke(token);
    await lost;
    expect(await revoking).toBe(true);
    expect(portOf("", client).tally.losses).toBeGreaterThan(0);
  });

  it("holds no more than a bounded number of calls for a server that has frozen, each until its deadline", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const client = made.createClient({ url: server.url });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 200 });
    const { token } = stranger();
    // On a busy machine the first may be late.
    await expect.poll(() => store.get(token).catch(() => undefined)).toBeNull();
    server.freeze();
    const late = await Promise.all(Array.from({ length: MAX_LATE }, () => rejection(store.get(token))));
    for (const { message } of late) expect(message).toContain("did not answer within 200 ms");
    // One looks whether Redis is back, and no other for a second.
    const now = performance.now();
    expect((await rejection(store.get(token))).message).toContain("did not answer within 200 ms");
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
    onTestFinished(() => clock.mockRestore());
    expect((await rejection(store.get(token))).message).toContain("was not sent");
    clock.mockRestore();
    server.thaw();
    await expect.poll(() => store.get(token).catch(() => undefined)).toBeNull();
  });

  it("does not send what it has lost when it is closed", async () => {
    const client = made.createClient({ url: master.url });
    client.on("error", () => {});
    await client.connect();
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 20_000 });
    await store.create();
    const getting = store.get(stranger().token);
    client.destroy();
    expect(await rejection(getting)).toMatchObject({ name: "StoreUnavailableError" });
    expect((await rejection(store.get(stranger().token))).message).toMatch(/call its connect\(\)/);
  });

  it("says at once that its queue is full, or that it is offline, if it is told to", async () => {
    const proxy = await startProxy(master.port);
    afterFile(() => proxy.close());
    const settings = [{ commandsQueueMaxLength: 10 }, { disableOfflineQueue: true }];
    const clients = settings.map((own) =>
      made.createClient({ url: proxy.url, socket: { reconnectStrategy: 5 }, ...own }),
    );
    for (const client of clients) {
      client.on("error", () => {});
      await client.connect();
      afterFile(() => client.destroy());
    }
    const stores = clients.map((client) => createSessionStore(client, { prefix: uniquePrefix(), timeout: 20_000 }));
    proxy.refuse();
    const gone = clients.map((client) => new Promise<void>((resolve) => client.once("reconnecting", () => resolve())));
    proxy.reset();
    await Promise.all(gone);
    const waiting = Promise.allSettled(Array.from({ length: 10 }, () => stores[0]?.get(stranger().token)));
    for (const store of stores) {
      expect(await rejection(store.get(stranger().token))).toMatchObject({
        name: "StoreUnavailableError",
        message: "Redis cannot be reached",
      });
    }
    await proxy.accept();
    // node-redis 6 cannot greet the server either while its queue is full, and gives up what waits in it.
    await waiting;
  });

  it("serves a store with client-side caching, which scripts pass by", async () => {
    const client = made.createClient({ url: master.url, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100 } });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const prefix = uniquePrefix();
    const store = createSessionStore(client, { prefix, timeout: 20_000 });
    const elsewhere = createSessionStore(connect({ port: master.port }), { prefix });
    const { token } = await store.create({ userId: "ada" });
    expect(await store.get(token)).not.toBeNull();
    await elsewhere.revoke(token);
    expect(await store.get(token)).toBeNull();
  });

  it("serves sessions from memory until they are revoked elsewhere, and tells their watches", async () => {
    const client = made.createClient({ url: master.url });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const prefix = uniquePrefix();
    const store = createSessionStore(client, { prefix, timeout: 20_000, near: { lease: 5000 } });
    afterFile(() => store.close());
    const elsewhere = createSessionStore(connect({ port: master.port }), { prefix });
    const { token } = await store.create({ userId: "ada" });
    await expect.poll(async () => (await store.touch(token)) && store.peek(token)).toMatchObject({ userId: "ada" });
    const watch = await store.watch(token);
    await elsewhere.revoke(token);
    await expect.poll(() => watch.signal.aborted).toBe(true);
    expect(watch.signal.reason).toMatchObject({ reason: "revoked" });
    await expect.poll(() => store.peek(token)).toBeUndefined();
    expect(await store.touch(token)).toBeNull();
  });

  it("does not serve them from memory with a pool", () => {
    expect(() => createSessionStore(made.createClientPool(), { near: true })).toThrow(TypeError);
  });

  it("tells the near cache which kinds have one connection", () => {
    const rootNodes = [{ url: master.url }];
    const sentinelRootNodes = [{ host: "127.0.0.1", port: 1 }];
    const connectionsOf = (client: NodeRedisClient) => portOf("", client).connections;
    expect(connectionsOf(made.createClient())).toBe("one");
    expect(connectionsOf(made.createClientPool())).toBe("many");
    expect(connectionsOf(made.createSentinel({ name: "main", sentinelRootNodes }))).toBe("many");
    expect(portOf("", made.createCluster({ rootNodes })).inCluster).toBe(true);
    expect(version).toMatch(/[56]/);
  });

  it.each<[string, Parameters<typeof createClient>[0], string[]]>([
    ["no options", {}, ["socketTimeout: warning"]],
    [
      "no reconnection",
      { socket: { reconnectStrategy: false } },
      ["reconnectStrategy: danger", "socketTimeout: warning"],
    ],
    [
      "a socketTimeout that ends it for good",
      { pingInterval: 1000, socket: { socketTimeout: 5000 } },
      ["reconnectStrategy: danger"],
    ],
    [
      "a socketTimeout without a ping",
      { socket: { socketTimeout: 5000, reconnectStrategy: 50 } },
      ["pingInterval: warning"],
    ],
    ["what it should have", { pingInterval: 1000, socket: { socketTimeout: 5000, reconnectStrategy: 50 } }, []],
  ])("is judged by its options: %s", (_, options, found) => {
    const codes = (client: NodeRedisClient) =>
      portOf("", client)
        .findings()
        .map(({ code, level }) => `${code}: ${level}`);
    expect(codes(made.createClient(options))).toEqual(found);
    const rootNodes = [{ url: master.url }];
    expect(codes(made.createCluster({ rootNodes, defaults: options as object, useReplicas: true }))).toEqual([
      ...found,
      "scaleReads: warning",
    ]);
    expect(codes(made.createClientPool(options))).toEqual(["client-untold: warning"]);
  });

  it("really is ended by a socketTimeout without a reconnectStrategy, as check says", async () => {
    const client = made.createClient({ url: master.url, socket: { socketTimeout: 50 } });
    client.on("error", () => {});
    // Where connecting takes longer than that, it is ended while it connects.
    await client.connect().catch(() => {});
    await expect.poll(() => client.isOpen).toBe(false);
  });
});
