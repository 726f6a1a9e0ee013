/** Views of a client of node-redis (`withTypeMapping` and the like), and what of a client's own settings a store heeds. */
import { createClient, createCluster, createSentinel, RESP_TYPES } from "redis";
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from "redis5";
import { afterEach, describe, expect, inject, it, vi } from "vitest";
import { createSessionStore, StoreUnavailableError } from "../../../../src/index.js";
import { backlogOf } from "../../../../src/redis/calls/backlog.js";
import { portOf } from "../../../../src/redis/clients/supported.js";
import { rejection } from "../../../fixtures/every-verb.js";
import { afterFile, uniquePrefix } from "../../../harness/fixtures.js";

const VERSIONS = {
  6: { createClient, createCluster, createSentinel },
  5: {
    createClient: createClient5 as unknown as typeof createClient,
    createCluster: createCluster5 as unknown as typeof createCluster,
    createSentinel: createSentinel5 as unknown as typeof createSentinel,
  },
};
const BUFFERS = { [RESP_TYPES.BLOB_STRING]: Buffer };
const url = inject("redisUrl");

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(Object.entries(VERSIONS))("on node-redis %s", (_, made) => {
  async function open(options: Parameters<typeof createClient>[0] = {}) {
    const client = made.createClient({ url, ...options });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    return client;
  }
  const storeOn = (client: Parameters<typeof createSessionStore>[0]) =>
    createSessionStore(client, { prefix: uniquePrefix(), timeout: 20_000 });

  it("all views of a client have its listeners, its losses and its late calls", async () => {
    const rootNodes = [{ url }];
    const sentinelRootNodes = [{ host: "127.0.0.1", port: 1 }];
    for (const client of [
      await open(),
      made.createCluster({ rootNodes }),
      made.createSentinel({ name: "main", sentinelRootNodes }),
    ]) {
      const port = portOf("", client);
      await port.reserve("").catch(() => {});
      const events = client.eventNames();
      const count = () => events.map((event) => client.listenerCount(event));
      const before = count();
      for (let at = 0; at < 3; at++) {
        const view = portOf("", client.withTypeMapping(BUFFERS));
        await view.reserve("").catch(() => {});
        expect(view.tally).toBe(port.tally);
        expect(backlogOf(view)).toBe(backlogOf(port));
      }
      expect(count()).toEqual(before);
    }
  });

  it("a signal of the application's does not end a store", async () => {
    const client = await open();
    const store = storeOn(client.withAbortSignal(AbortSignal.abort()));
    const { token } = await store.create();
    expect(await store.get(token)).not.toBeNull();
  });

  it("calls run in their order, also if the application sends its own commands in front of others", async () => {
    for (const client of [(await open()).asap(), await open({ commandOptions: { asap: true } })]) {
      const store = storeOn(client);
      const { token } = await store.create();
      await Promise.all([1, 2, 3].map((last) => store.updateClaims(token, { last })));
      expect((await store.get(token))?.claims).toEqual({ last: 3 });
    }
  });

  it("a method that a test has replaced on the client is replaced for the store", async () => {
    const client = await open();
    const store = storeOn(client);
    const { token } = await store.create();
    await store.get(token);
    const spy = vi.spyOn(client, "evalSha").mockRejectedValueOnce(new Error("down"));
    expect(await rejection(store.get(token))).toBeInstanceOf(StoreUnavailableError);
    expect(await store.get(token)).not.toBeNull();
    expect(spy).toHaveBeenCalledTimes(2);
  });

  it("a client in a Proxy serves a store, with types mapped", async () => {
    const client = await open({ commandOptions: { typeMapping: BUFFERS } });
    const bound = new Proxy(client, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    for (const proxy of [bound, new Proxy(client, {})]) {
      const store = storeOn(proxy);
      const { token, session } = await store.create({ userId: "ada" });
      expect(await store.get(token)).toEqual(session);
    }
  });
});
