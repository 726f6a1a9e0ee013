/**
 * The commands that the scripts of a store call, for `check()`, which tries whether the user of Redis may run them. The scripts
 * themselves are in scripts/. A test compares the two.
 */

/** With how many arguments each is tried, so that Redis takes the call for a whole one. `PUBLISH` is tried by try-publish.lua. */
const OF_EVERY_STORE = {
  ...{ HGETALL: 1, HMGET: 2, HSET: 3, HDEL: 2, HINCRBY: 3 },
  ...{ DEL: 1, EXISTS: 1, PERSIST: 1, PEXPIREAT: 2, PEXPIRETIME: 1, PTTL: 1, UNLINK: 1 },
  ...{ ZADD: 3, ZREM: 2, ZCARD: 1, ZCOUNT: 3, ZRANGE: 3, ZRANGEBYSCORE: 3, ZRANK: 2, ZSCORE: 2 },
  ...{ GET: 1, SET: 2, LLEN: 1, LINDEX: 2, LRANGE: 3, RPUSH: 2 },
};

/** What the beats call. */
const OF_NEAR = { PEXPIRE: 2 };

/** What the scripts of a store call, with or without a near cache. */
export function scriptCommands(near: boolean): Readonly<Record<string, number>> {
  return near ? { ...OF_EVERY_STORE, ...OF_NEAR } : OF_EVERY_STORE;
}
