/** What the tests of the recipes have in common: traffic of which every metric tells. */
import type { SessionStore } from "coatcheck";
import { createSessionStore } from "coatcheck";
import { createOneTimeTokens } from "coatcheck/one-time";
import { expect, vi } from "vitest";
import { REDIS_ERRORS, startFakeRedis } from "../harness/fake-redis.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";

const ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

/** A store, and one whose Redis cannot serve. */
export async function openStores(): Promise<{ store: SessionStore; broken: SessionStore }> {
  const fake = await startFakeRedis({ answer: REDIS_ERRORS.MISCONF });
  afterFile(() => fake.close());
  return {
    store: createSessionStore(connect(), { prefix: uniquePrefix() }),
    broken: createSessionStore(connect({ port: fake.port })),
  };
}

/** A store whose near cache has answered one lookup, and let one go to Redis. */
export async function openNear(): Promise<SessionStore> {
  // So long a lease that nothing lapses on a busy machine.
  const store = createSessionStore(connect(), { prefix: uniquePrefix(), near: { lease: 10_000 } });
  afterFile(() => store.close());
  store.peek("");
  await vi.waitFor(() => expect(store.near.state).toBe("serving"), 10_000);
  const { token } = await store.create({ userId: "ada" });
  await store.touch(token);
  await store.touch(token);
  expect(store.near.stats).toMatchObject({ hits: 1, misses: 1, size: 1 });
  return store;
}

/** Calls what is needed for each metric to have a value. The numbers are those that the tests expect. */
export async function causeEverything({ store, broken }: Awaited<ReturnType<typeof openStores>>): Promise<void> {
  const guest = await store.create();
  const login = await store.rotate(guest.token, { userId: "ada" });
  const next = await store.rotate(login?.token);
  await store.touch(next?.token);
  await store.touch(guest.token);
  await store.touch("rubbish");
  await store.touch(`${next?.session.id}.${"A".repeat(43)}`);
  await store.updateClaims(next?.token, { role: "admin" });
  await store.create({ userId: "" }).catch(() => {});
  await store.revoke(next?.token);
  await store.create({ userId: "ada" });
  await store.blockUser("ada");
  await store.unblockUser("ada");
  await broken.touch(`${ID}.${"A".repeat(43)}`).catch(() => {});
  await broken.revoke(ID).catch(() => {});
  const tokens = createOneTimeTokens(connect(), { prefix: uniquePrefix(), purpose: "reset", ttl: 60_000 });
  await tokens.consume((await tokens.issue({ subject: "ada" })).token);
}

/** The calls of that traffic, by their labels. */
export const CALLS = {
  "sessions create ok": 2,
  "sessions create error RangeError": 1,
  "sessions rotate ok": 2,
  "sessions touch ok": 1,
  "sessions touch absent": 3,
  "sessions touch error STORE_UNAVAILABLE": 1,
  "sessions updateClaims ok": 1,
  "sessions revoke ok": 1,
  "sessions revoke error STORE_UNAVAILABLE": 1,
  "sessions blockUser ok": 1,
  "sessions unblockUser ok": 1,
  "one-time issue ok": 1,
  "one-time consume ok": 1,
};

/** The other counters after it, by their labels; the names are those of OpenTelemetry. */
export const COUNTS = {
  "coatcheck.rejections": { unknown: 1, malformed: 1, secret: 1 },
  "coatcheck.outages": { "touch STORE_UNAVAILABLE": 1, "revoke STORE_UNAVAILABLE": 1 },
  "coatcheck.sessions.created": { "": 2 },
  "coatcheck.sessions.rotated": { true: 1, false: 1 },
  "coatcheck.sessions.revoked": { revoked: 1, blocked: 1 },
  "coatcheck.users.blocked": { "": 1 },
  "coatcheck.users.unblocked": { "": 1 },
  "coatcheck.near.changes": { "off closed": 1 },
};

/** What the near caches are at before the first of them closes, and after: lookups, sessions in memory, caches that serve. */
export const NEAR_AT_FIRST = [{ hit: 1, miss: 1 }, { "": 1 }, { "": 1 }];
export const NEAR_AT_LAST = [{ hit: 1, miss: 1 }, { "": 0 }, { "": 0 }];

/** What no metric and no span may hold: whom it is about. */
export const PRIVATE = /ada|01[0-9A-HJKMNP-TV-Z]{24}/;
