/** Lets time pass for a session at once, where a test does not want to wait for it. */
import type { Cluster, Redis } from "ioredis";
import { latestIn } from "./indexes.js";

/**
 * Moves all instants of the session at `key` into the past, and its bound in the index of its user too: this is what the
 * passing of time looks like to the scripts. A negative `ms` turns the clock back. Neither key may need the client's prefix.
 */
export async function ageSession(
  redis: Redis | Cluster,
  key: string,
  ms: number,
  member?: { readonly index: string; readonly id: string },
): Promise<void> {
  const times = await redis.hget(key, "t");
  if (times === null) throw new Error(`There is no session to age at ${key}`);
  const [created, ...ages] = times.split(" ");
  const expires = (await redis.pexpiretime(key)) - ms;
  await redis.hset(key, "t", [Number(created) - ms, ...ages].join(" "));
  await redis.pexpireat(key, expires);
  if (member === undefined) return;
  const { index, id } = member;
  await redis.zadd(index, Number(await redis.zscore(index, id)) - ms, id);
  await redis.pexpireat(index, await latestIn(redis, index));
}
