/** What is left in Redis: never a key without an end, and nothing at all once everything has expired. */
import { describe, expect, it, vi } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { Keys } from "../../src/sessions/keys.js";
import {
  connect,
  expectCleanKeyspace,
  guardKeyspace,
  keysUnder,
  lastingKeysUnder,
  uniquePrefix,
} from "../harness/fixtures.js";
import { expectIndex, indexedIds } from "../harness/indexes.js";

const redis = connect();

/**
 * A store with keys of its own whose sessions live for as long as `lifetime` says, ms. What a guest's log-in leaves lives for
 * as long as a call may take.
 */
function shortLived(lifetime: number, timeout = 20_000, endings = 0) {
  const prefix = uniquePrefix();
  const store = createSessionStore(redis, {
    prefix,
    idleTimeout: lifetime,
    absoluteTimeout: lifetime,
    touchInterval: 0,
    timeout,
    endings,
  });
  return { prefix, store };
}

/** Waits for expiry, which is the subject here; a key without an end makes it fail. Marks last as long as calls may. */
function expectEmpty(prefix: string): Promise<void> {
  return vi.waitFor(async () => expect(await lastingKeysUnder(redis, prefix)).toEqual([]), {
    timeout: 15_000,
    interval: 20,
  });
}

/** Redis's clock, epoch ms. */
async function redisNow(): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

/**
 * Does something that has to be over before what it makes begins to expire. Where the machine stood still meanwhile, it is
 * done again with more time.
 */
async function within<T>(
  lifetime: number,
  act: (lifetime: number) => Promise<T>,
  prepare = async () => {},
): Promise<T> {
  await prepare();
  const begun = await redisNow();
  const result = await act(lifetime);
  return (await redisNow()) - begun < lifetime ? result : within(2 * lifetime, act, prepare);
}

/** Waits until all sessions are dead that the index of a user names, but one. */
async function untilDead(prefix: string, userId: string, spared: string): Promise<void> {
  const ids = (await indexedIds(redis, prefix, userId)).filter((id) => id !== spared);
  const keys = ids.map((id) => new Keys(prefix).session(id));
  if (keys.length === 0) return;
  await vi.waitFor(async () => expect(await redis.exists(...keys)).toBe(0), { timeout: 15_000, interval: 5 });
}

const times = <T>(count: number, make: (at: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, at) => make(at)));

describe("when everything has expired", () => {
  it("nothing is left of sessions, guests, log-ins, rotations, revocations and blocks that end", async () => {
    const users = ["ada", "with:colon", "{brace}", "line\nfeed", "🧥"];
    const { prefix, store, made } = await within(400, async (lifetime) => {
      const { prefix, store } = shortLived(lifetime, 3000, lifetime);
      await times(40, async (at) => {
        const userId = users[at % users.length] as string;
        const { token } = await store.create({ userId, claims: { at } });
        const guest = await store.create({ claims: { cart: [at] } });
        await store.touch(token);
        await store.updateClaims(token, { at: at + 1 });
        const rotated = await store.rotate(token, { grace: at % 2 === 0 ? 50 : 0 });
        if (at % 3 === 0) await store.revoke(rotated?.token);
        if (at % 4 === 0) await store.rotate(guest.token, { userId });
        await store.updateClaimsForUser(userId, { role: "admin" });
      });
      await store.revokeAllForUser("ada");
      await store.blockUser("🧥", { until: (await redisNow()) + 1000, reason: "a while" });
      await expectCleanKeyspace(redis, prefix);
      return { prefix, store, made: (await keysUnder(redis, prefix)).length };
    });
    expect(made).toBeGreaterThan(40);
    await expectEmpty(prefix);
    expect(await store.getBlock("🧥")).toBeNull();
  });

  const { prefix, store } = shortLived(400);
  guardKeyspace(redis, prefix);

  it("nothing is left but a block without end, and nothing once that is lifted", async () => {
    await store.create({ userId: "blocked" });
    await store.blockUser("blocked");
    expect(await lastingKeysUnder(redis, prefix)).toEqual([new Keys(prefix).user("blocked").block]);
    await store.unblockUser("blocked");
    expect(await lastingKeysUnder(redis, prefix)).toEqual([]);
  });

  it("nothing is left of a block without end that was replaced by one that ends", async () => {
    await store.blockUser("blocked");
    await store.blockUser("blocked", { until: (await redisNow()) + 1000 });
    await expectEmpty(prefix);
  });
});

describe("at the very ms of its end", () => {
  // Calls follow each other within microseconds, so that some fall into the last ms of every session.

  it("a touch leaves no key without an end", async () => {
    const { prefix, store } = shortLived(60);
    await times(60, async () => {
      const { token } = await store.create({ userId: "ada" });
      while ((await store.touch(token)) !== null);
    });
    await expectEmpty(prefix);
  });

  it("a rotation leaves no key without an end", async () => {
    const { prefix, store } = shortLived(60);
    await times(60, async (at) => {
      let token: string | undefined = (await store.create({ userId: at % 2 === 0 ? "ada" : undefined })).token;
      while (token !== undefined) token = (await store.rotate(token, { grace: at % 3 }))?.token;
    });
    await expectEmpty(prefix);
  });

  it("an update leaves no key without an end", async () => {
    const { prefix, store } = shortLived(60);
    await times(60, async (at) => {
      const { token } = await store.create({ userId: `user ${at % 5}` });
      while ((await store.updateClaims(token, { at, gone: undefined })) !== null) {
        if (at % 10 === 0) await store.updateClaimsForUser(`user ${at % 5}`, { role: "admin" });
      }
    });
    await expectEmpty(prefix);
  });
});

describe("the index of a user with one session that lasts", () => {
  it("does not grow with dead ones, however many come and go", async () => {
    const { prefix, store } = shortLived(60_000);
    const anchor = await store.create({ userId: "ada" });
    for (let round = 0; round < 4; round++) {
      await within(
        200,
        (lifetime) =>
          times(30, () => store.create({ userId: "ada", idleTimeout: lifetime, absoluteTimeout: lifetime })),
        () => untilDead(prefix, "ada", anchor.session.id),
      );
      // The dead of the rounds before went when the first of this round came.
      expect(await indexedIds(redis, prefix, "ada")).toHaveLength(31);
    }
    await untilDead(prefix, "ada", anchor.session.id);
    const { session } = await store.create({ userId: "ada" });
    await expectIndex(redis, prefix, "ada", [anchor.session.id, session.id]);
  });

  it("shrinks after a burst, a hundred dead ones with each that is added", async () => {
    const { prefix, store, anchor } = await within(500, async (lifetime) => {
      const { prefix, store } = shortLived(60_000);
      const anchor = await store.create({ userId: "ada" });
      await times(350, () => store.create({ userId: "ada", idleTimeout: lifetime, absoluteTimeout: lifetime }));
      return { prefix, store, anchor };
    });
    await untilDead(prefix, "ada", anchor.session.id);
    const left: number[] = [];
    for (let at = 0; at < 4; at++) {
      await store.create({ userId: "ada" });
      left.push((await indexedIds(redis, prefix, "ada")).length);
    }
    expect(left).toEqual([252, 153, 54, 5]);
    expect(await store.listForUser("ada")).toHaveLength(5);
    expect(await store.get(anchor.token)).not.toBeNull();
  });

  it("goes with that session", async () => {
    const { prefix, store } = shortLived(60_000);
    const { token } = await store.create({ userId: "ada" });
    await store.create({ userId: "ada", idleTimeout: 20, absoluteTimeout: 20 });
    await vi.waitFor(async () => expect(await store.listForUser("ada")).toHaveLength(1), {
      timeout: 15_000,
      interval: 5,
    });
    await store.revoke(token);
    await expectEmpty(prefix);
  });
});
