import { afterAll, describe, expect, it } from "vitest";
import { clientUnderTest } from "./client-under-test.ts";
import { connect, expectCleanKeyspace, guardKeyspace, keysUnder, uniquePrefix } from "./fixtures.ts";

const redis = connect();
const prefix = uniquePrefix();

describe("connect", () => {
  it("reaches the server of the test run", async () => {
    expect(await redis.ping()).toBe("PONG");
  });

  it("uses the ioredis that the run asks for", async () => {
    // Only servers since 7.2 know the version of a client's library; the protocol gives it away on all of them.
    const resp = clientUnderTest().name === "ioredis-6" ? 3 : 2;
    expect(await redis.client("INFO")).toMatch(new RegExp(`\\bresp=${resp}\\b`));
  });
});

describe("keysUnder", () => {
  it("takes the characters of a pattern literally", async () => {
    const odd = `${prefix}[a]*?\\:`;
    await redis.set(`${odd}key`, "1", "EX", 60);
    await redis.set(`${prefix}a-other`, "1", "EX", 60);
    expect(await keysUnder(redis, odd)).toEqual([`${odd}key`]);
  });

  it("lists more keys than one page of SCAN holds, each once", async () => {
    const many = uniquePrefix();
    await Promise.all(Array.from({ length: 2500 }, (_, n) => redis.set(`${many}${n}`, "1", "EX", 60)));
    expect(await keysUnder(redis, many)).toHaveLength(2500);
  });
});

describe("expectCleanKeyspace", () => {
  it("accepts keys that expire and blocks without end", async () => {
    const clean = uniquePrefix();
    await redis.set(`${clean}{3k7}:s:id`, "1", "EX", 60);
    await redis.set(`${clean}{3k7}:b:user:with:colons`, "1");
    await expectCleanKeyspace(redis, clean);
    await redis.del(`${clean}{3k7}:b:user:with:colons`);
  });

  it.each(["{3k7}:s:id", "{3k7}:u:user", "{3k7}:u:{x}:b:user", "stray"])(
    "names the key %s without end",
    async (name) => {
      const dirty = uniquePrefix();
      await redis.set(`${dirty}${name}`, "1");
      await expect(expectCleanKeyspace(redis, dirty)).rejects.toThrow(
        `keys without a time to live: ["${dirty}${name}"]`,
      );
      await redis.del(`${dirty}${name}`);
    },
  );
});

describe("guardKeyspace", () => {
  const guarded = uniquePrefix();
  guardKeyspace(redis, guarded);

  it.fails("fails a test that leaves a key without end", async () => {
    await redis.set(`${guarded}stray`, "1");
  });

  afterAll(() => redis.del(`${guarded}stray`));
});
