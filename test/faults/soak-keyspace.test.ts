/** The soak's look at the keys finds what it is there to find: each fault is planted by hand beside sessions in order. */
import { beforeEach, describe, expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { Keys } from "../../src/sessions/keys.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { lookAtKeys } from "./soak/keyspace.js";

/** A server of its own, because every key on it is looked at. */
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const prefix = uniquePrefix();
const keys = new Keys(prefix);
const store = createSessionStore(redis, { prefix });
const user = keys.user("ada");

async function planted(plant: (id: string) => Promise<unknown>, hastened: readonly string[] = []): Promise<string[]> {
  const { session } = await store.create({ userId: "ada" });
  await plant(session.id);
  const { faults } = await lookAtKeys(redis, new Set(hastened));
  return faults.map((what) => what.replaceAll(session.id, "ID").replaceAll(prefix, ""));
}

beforeEach(() => redis.flushdb());

describe("a look at the keys", () => {
  it("finds nothing wrong with sessions, indexes and blocks in order", async () => {
    for (let n = 0; n < 300; n++) await store.create(n % 3 === 0 ? {} : { userId: `user ${n % 7}` });
    await store.blockUser("user 1");
    await store.blockUser("user 2", { until: Date.now() + 60_000 });
    const { faults, keys, sessions } = await lookAtKeys(redis, new Set());
    expect(faults).toEqual([]);
    expect(sessions).toBe((await redis.keys("*:s:*")).length);
    expect(keys).toBe(await redis.dbsize());
    expect(sessions).toBeGreaterThan(200);
  });

  it("finds a session that no index names", async () => {
    const faults = await planted((id) => redis.eval("return redis.call('ZREM', KEYS[1], ARGV[1])", 1, user.index, id));
    expect(faults).toEqual(["the session ID is missing in the index of its user (P4)"]);
  });

  it("finds an index that names a dead session", async () => {
    const faults = await planted((id) => redis.del(keys.session(id)));
    expect(faults).toEqual([expect.stringMatching(/^the session ID is dead, and the index .*:u:ada names it$/)]);
  });

  it("finds an index that goes too early, or not at all", async () => {
    const faults = [
      await planted(() => redis.pexpire(user.index, 60_000)),
      await planted(() => redis.persist(user.index)),
    ];
    for (const found of faults) {
      expect(found).toEqual([expect.stringMatching(/^the index .*:u:ada does not go with its latest member$/)]);
    }
  });

  it("finds a session without an end, or with another than its record's and its index's", async () => {
    const eternal = await planted((id) => redis.persist(keys.session(id)));
    expect(eternal).toContain("the session ID has no TTL");
    await redis.flushdb();
    expect(await planted((id) => redis.pexpire(keys.session(id), 60_000))).toEqual([
      expect.stringMatching(/^the session ID expires \d+ ms before what the index says$/),
    ]);
    await redis.flushdb();
    expect(await planted((id) => redis.pexpire(keys.session(id), 50 * 60_000))).toEqual([
      "the session ID does not expire when it was seen last",
    ]);
    await redis.flushdb();
    expect(await planted((id) => redis.hset(keys.session(id), "s", 1))).toEqual([
      "the session ID does not expire when it was seen last",
    ]);
    await redis.flushdb();
    const late = await planted((id) => redis.pexpire(keys.session(id), 13 * 3_600_000));
    expect(late).toContain("the session ID outlives its absolute deadline");
  });

  it("finds a session whose record was brought back in part", async () => {
    const faults = await planted((id) => redis.hdel(keys.session(id), "t"));
    expect(faults).toEqual(["the session ID is no record of a session"]);
  });

  it("finds a block that does not end when it says, and other keys that never end", async () => {
    await store.blockUser("bob", { until: Date.now() + 60_000 });
    await redis.persist(keys.user("bob").block);
    await redis.set("sess:eternal", "{}");
    const faults = await planted(async () => {});
    expect(faults.sort()).toEqual([
      "sess:eternal has no TTL (P5)",
      expect.stringMatching(/^the block .*:b:bob does not end when it says$/),
    ]);
  });

  it("lets a session go whose TTL was cut short by hand", async () => {
    const { session } = await store.create({ userId: "ada" });
    await redis.pexpire(keys.session(session.id), 60_000);
    expect((await lookAtKeys(redis, new Set([session.id]))).faults).toEqual([]);
    await redis.del(keys.session(session.id));
    expect((await lookAtKeys(redis, new Set([session.id]))).faults).toEqual([]);
  });
});
