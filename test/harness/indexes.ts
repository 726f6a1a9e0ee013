/** What the index of a user must be at every moment, read from Redis itself and not through the store. */
import type { Cluster, Redis } from "ioredis";
import { expect } from "vitest";
import { Keys } from "../../src/sessions/keys.js";

/** The latest that the index may say of a session with these times (the field `t`) that ends then: one idle timeout above. */
export function latestBound(times: string, end: number): number {
  const [created = Number.NaN, , idle = Number.NaN, absolute = Number.NaN] = times.split(" ").map(Number);
  return Math.min(end + idle, created + absolute);
}

/** The score of the latest member of an index, which is when the index must end. */
export async function latestIn(redis: Redis | Cluster, index: string): Promise<number> {
  const ids = await redis.zrange(index, 0, -1);
  return Math.max(...(await Promise.all(ids.map(async (id) => Number(await redis.zscore(index, id))))));
}

/** The ids that the index of a user names, the first to expire first. */
export function indexedIds(redis: Redis, prefix: string, userId: string): Promise<string[]> {
  return redis.zrange(new Keys(prefix).user(userId).index, 0, -1);
}

/**
 * Asserts that the index of a user names exactly these sessions, that none of them outlives the ms that the index says or ends
 * more than an idle timeout before, and that the index goes with the last.
 */
export async function expectIndex(redis: Redis, prefix: string, userId: string, ids: readonly string[]): Promise<void> {
  const keys = new Keys(prefix);
  const { index } = keys.user(userId);
  const members = await redis.zrange(index, 0, -1, "WITHSCORES");
  const scores = new Map<string, number>();
  for (let at = 0; at < members.length; at += 2) scores.set(members[at] as string, Number(members[at + 1]));
  expect([...scores.keys()].sort()).toEqual([...ids].sort());

  for (const [id, score] of scores) {
    const end = await redis.pexpiretime(keys.session(id));
    expect(score).toBeGreaterThanOrEqual(end);
    expect(score).toBeLessThanOrEqual(latestBound((await redis.hget(keys.session(id), "t")) ?? "", end));
  }
  // -2 is what Redis says of a key that does not exist.
  expect(await redis.pexpiretime(index)).toBe(ids.length === 0 ? -2 : Math.max(...scores.values()));
}
