/** Many stores on one client, or on one subscriber: each event of it has one listener, so Node warns of no leak. */
import { EventEmitter } from "node:events";
import { createClient } from "redis";
import { beforeEach, describe, expect, inject, it, vi } from "vitest";
import { createSessionStore, type RedisClient, type SessionStore } from "../../../src/index.js";
import { listen } from "../../../src/redis/clients/listening.js";
import type { SubscriberClient } from "../../../src/redis/clients/subscriber.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";

const STORES = 20;
const FAST = { interval: 1, timeout: 15_000 };

const warnings: Error[] = [];
const note = (warning: Error) => void warnings.push(warning);
process.on("warning", note);
afterFile(() => process.off("warning", note));
beforeEach(() => {
  warnings.length = 0;
});

async function openNodeRedis() {
  const client = createClient({ url: inject("redisUrl") });
  client.on("error", () => {});
  await client.connect();
  afterFile(() => client.destroy());
  return client as unknown as RedisClient & SubscriberClient;
}

const open: Record<string, () => Promise<RedisClient & SubscriberClient>> = {
  ioredis: async () => connect() as RedisClient & SubscriberClient,
  "node-redis": openNodeRedis,
};

/** Begins to listen with each store: for its memory, and for a watch. */
async function listenWith(stores: readonly SessionStore[]): Promise<void> {
  for (const store of stores) store.peek("");
  await vi.waitFor(() => expect(stores.map(({ near }) => near.state)).toEqual(stores.map(() => "serving")), FAST);
  for (const store of stores) await store.watch((await store.create()).token);
}

describe.each(Object.entries(open))("%s", (_, client) => {
  it("gets no more listeners from twenty stores that hear by it than Node takes for no leak", async () => {
    const data = await client();
    const stores = Array.from({ length: STORES }, () =>
      createSessionStore(data, { prefix: uniquePrefix(), near: { lease: 10_000 } }),
    );
    await listenWith(stores);
    for (const store of stores) await store.close();
    expect(warnings).toEqual([]);
  });

  it("nor from twenty stores that share it as their subscriber", async () => {
    const [data, subscriber] = [await client(), await client()];
    const stores = Array.from({ length: STORES }, () =>
      createSessionStore(data, { prefix: uniquePrefix(), near: { lease: 10_000, subscriber } }),
    );
    await listenWith(stores);
    for (const store of stores) await store.close();
    expect(warnings).toEqual([]);
  });
});

describe("listen", () => {
  it("tells each listener until it listens no more, with one listener on the client, and with none at the end", () => {
    const client = new EventEmitter();
    const told: string[] = [];
    const ear = (text: unknown) => void told.push(String(text));
    const first = listen(client, "message", ear);
    const second = listen(client, "message", ear);
    listen(client, "other", ear);
    expect(client.listenerCount("message")).toBe(1);
    client.emit("message", "both");
    first();
    first();
    client.emit("message", "one");
    expect([told, client.listenerCount("message")]).toEqual([["both", "both", "one"], 1]);
    second();
    expect([client.listenerCount("message"), client.listenerCount("other")]).toEqual([0, 1]);
    listen(client, "message", ear);
    client.emit("message", "again");
    expect(told).toEqual(["both", "both", "one", "again"]);
  });
});
