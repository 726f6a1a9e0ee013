/** The harness that loses a reply leaves no error behind that nobody has caught. */
import { expect, inject, it } from "vitest";
import { lookUpScript } from "../../src/redis/script.js";
import { afterFile, connect, uniquePrefix } from "./fixtures.js";
import { loseReply } from "./lost-reply.js";
import { startProxy } from "./tcp-proxy.js";

it("gives a rejection to its caller, also one that comes long before the script has run twice", async () => {
  const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
  afterFile(() => proxy.close());
  const client = connect({ port: proxy.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
  const counting = lookUpScript((reply) => reply, "return redis.call('INCR', KEYS[1])");
  await client.script("LOAD", counting.source);
  const key = uniquePrefix();
  const sent: Promise<unknown>[] = [];
  // If nothing handled it at once, the run would end with an error although each test has passed.
  const refused = loseReply(proxy, counting, async () => {
    sent.push(client.evalsha(counting.sha, 1, key));
    throw new Error("early");
  });
  await expect(refused).rejects.toThrow("early");
  expect(await Promise.all(sent)).toEqual([2]);
  expect(await client.del(key)).toBe(1);
});
