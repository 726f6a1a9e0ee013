/** Deadlines are Redis's business: a process whose own clock is an hour wrong makes them all right. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSessionStore, UserBlockedError } from "../../src/index.js";
import { Keys } from "../../src/sessions/keys.js";
import { sightingsOf } from "../../src/sessions/sightings.js";
import { rejection } from "../fixtures/every-verb.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const keys = new Keys(prefix);
const store = createSessionStore(redis, {
  prefix,
  idleTimeout: 10 * MINUTE,
  absoluteTimeout: 30 * MINUTE,
  touchInterval: 0,
});

/** Redis's clock, epoch ms. */
async function redisNow(): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

/** Waits for Redis's next millisecond, so that what follows is later than what was before. */
async function nextMillisecond(): Promise<number> {
  const before = await redisNow();
  for (;;) {
    const now = await redisNow();
    if (now > before) return now;
  }
}

/** Runs a call and says between which instants of Redis's clock it ran. */
async function timed<T>(call: () => Promise<T>): Promise<{ result: T; from: number; to: number }> {
  const from = await redisNow();
  const result = await call();
  return { result, from, to: await redisNow() };
}

function expectBetween(instant: number | null | undefined, { from, to }: { from: number; to: number }): void {
  expect(instant).toBeGreaterThanOrEqual(from);
  expect(instant).toBeLessThanOrEqual(to);
}

/** Sets the clock of this process that far from Redis's. Timers and performance.now() go on as they are. */
function skew(by: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: performance.timeOrigin + performance.now() + by });
}

afterEach(() => {
  vi.useRealTimers();
});

let users = 0;
const newUser = () => `user ${++users}`;

describe.each([
  ["an hour ahead", HOUR],
  ["an hour behind", -HOUR],
])("with the process's clock %s", (_, by) => {
  beforeEach(() => skew(by));

  it("the clock is indeed wrong", async () => {
    expect(Math.abs(Date.now() - (await redisNow()) - by)).toBeLessThan(MINUTE);
  });

  it("create sets both deadlines by Redis's clock", async () => {
    const userId = newUser();
    const span = await timed(() => store.create({ userId }));
    const { id, createdAt, authenticatedAt, lastSeenAt, expiresAt, absoluteExpiresAt } = span.result.session;
    expectBetween(createdAt, span);
    expect(authenticatedAt).toBe(createdAt);
    expect(lastSeenAt).toBe(createdAt);
    expect(expiresAt).toBe(createdAt + 10 * MINUTE);
    expect(absoluteExpiresAt).toBe(createdAt + 30 * MINUTE);
    expect(await redis.pexpiretime(keys.session(id))).toBe(expiresAt);
    // The index says one idle timeout more, so that the first slides need not change it.
    expect(await redis.pexpiretime(keys.user(userId).index)).toBe(expiresAt + 10 * MINUTE);
    expect(Number(await redis.zscore(keys.user(userId).index, id))).toBe(expiresAt + 10 * MINUTE);
  });

  it("get and touch find a session that this process's clock calls expired, or not yet made", async () => {
    const { token, session } = await store.create({ userId: newUser() });
    expect(await store.get(token)).toEqual(session);
    expect(await store.listForUser(session.userId ?? "")).toEqual([session]);
    expect(await store.touch(token)).toMatchObject({ id: session.id, createdAt: session.createdAt });
  });

  it("touch moves the idle deadline by Redis's clock, and never beyond the absolute one", async () => {
    const { token, session } = await store.create({ userId: newUser() });
    await nextMillisecond();
    const span = await timed(() => store.touch(token));
    expectBetween(span.result?.lastSeenAt, span);
    expect(span.result?.lastSeenAt).toBeGreaterThan(session.lastSeenAt);
    expect(span.result?.expiresAt).toBe(Number(span.result?.lastSeenAt) + 10 * MINUTE);
    expect(await redis.pexpiretime(keys.session(session.id))).toBe(span.result?.expiresAt);

    const short = await store.create({ idleTimeout: MINUTE, absoluteTimeout: MINUTE });
    await nextMillisecond();
    const touched = await store.touch(short.token);
    expect(touched?.lastSeenAt).toBeGreaterThan(short.session.lastSeenAt);
    expect(touched?.expiresAt).toBe(short.session.absoluteExpiresAt);
  });

  it("touch writes when its interval has passed for Redis, and not before", async () => {
    const lazy = createSessionStore(redis, { prefix, touchInterval: 5 * MINUTE });
    const { token, session } = await lazy.create({ userId: newUser() });
    // Taken by the wrong clock, an hour has passed since, or will pass until then.
    await nextMillisecond();
    expect(await lazy.touch(token)).toEqual(session);
  });

  describe.each([
    ["the store's own timeouts", 0, {}],
    ["a longer idle timeout", 0, { idleTimeout: 20 * MINUTE }],
    ["a shorter idle timeout", 0, { idleTimeout: 6 * MINUTE }],
    ["a longer life", 0, { absoluteTimeout: 90 * MINUTE }],
    ["a life that ends soon", 22 * MINUTE, {}],
    ["timeouts that are one", 0, { idleTimeout: 30 * MINUTE }],
    ["times that hold the store's timeouts", 10 * MINUTE, { idleTimeout: 30 * MINUTE, absoluteTimeout: 90 * MINUTE }],
  ])("a session with %s", (_, seen, timeouts) => {
    const own = { idleTimeout: 10 * MINUTE, absoluteTimeout: 30 * MINUTE };
    const lazy = createSessionStore(redis, { prefix, ...own, touchInterval: 5 * MINUTE });
    const { idleTimeout, absoluteTimeout } = { ...own, ...timeouts };
    const interval = Math.min(5 * MINUTE, idleTimeout / 2);

    it.each([
      ["not before its interval has passed", interval - 2000, false],
      ["when its interval has passed", interval, true],
      ["long after it", Math.min(interval + MINUTE, absoluteTimeout - seen - 2000), true],
    ])("slides %s", async (_, since, slides) => {
      const { token, session } = await lazy.create({ userId: newUser(), ...timeouts });
      const key = keys.session(session.id);
      // As if it had been made so much earlier, and seen once meanwhile.
      const created = session.createdAt - seen - since;
      await redis.hset(key, "t", `${created} 0 ${idleTimeout} ${absoluteTimeout}`);
      if (seen + idleTimeout > absoluteTimeout) await redis.hset(key, "s", seen);
      await redis.pexpireat(key, created + Math.min(seen + idleTimeout, absoluteTimeout));
      const { result, ...span } = await timed(() => sightingsOf(lazy).touch(token));
      if (slides) expectBetween(result?.session?.lastSeenAt, span);
      else expect(result?.session?.lastSeenAt).toBe(created + seen);
      expectBetween(result?.readAt, span);
      expect(await redis.pexpiretime(key)).toBe(result?.session?.expiresAt);
    });
  });

  it("touch finds its fields wherever they stand in the record", async () => {
    const { token, session } = await store.create({ userId: newUser(), claims: { role: "member" } });
    const key = keys.session(session.id);
    const record = await redis.hgetall(key);
    const ends = await redis.pexpiretime(key);
    await redis.del(key);
    for (const [field, value] of Object.entries(record).reverse()) await redis.hset(key, field, value);
    await redis.pexpireat(key, ends);
    await nextMillisecond();
    const touched = await store.touch(token);
    expect(touched?.claims).toEqual({ role: "member" });
    expect(touched?.lastSeenAt).toBeGreaterThan(session.lastSeenAt);
    expect(await redis.pexpiretime(key)).toBe(touched?.expiresAt);
  });

  it("a session ends when it has ended for Redis", async () => {
    for (let idleTimeout = 40; ; idleTimeout *= 4) {
      const { token, session } = await store.create({ idleTimeout, userId: newUser() });
      const found = await store.get(token);
      // Where the machine stood still meanwhile, the next one lives longer.
      if (found === null && (await redisNow()) >= session.expiresAt) continue;
      expect(found).toEqual(session);
      while ((await redisNow()) <= session.expiresAt);
      expect(await store.get(token)).toBeNull();
      expect(await store.touch(token)).toBeNull();
      expect(await store.listForUser(session.userId ?? "")).toEqual([]);
      break;
    }
  });

  it("rotate takes a new authentication's time, and the end of a grace, from Redis", async () => {
    const { token, session } = await store.create({ userId: newUser() });
    await nextMillisecond();
    const span = await timed(() => store.rotate(token, { reauthenticated: true, grace: MINUTE }));
    const rotated = span.result?.session;
    expectBetween(rotated?.authenticatedAt, span);
    expect(rotated?.createdAt).toBe(session.createdAt);
    expect(rotated?.expiresAt).toBe(Number(rotated?.authenticatedAt) + 10 * MINUTE);
    expect(rotated?.absoluteExpiresAt).toBe(Number(rotated?.authenticatedAt) + 30 * MINUTE);
    expect(await redis.pexpiretime(keys.session(session.id))).toBe(Number(rotated?.authenticatedAt) + MINUTE);
  });

  it("a log-in starts a guest's clocks anew by Redis's clock", async () => {
    const guest = await store.create();
    const span = await timed(() => store.rotate(guest.token, { userId: newUser() }));
    expectBetween(span.result?.session.createdAt, span);
    expectBetween(span.result?.session.authenticatedAt, span);
  });

  it("the end of a block is judged by Redis's clock", async () => {
    const userId = newUser();
    const future = (await redisNow()) + MINUTE;
    const past = (await redisNow()) - MINUTE;
    const span = await timed(() => store.blockUser(userId, { until: future }));
    const block = await store.getBlock(userId);
    expect(block?.until).toBe(future);
    expectBetween(block?.since, span);
    expect(await redis.pexpiretime(keys.user(userId).block)).toBe(future);

    const error = await rejection(store.blockUser(userId, { until: past }));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toContain("Redis's clock");
    expect((await store.getBlock(userId))?.until).toBe(future);
  });

  it("a block ends when it has ended for Redis", async () => {
    for (let span = 200; ; span *= 4) {
      const userId = newUser();
      const until = (await redisNow()) + span;
      const refusal = await store.blockUser(userId, { until }).then(
        () => store.create({ userId }).catch((error: unknown) => error),
        (error: unknown) => error,
      );
      // Where the machine stood still meanwhile, the next one lasts longer.
      if (!(refusal instanceof UserBlockedError) && (await redisNow()) >= until) continue;
      expect(refusal).toBeInstanceOf(UserBlockedError);
      while ((await redisNow()) <= until);
      expect(await store.getBlock(userId)).toBeNull();
      expect(await store.create({ userId })).toMatchObject({ session: { userId } });
      break;
    }
  });

  it("check says how far the clocks are apart", async () => {
    const { servers, findings } = await store.check();
    expect(Math.abs(Number(servers[0]?.clockAhead) + by)).toBeLessThan(MINUTE);
    expect(findings.map(({ code }) => code)).toContain("clock");
  });
});

describe("with two processes whose clocks are two hours apart", () => {
  it("the newest session is the one that Redis saw last, whatever the ids say", async () => {
    const userId = newUser();
    skew(HOUR);
    const older = await store.create({ userId });
    await nextMillisecond();
    skew(-HOUR);
    const newer = await store.create({ userId });

    // Ids begin with the time of the process that made them, and here they lie.
    expect(newer.session.id < older.session.id).toBe(true);
    expect((await store.listForUser(userId)).map(({ id }) => id)).toEqual([newer.session.id, older.session.id]);
  });

  it.each(["evict-oldest", "evict-idle"] as const)("%s ends the session that Redis saw first", async (policy) => {
    const userId = newUser();
    const limited = createSessionStore(redis, { prefix, maxSessionsPerUser: 2, onSessionLimit: policy });
    skew(HOUR);
    const first = await limited.create({ userId });
    await nextMillisecond();
    skew(-HOUR);
    const second = await limited.create({ userId });
    await nextMillisecond();
    const third = await limited.create({ userId });

    expect(await limited.get(first.token)).toBeNull();
    expect(await limited.get(second.token)).toEqual(second.session);
    expect(await limited.get(third.token)).toEqual(third.session);
  });
});
