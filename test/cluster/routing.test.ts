/**
 * Where the commands of a store go in a Redis Cluster: one to one node for each verb, users spread over all of them, and
 * the same under the client's options that change how it sends.
 */
import type { Cluster, ClusterOptions } from "ioredis";
import { describe, expect, it } from "vitest";
import { createSessionStore, NotReplicatedError, type SessionStore } from "../../src/index.js";
import { bucketOfUser } from "../../src/leaves/token.js";
import { Keys } from "../../src/sessions/keys.js";
import { type Call, everyVerb, liveSubject, rejection, singleTrip } from "../fixtures/every-verb.js";
import { clientUnderTest } from "../harness/client-under-test.js";
import { afterFile, connectCluster, keysUnder, uniquePrefix } from "../harness/fixtures.js";
import { type ClusterNode, startCluster } from "../harness/redis-cluster.js";
import { present } from "../sessions/contract/rig.js";

const cluster = await startCluster({ masters: 3, replicas: 1 });
afterFile(() => cluster.close());

const prefix = uniquePrefix();
const redis = connectCluster(cluster);
/** Long enough for a busy machine: nothing here is about the deadline. */
const open = (client: Cluster, options = {}): SessionStore =>
  createSessionStore(client, { prefix, timeout: 15_000, touchInterval: 0, ...options });
const store = open(redis);

let users = 0;
const newUser = () => `user ${users++}`;

/** Lets every master learn every script. */
async function warmUp(): Promise<void> {
  const seen = new Set<ClusterNode>();
  while (seen.size < 3) {
    const userId = newUser();
    const owner = await cluster.ownerOf(await cluster.slotOf(new Keys(prefix).user(userId).index));
    if (seen.has(owner)) continue;
    seen.add(owner);
    for (const call of Object.values(everyVerb)) {
      const subject = await liveSubject(store, userId);
      await call(store, subject);
      await store.unblockUser(userId);
    }
  }
  // A guest lies anywhere.
  for (let i = 0; i < 50; i++) await store.create();
}
await warmUp();

/** What a call made the nodes do: how many ran a script for it, how many scripts they ran, and which errors they answered. */
async function workOf(call: () => Promise<unknown>) {
  for (const { admin } of cluster.nodes) await admin.config("RESETSTAT");
  await call();
  const work = { nodes: 0, scripts: 0, onReplicas: 0, errors: [] as string[] };
  for (const { admin, role } of cluster.nodes) {
    const stats = await admin.info("everything");
    const runs = [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    );
    work.scripts += runs;
    work.nodes += runs > 0 ? 1 : 0;
    work.onReplicas += role === "replica" ? runs : 0;
    // A plain ERR is what old servers answer when a client tells them its name as it connects.
    const errors = [...stats.matchAll(/^errorstat_(\w+):/gm)].map(([, name]) => name as string);
    work.errors.push(...errors.filter((name) => name !== "ERR"));
  }
  return work;
}

const ONE_TRIP = { nodes: 1, scripts: 1, onReplicas: 0, errors: [] };

describe("one node and one round trip", () => {
  it.each(Object.entries(singleTrip))("is what %s takes", async (_, call: Call) => {
    for (let i = 0; i < 3; i++) {
      const subject = await liveSubject(store, newUser());
      expect(await workOf(() => call(store, subject))).toEqual(ONE_TRIP);
    }
  });
});

describe("users", () => {
  it("spread over the masters: each of three has a third of 30 000, within 3 %", async () => {
    const counts = [0, 0, 0];
    for (let i = 0; i < 30_000; i++) {
      const at = Math.floor((slotOf(bucketOfUser(`user-${i}`)) * 3) / 16_384);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    expect(counts.reduce((sum, count) => sum + count)).toBe(30_000);
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(300);
  });

  it("can lie in 14 588 of the 16 384 slots, and no slot has more than 7 of the 32 768 buckets", async () => {
    const buckets = new Map<number, number>();
    for (let bits = 0; bits < 2 ** 15; bits++) {
      const slot = slotOf(bucketAt(bits));
      buckets.set(slot, (buckets.get(slot) ?? 0) + 1);
    }
    expect(buckets.size).toBe(14_588);
    expect(Math.max(...buckets.values())).toBe(7);
    // Nor is any stretch of slots left out, so that every master has its share, however many there are.
    const slots = [...buckets.keys()].sort((a, b) => a - b);
    expect(Math.max(...slots.map((slot, at) => slot - (slots[at - 1] ?? -1)))).toBe(5);
  });

  it("lie where Redis says, with all of their sessions", async () => {
    for (let i = 0; i < 50; i++) {
      const userId = newUser();
      const { session } = await store.create({ userId });
      const keys = new Keys(prefix);
      const slots = await Promise.all(
        [keys.session(session.id), keys.user(userId).index].map((key) => cluster.slotOf(key)),
      );
      expect(slots).toEqual([slotOf(bucketOfUser(userId)), slotOf(bucketOfUser(userId))]);
    }
  });
});

/** CRC-16/XMODEM of a hash tag, as the Cluster specification has it, modulo the number of slots. */
function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % 16_384;
}

/** The buckets in their order, as `bucketOfUser` spells them. */
function bucketAt(bits: number): string {
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  return [bits >> 10, (bits >> 5) & 31, bits & 31].map((at) => alphabet[at]).join("");
}

describe.each<[string, ClusterOptions]>([
  ["keyPrefix", { keyPrefix: `${prefix}before:` }],
  ["redisOptions.keyPrefix", { redisOptions: { keyPrefix: `${prefix}inside:` } }],
  ["enableAutoPipelining", { enableAutoPipelining: true }],
  ['scaleReads: "slave"', { scaleReads: "slave" }],
  ['scaleReads: "all"', { scaleReads: "all" }],
])("a client with %s", (_, options) => {
  const client = connectCluster(cluster, options);
  const own = open(client);

  it("can do all that another can, many users at once", async () => {
    await Promise.all(
      Array.from({ length: 60 }, async () => {
        const userId = newUser();
        const { token, session } = await own.create({ userId, claims: { n: 0 } });
        expect(await own.get(token)).toEqual(session);
        expect((await own.touch(token))?.id).toBe(session.id);
        expect((await own.updateClaims(token, ({ n }) => ({ n: Number(n) + 1 })))?.claims).toEqual({ n: 1 });
        const next = present(await own.rotate(token));
        expect(await own.get(token)).toBeNull();
        await own.create({ userId });
        expect(await own.listForUser(userId)).toHaveLength(2);
        expect(await own.revokeAllForUser(userId, { except: next.token })).toBe(1);
        expect(await own.revoke(next.token)).toBe(true);
        expect(await own.get(next.token)).toBeNull();
      }),
    );
  });

  it("sees every revocation at once, because no script goes to a replica", async () => {
    const { token } = await liveSubject(own, newUser());
    for (const { admin } of cluster.replicas) expect(await admin.info("replication")).toContain("role:slave");
    expect(await workOf(() => own.get(token))).toEqual(ONE_TRIP);
    expect(await workOf(() => own.touch(token))).toEqual(ONE_TRIP);
    await own.revoke(token);
    expect(await own.get(token)).toBeNull();
  });

  it("follows slots that move under it", async () => {
    const subjects = await Promise.all(Array.from({ length: 20 }, () => liveSubject(own, newUser())));
    const keys = new Keys(`${options.keyPrefix ?? options.redisOptions?.keyPrefix ?? ""}${prefix}`);
    const before = new Map<number, ClusterNode>();
    for (const { id } of subjects) {
      const slot = await cluster.slotOf(keys.session(id));
      const owner = await cluster.ownerOf(slot);
      if (!before.has(slot)) before.set(slot, owner);
      await cluster.moveSlot(slot, present(cluster.masters.find((node) => node !== owner)));
    }
    // All at once, so that a pipeline that ioredis fills by itself has both those that moved and those that did not.
    const others = Array.from({ length: 50 }, () => own.create({ userId: newUser() }));
    const found = await Promise.all(subjects.map(({ token }) => own.touch(token)));
    expect(found.map((session) => session?.id)).toEqual(subjects.map(({ id }) => id));
    expect(await Promise.all(subjects.map(({ token }) => own.revoke(token)))).toEqual(subjects.map(() => true));
    await Promise.all(others);
  });
});

it("a client with enableAutoPipelining follows a slot that has moved while it is busy on the slot's old node", async () => {
  const client = connectCluster(cluster, { enableAutoPipelining: true });
  const own = open(client);
  const keys = new Keys(prefix);
  const moved = await liveSubject(own, newUser());
  const slot = await cluster.slotOf(keys.session(moved.id));
  const owner = await cluster.ownerOf(slot);
  let other = await liveSubject(own, newUser());
  while ((await cluster.ownerOf(await cluster.slotOf(keys.session(other.id)))) !== owner) {
    other = await liveSubject(own, newUser());
  }
  await cluster.moveSlot(slot, present(cluster.masters.find((node) => node !== owner)));

  // In every turn of the event loop something goes to the old node, so that ioredis never sends a pipeline without it.
  let over = false;
  const traffic = (async () => {
    while (!over) {
      const calls = Array.from({ length: 3 }, () => own.get(other.token));
      await Promise.race([Promise.all(calls), new Promise((resolve) => setImmediate(resolve))]);
    }
  })();
  try {
    expect((await own.touch(moved.token))?.id).toBe(moved.id);
    expect(await own.revoke(moved.token)).toBe(true);
  } finally {
    over = true;
  }
  await traffic;
});

describe("the replicas option", () => {
  const waiting = (client: Cluster, count = 1) => open(client, { replicas: { count, timeout: 5000 } });

  it("waits on the node that has the session", async () => {
    const own = waiting(redis);
    for (let i = 0; i < 10; i++) {
      const { token, userId } = await liveSubject(own, newUser());
      expect(await own.revoke(token)).toBe(true);
      expect(await own.blockUser(userId)).toBe(0);
    }
  });

  it("makes all revocations on every master while a replica is frozen, and only that master's are unconfirmed", async () => {
    const own = open(redis, { replicas: { count: 1, timeout: 500 } });
    const subjects = await Promise.all(Array.from({ length: 60 }, () => liveSubject(own, newUser())));
    for (const { id } of subjects.slice(0, 6)) await own.find(id);
    const frozen = present(cluster.replicas[0]);
    frozen.freeze();
    try {
      const outcomes = await Promise.allSettled(subjects.map(({ token }) => own.revoke(token)));
      const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
      for (const error of refused) expect(error).toBeInstanceOf(NotReplicatedError);
      expect(refused.length).toBeGreaterThan(0);
      expect(outcomes.filter((outcome) => outcome.status === "fulfilled").length).toBeGreaterThan(0);
      for (const { token } of subjects) expect(await own.get(token)).toBeNull();
    } finally {
      frozen.thaw();
    }
  });

  it("rejects where there are too few of them", async () => {
    // The one that there is has to answer within that time, and no other ever does.
    const own = open(redis, { replicas: { count: 2, timeout: 1500 } });
    const { token } = await liveSubject(own, newUser());
    const error = await rejection(own.revoke(token));
    expect(error).toBeInstanceOf(NotReplicatedError);
    expect(error).toMatchObject({ confirmed: 1, wanted: 2 });
    expect(await own.get(token)).toBeNull();
  });

  it.each<[string, ClusterOptions]>([
    ["a plain client", {}],
    ["a client with keyPrefix", { keyPrefix: `${prefix}plain:` }],
    ["a client with redisOptions.keyPrefix", { redisOptions: { keyPrefix: `${prefix}deep:` } }],
    ["a client with enableAutoPipelining", { enableAutoPipelining: true }],
  ])("follows a slot that has moved, and one that is moving: %s", async (_, options) => {
    const client = connectCluster(cluster, options);
    const own = waiting(client);
    const keys = new Keys(`${options.keyPrefix ?? options.redisOptions?.keyPrefix ?? ""}${prefix}`);
    for (const stop of ["after", "before", "between"] as const) {
      const { token, id, userId } = await liveSubject(own, newUser());
      const slot = await cluster.slotOf(keys.session(id));
      const owner = await cluster.ownerOf(slot);
      const move = await cluster.beginMove(slot, present(cluster.masters.find((node) => node !== owner)));
      if (stop === "after") await move.finish();
      if (stop === "between") await move.carry(keys.session(id));
      const heard: string[] = [];
      own.events.once("revoked", (event) => heard.push(event.id));
      expect(await own.revoke(token), stop).toBe(true);
      expect(heard).toEqual([id]);
      expect(await own.get(token)).toBeNull();
      expect(await keysUnder(redis, keys.user(userId).index)).toEqual([]);
      if (stop !== "after") await move.finish();
    }
  });
});

/** A cluster of node-redis knows replicas only if it reads from them. */
const ALL_NODES: ClusterOptions = { scaleReads: "slave" };

describe("check", () => {
  it("asks every node of the Cluster, and finds on each what is wrong there", async () => {
    const client = connectCluster(cluster, { ...ALL_NODES, redisOptions: { socketTimeout: 5000 } });
    const [master, replica] = [present(cluster.masters[1]), present(cluster.replicas[2])];
    await master.admin.config("SET", "maxmemory-policy", "allkeys-lru");
    await replica.admin.config("SET", "maxmemory-policy", "volatile-ttl");
    const report = await open(client).check();
    expect(report.servers.map(({ role }) => role)).toEqual(["master", "master", "master", "slave", "slave", "slave"]);
    expect(report.servers.map(({ port }) => port).sort()).toEqual(cluster.nodes.map(({ port }) => port).sort());
    expect(report.servers.map(({ connectedReplicas }) => connectedReplicas)).toEqual([1, 1, 1, 0, 0, 0]);
    const found = report.findings.filter(({ code }) => code === "eviction").map((finding) => finding.found);
    expect(found.sort()).toEqual(
      [
        `maxmemory-policy is allkeys-lru (port ${master.port})`,
        `maxmemory-policy is volatile-ttl (port ${replica.port})`,
      ].sort(),
    );
    expect(report.findings.filter(({ code }) => code === "scaleReads")).toHaveLength(1);
    // Each of them, and nobody else: the nodes keep nothing on disk, and have the default listpack.
    expect(new Set(report.findings.map(({ code }) => code))).toEqual(
      new Set(["eviction", "persistence", "listpack", "scaleReads"]),
    );
    await master.admin.config("SET", "maxmemory-policy", "noeviction");
    await replica.admin.config("SET", "maxmemory-policy", "noeviction");
  });

  it("says which node does not answer, and reports on the others", async () => {
    const frozen = present(cluster.replicas[0]);
    const client = connectCluster(cluster, ALL_NODES);
    await open(client).check();
    frozen.freeze();
    try {
      const report = await open(client, { timeout: 1000 }).check();
      expect(report.ok).toBe(false);
      expect(report.findings.filter(({ code }) => code === "unreachable").map(({ found }) => found)).toEqual([
        `a server does not answer: Redis did not answer within 1000 ms (127.0.0.1:${frozen.port})`,
      ]);
      expect(report.servers).toHaveLength(6);
      expect(report.servers.filter(({ role }) => role === null)).toMatchObject([
        { address: `127.0.0.1:${frozen.port}` },
      ]);
    } finally {
      frozen.thaw();
    }
  });

  it("waits for a client that has just been made, and so knows no node yet", async () => {
    expect((await open(connectCluster(cluster, ALL_NODES)).check()).servers).toHaveLength(6);
  });

  it("says on which node the user may not run a command of scripts", async () => {
    for (const [at, { admin }] of cluster.nodes.entries()) {
      const rules = ["on", ">secret", "~*", "&*", "+@all", ...(at === 1 ? ["-rpush"] : [])];
      await admin.call("ACL", "SETUSER", "poor", "reset", ...rules);
    }
    const client = connectCluster(cluster, { redisOptions: { username: "poor", password: "secret" } });
    const { findings, servers } = await open(client).check();
    const refused = findings.filter(({ code }) => code === "refused");
    expect(servers.length).toBeGreaterThan(2);
    const { port } = cluster.nodes[1] as { port: number };
    expect(refused.map(({ found }) => found)).toEqual([`the server refuses RPUSH in scripts (NOPERM) (port ${port})`]);
  });

  // Without CLUSTER SLOTS, a cluster of node-redis does not connect, so nobody could ask anything through it.
  it.each(clientUnderTest().isNodeRedis ? ["info"] : ["slots", "info"])(
    "says that the user may not call CLUSTER %s, which the client needs",
    async (subcommand) => {
      for (const { admin } of cluster.nodes) {
        await admin.call(
          "ACL",
          "SETUSER",
          "poor",
          "reset",
          "on",
          ">secret",
          "~*",
          "&*",
          "+@all",
          `-cluster|${subcommand}`,
        );
      }
      const client = connectCluster(cluster, { redisOptions: { username: "poor", password: "secret" } });
      const report = await open(client, { timeout: 1000 }).check();
      expect(report.findings.map(({ found }) => found).join()).toContain(
        `the server refuses CLUSTER ${subcommand.toUpperCase()} (NOPERM)`,
      );
      expect(report.ok).toBe(false);
    },
  );
});
