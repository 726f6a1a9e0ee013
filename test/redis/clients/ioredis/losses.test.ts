/** How a store learns that its client has lost a connection, and that this costs the user's client nearly nothing. */
import { Redis } from "ioredis";
import { describe, expect, inject, it } from "vitest";
import { createSessionStore } from "../../../../src/index.js";
import { tallyLosses } from "../../../../src/redis/clients/ioredis/losses.js";
import { afterFile, connect } from "../../../harness/fixtures.js";
import { startProxy } from "../../../harness/tcp-proxy.js";

const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
afterFile(() => proxy.close());

describe("the tally of lost connections", () => {
  it("has counted a loss before the client can send anything again", async () => {
    const redis = connect({ port: proxy.port, retryStrategy: () => 0, maxRetriesPerRequest: null });
    await redis.ping();
    const tally = tallyLosses(redis);
    expect(tally.losses).toBe(0);
    const lost = proxy.dropNextReply("ping");
    const answered = redis.ping().then(() => tally.losses);
    await lost;
    expect(await answered).toBe(1);
  });

  it("does not count vain attempts to connect, through which nothing can have been sent", async () => {
    const other = await startProxy(Number(new URL(inject("redisUrl")).port));
    afterFile(() => other.close());
    const redis = connect({ port: other.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
    await redis.ping();
    const tally = tallyLosses(redis);
    let closes = 0;
    const threeCloses = new Promise<void>((resolve) => redis.on("close", () => ++closes === 3 && resolve()));
    other.refuse();
    other.reset();
    await threeCloses;
    await other.accept();
    await redis.ping();
    expect(tally.losses).toBe(1);
  });

  it("counts none for a client that has yet to connect", async () => {
    proxy.refuse();
    const redis = connect({ port: proxy.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
    const tally = tallyLosses(redis);
    await new Promise((resolve) => redis.once("close", resolve));
    await proxy.accept();
    await redis.ping();
    expect(tally.losses).toBe(0);
  });

  it("is one for all stores on a client, which so gets three listeners and no more", () => {
    const redis = new Redis({ lazyConnect: true });
    const before = redis.eventNames().reduce((sum, name) => sum + redis.listenerCount(name), 0);
    for (let stores = 0; stores < 50; stores++) createSessionStore(redis);
    expect(redis.eventNames().reduce((sum, name) => sum + redis.listenerCount(name), 0)).toBe(before + 3);
    expect(tallyLosses(redis)).toBe(tallyLosses(redis));
    expect(tallyLosses(redis)).not.toBe(tallyLosses(new Redis({ lazyConnect: true })));
  });
});
