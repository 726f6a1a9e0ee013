/** How a store learns that its client has lost a connection, and that this costs the user's client nearly nothing. */
import { Redis } from "ioredis";
import { describe, expect, inject, it } from "vitest";
import { createSessionStore } from "../src/index.js";
import { tallyLosses } from "../src/losses.js";
import { afterFile, connect } from "./harness/fixtures.js";
import { startProxy } from "./harness/tcp-proxy.js";

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

  it("is one for all stores on a client, which so gets two listeners and no more", () => {
    const redis = new Redis({ lazyConnect: true });
    const before = redis.eventNames().reduce((sum, name) => sum + redis.listenerCount(name), 0);
    for (let stores = 0; stores < 50; stores++) createSessionStore(redis);
    expect(redis.eventNames().reduce((sum, name) => sum + redis.listenerCount(name), 0)).toBe(before + 2);
    expect(tallyLosses(redis)).toBe(tallyLosses(redis));
    expect(tallyLosses(redis)).not.toBe(tallyLosses(new Redis({ lazyConnect: true })));
  });
});
