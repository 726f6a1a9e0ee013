/** Redis over TLS: the verbs as ever, and a server or a client that the other does not trust is one that is not there. */
import type { TLSSocket } from "node:tls";
import { inspect } from "node:util";
import type { RedisOptions } from "ioredis";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis5";
import { describe, expect, it, vi } from "vitest";
import {
  createSessionStore,
  type RedisClient,
  type SessionStore,
  StoreUnavailableError,
  UserBlockedError,
} from "../../src/index.js";
import { portOf } from "../../src/redis/clients/supported.js";
import { callEveryVerb, rejection, stranger } from "../fixtures/every-verb.js";
import { afterFile, connect, connectCluster, uniquePrefix } from "../harness/fixtures.js";
import { startCluster } from "../harness/redis-cluster.js";
import { freePort, startRedisServer } from "../harness/redis-server.js";
import { foundAuthority } from "../harness/tls.js";

const TIMEOUT = 200;

const [authority, foreign] = await Promise.all([foundAuthority(), foundAuthority()]);
afterFile(() => Promise.all([authority.close(), foreign.close()]));
const { ca, client } = authority;

/** Starts a server that also listens without TLS, where nobody connects; gives the port where it listens with it. */
async function start(clients?: "required"): Promise<number> {
  let port = 0;
  const server = await startRedisServer({
    async args() {
      port = await freePort();
      return ["--tls-port", String(port), ...authority.args(clients)];
    },
  });
  afterFile(() => server.stop());
  return port;
}
const [open, guarded] = await Promise.all([start(), start("required")]);

/**
 * A client of a server that speaks TLS. A handshake that fails may tell two errors, ioredis listens to the first one alone, and
 * Node would end the process for the second.
 */
function connectTls(options: RedisOptions & { url?: string }) {
  const redis = connect(options);
  redis.on("connecting", () => setImmediate(() => redis.stream?.on("error", () => {})));
  return redis;
}

function connectNodeRedis(create: typeof createClient, url: string) {
  const client = create({ url, socket: { tls: true, ca: foreign.ca, reconnectStrategy: () => 20 } });
  client.on("error", () => {});
  client.connect().catch(() => {});
  afterFile(() => client.destroy());
  return client;
}

const storeAt = (port: number, options: RedisOptions, timeout = TIMEOUT) =>
  createSessionStore(connectTls({ port, ...options }), { prefix: uniquePrefix(), timeout });

/** The life of a session, through every verb that a login needs. */
async function live(store: SessionStore, userId: string): Promise<void> {
  const { token, session } = await store.create({ userId, claims: { role: "reader" } });
  expect(await store.get(token)).toEqual(session);
  expect((await store.touch(token))?.id).toBe(session.id);
  expect((await store.updateClaims(token, ({ role }) => ({ was: role })))?.claims).toEqual({
    role: "reader",
    was: "reader",
  });
  const rotated = await store.rotate(token);
  expect(await store.get(token)).toBeNull();
  expect((await store.listForUser(userId)).map(({ id }) => id)).toEqual([rotated?.session.id]);
  expect(await store.revoke(rotated?.token)).toBe(true);
  expect(await store.touch(rotated?.token)).toBeNull();
  await store.blockUser(userId);
  expect(await rejection(store.create({ userId }))).toBeInstanceOf(UserBlockedError);
  expect(await store.unblockUser(userId)).toBe(true);
}

/** Every verb says that Redis cannot be had, and none that there is no session. */
async function expectUnavailable(store: SessionStore): Promise<void> {
  for (const [name, outcome] of await callEveryVerb(store, stranger())) {
    expect((outcome as PromiseRejectedResult).reason, name).toBeInstanceOf(StoreUnavailableError);
  }
}

describe("a server with a certificate", () => {
  it("serves every verb to a client that trusts its authority", async () => {
    const redis = connectTls({ port: open, tls: { ca } });
    const store = createSessionStore(redis, { prefix: uniquePrefix(), timeout: 10_000 });
    await live(store, "ada");
    for (const [name, outcome] of await callEveryVerb(store, stranger("grace"))) {
      expect(outcome, name).toMatchObject({ status: "fulfilled" });
    }
    const { encrypted, authorized } = redis.stream as TLSSocket;
    expect({ encrypted, authorized }).toEqual({ encrypted: true, authorized: true });
  });

  it("serves a client that was given a rediss: address", async () => {
    const redis = connectTls({ url: `rediss://localhost:${open}`, tls: { ca } });
    await live(createSessionStore(redis, { prefix: uniquePrefix(), timeout: 10_000 }), "ada");
  });

  it.each<[string, RedisOptions, RegExp]>([
    ["knows no authority of its own", { tls: {} }, /unable to verify|self.signed|unable to get (local )?issuer/],
    [
      "trusts another authority",
      { tls: { ca: foreign.ca } },
      /unable to verify|self.signed|unable to get (local )?issuer|signature/,
    ],
    ["expects another name", { tls: { ca, servername: "redis.example" } }, /does not match certificate's altnames/],
    ["speaks no TLS", {}, /ECONNRESET|EPIPE|Connection is closed|closed/],
  ])("is not there for a client that %s", async (_, options, reason) => {
    const redis = connectTls({ port: open, ...options });
    const refused = new Promise<Error>((resolve) => redis.on("error", resolve));
    const closed = new Promise<Error>((resolve) => redis.on("close", () => resolve(new Error("closed"))));
    await expectUnavailable(createSessionStore(redis, { prefix: uniquePrefix(), timeout: TIMEOUT }));
    expect((await Promise.race([refused, closed])).message).toMatch(reason);
  });
});

describe.each<[string, (url: string) => RedisClient]>([
  [
    "ioredis",
    (url) => connectTls({ url, tls: { ca: foreign.ca }, retryStrategy: () => 20, maxRetriesPerRequest: null }),
  ],
  ["node-redis 6", (url) => connectNodeRedis(createClient, url)],
  ["node-redis 5", (url) => connectNodeRedis(createClient5 as unknown as typeof createClient, url)],
])("a call of %s without an answer", (_, make) => {
  it("has for its cause what keeps the client from its server, without the password", async () => {
    const redis = make(`rediss://:pa55word@localhost:${open}`);
    const store = createSessionStore(redis, { prefix: uniquePrefix(), timeout: TIMEOUT });
    await vi.waitUntil(() => portOf("", redis).tally.trouble, 30_000);
    const error = await rejection(store.create());
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.message).toMatch(/did not answer within/);
    expect((error.cause as Error).message).toMatch(
      /unable to verify|self.signed|unable to get (local )?issuer|signature/,
    );
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("pa55word");
  });
});

describe("a server that asks for the certificate of its clients", () => {
  it("serves one whose certificate it trusts", async () => {
    await live(storeAt(guarded, { tls: { ca, ...client } }, 10_000), "ada");
  });

  it.each<[string, RedisOptions]>([
    ["has none", { tls: { ca } }],
    ["has another authority's", { tls: { ca, ...foreign.client } }],
  ])("is not there for one that %s", async (_, options) => {
    await expectUnavailable(storeAt(guarded, options));
  });
});

describe("a Cluster whose nodes speak TLS with clients and with one another", () => {
  it("serves users on each of its nodes", async () => {
    const ofCluster: number[] = [];
    const cluster = await startCluster({
      async args(at) {
        const port = await freePort();
        ofCluster[at] = port;
        return [
          ...["--tls-port", String(port), "--tls-cluster", "yes", "--tls-replication", "yes"],
          ...authority.args("required"),
        ];
      },
    });
    afterFile(() => cluster.close());
    const startupNodes = ofCluster.slice(0, 1).map((port) => ({ host: "127.0.0.1", port }));
    const redis = connectCluster({ startupNodes }, { redisOptions: { tls: { ca, ...client } } });
    const store = createSessionStore(redis, { prefix: uniquePrefix(), timeout: 10_000 });
    for (let user = 0; user < 12; user++) await live(store, `user ${user}`);
    const ports = redis.nodes("master").map(({ options }) => options.port);
    expect(ports.sort()).toEqual(ofCluster.toSorted());
    for (const { stream } of redis.nodes("master")) expect((stream as TLSSocket).authorized).toBe(true);
  });
});
