/** Endings: what a session leaves of why it has ended, on Redis and on ioredis-mock, and what they cost. */
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore } from "../../src/index.js";
import { everyVerb, liveSubject, type Subject, stranger } from "../fixtures/every-verb.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { describeEndings } from "./contract/endings.js";
import { describeOnRedisAndMock } from "./contract/on-redis-and-mock.js";

describeOnRedisAndMock(describeEndings);

describe("what endings cost", async () => {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  const redis = connect({ port: server.port });
  const stores = [0, 60_000].map((endings) => createSessionStore(redis, { prefix: uniquePrefix(), endings }));
  const [off, on] = stores as [SessionStore, SessionStore];
  // So that no script has to be sent a second time.
  for (const store of stores) {
    for (const [name, call] of Object.entries(everyVerb)) await call(store, await liveSubject(store, `warm ${name}`));
  }
  let users = 0;
  const costOf = async (store: SessionStore, call: (store: SessionStore, subject: Subject) => Promise<unknown>) => {
    const subject = await liveSubject(store, `user ${users++}`);
    return commandsDuring(redis, () => call(store, subject));
  };

  // `revokeAll` would end the sessions of all other cases.
  const verbs = Object.entries(everyVerb).filter(([name]) => name !== "revokeAll");
  it.each(verbs)("nothing for %s, unless it ends a session", async (name, call) => {
    const [cost, more] = [await costOf(off, call), await costOf(on, call)];
    const ends = /^(rotate|revoke|blockUser)/.test(name) && name !== "revokeAllForUser but one";
    const added = (command: string) => (more[command] ?? 0) - (cost[command] ?? 0);
    // The ending itself, and a look for the hash of the secret unless the caller has given it.
    expect(added("set")).toBe(ends ? 1 : 0);
    expect(added("hmget")).toBe(ends && name !== "rotate with grace" ? 1 : 0);
    expect([added("get"), added("evalsha")]).toEqual([0, 0]);
  });

  it("a lookup of a dead token reads one or two keys more with endings, and none without", async () => {
    for (const store of stores) {
      const strange = await commandsDuring(redis, () => store.touch(stranger().token));
      expect(strange).toEqual({ evalsha: 1, hgetall: 1, ...(store === on ? { get: 2 } : {}) });
      const dead = await liveSubject(store, `user ${users++}`);
      await store.revoke(dead.token);
      const cost = await commandsDuring(redis, () => store.touch(dead.token));
      expect(cost).toEqual({ evalsha: 1, hgetall: 1, ...(store === on ? { get: 1 } : {}) });
      // `get` of the store tells nobody why.
      expect(await commandsDuring(redis, () => store.get(dead.token))).toEqual({ evalsha: 1, hgetall: 1 });
    }
  });
});
