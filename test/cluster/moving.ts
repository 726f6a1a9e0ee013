/** Slots half-way between two masters of a Cluster, and what must be true of a user's keys wherever they lie. */
import type { Cluster } from "ioredis";
import { expect } from "vitest";
import { createSessionStore, type Session, type SessionStore, type SessionStoreOptions } from "../../src/index.js";
import { Keys } from "../../src/sessions/keys.js";
import { afterFile, connectCluster, uniquePrefix } from "../harness/fixtures.js";
import { latestBound } from "../harness/indexes.js";
import { type RedisCluster, type RedisClusterOptions, type SlotMove, startCluster } from "../harness/redis-cluster.js";
import { present } from "../sessions/contract/rig.js";

export interface Moving {
  readonly cluster: RedisCluster;
  readonly redis: Cluster;
  readonly prefix: string;
  readonly keys: Keys;
  open(options?: SessionStoreOptions<Record<string, unknown>>): SessionStore;
  /** Begins to move the slot of a user, and carries some of their keys over. */
  begin(userId: string, ...carried: readonly string[]): Promise<SlotMove>;
  /** Asserts what the index of a user names, on the one node that has it, and that nothing else of the user is left. */
  expectSessions(userId: string, ids: readonly string[]): Promise<void>;
}

/**
 * MIGRATE tells the other node how long a key has yet to live, not until when: it lives longer by the time of its journey,
 * until the next touch. On a busy machine that is some ms, and more where the machine stands still; sessions live for half an
 * hour.
 */
const JOURNEY = 15_000;

/** Two or more masters, and stores that have long to answer: what must happen at once is asserted by the order of things. */
export async function startMoving(options: RedisClusterOptions = { masters: 2 }): Promise<Moving> {
  const cluster = await startCluster(options);
  afterFile(() => cluster.close());
  const redis = connectCluster(cluster);
  const prefix = uniquePrefix();
  const keys = new Keys(prefix);
  return {
    cluster,
    redis,
    prefix,
    keys,
    open: (own) => createSessionStore(redis, { prefix, timeout: 15_000, ...own }),
    async begin(userId, ...carried) {
      const slot = await cluster.slotOf(keys.user(userId).index);
      const owner = await cluster.ownerOf(slot);
      const move = await cluster.beginMove(slot, cluster.masters.find((node) => node !== owner) ?? owner);
      await move.carry(...carried);
      return move;
    },
    async expectSessions(userId, ids) {
      const { index } = keys.user(userId);
      const members = await redis.zrange(index, 0, -1, "WITHSCORES");
      const scores = members.filter((_, at) => at % 2 === 1).map(Number);
      const named = members.filter((_, at) => at % 2 === 0);
      expect(named.toSorted()).toEqual(ids.toSorted());
      for (const [at, id] of named.entries()) {
        const end = await redis.pexpiretime(keys.session(id));
        expect(end).toBeLessThan((scores[at] ?? 0) + JOURNEY);
        const times = (await redis.hget(keys.session(id), "t")) ?? "";
        expect(latestBound(times, end)).toBeGreaterThanOrEqual(scores[at] ?? 0);
      }
      expectAfter(await redis.pexpiretime(index), ids.length === 0 ? -2 : Math.max(...scores));
    },
  };
}

/**
 * Asserts that this is the session that it was before its slot began to move. It may have travelled: then it ends later by the
 * time of its journey, and so was seen later. But it was never seen in the future.
 */
export function expectSame(found: Session | null | undefined, before: Session): void {
  const journey = (found?.lastSeenAt ?? Number.NaN) - before.lastSeenAt;
  expect(found).toEqual({
    ...before,
    lastSeenAt: before.lastSeenAt + journey,
    expiresAt: Math.min(before.expiresAt + journey, before.absoluteExpiresAt),
  });
  expect(journey).toBeGreaterThanOrEqual(0);
  expect(found?.lastSeenAt).toBeLessThanOrEqual(Date.now());
}

function expectAfter(instant: number, other: number): void {
  expect(instant).toBeGreaterThanOrEqual(other);
  expect(instant).toBeLessThan(other + JOURNEY);
}

let users = 0;

/** A user with a rotation in its grace and another session, of which some keys have moved. */
export async function rotatedHalfway(
  { keys, begin }: Pick<Moving, "keys" | "begin">,
  store: SessionStore,
  moved: (ids: readonly string[], index: string) => string[],
) {
  const userId = `user ${users++}`;
  const first = await store.create({ userId });
  const successor = present(await store.rotate(first.token, { grace: 60_000 }));
  const other = await store.create({ userId });
  const ids = [first, successor, other].map(({ session }) => session.id);
  const move = await begin(userId, ...moved(ids, keys.user(userId).index));
  return { userId, first, successor, other, ids, move };
}

/** Whether a promise has settled after others that were begun later had every chance to. */
export async function isPending(promise: Promise<unknown>, redis: Cluster): Promise<boolean> {
  let pending = true;
  promise.then(
    () => {
      pending = false;
    },
    () => {
      pending = false;
    },
  );
  for (let i = 0; i < 20; i++) await Promise.all(redis.nodes("master").map((node) => node.ping()));
  return pending;
}
