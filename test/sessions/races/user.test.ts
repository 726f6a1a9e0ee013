/** Races of log-ins with whatever ends or limits all sessions of their user. */
import { describe, expect, it, vi } from "vitest";
import {
  createSessionStore,
  type IssuedSession,
  SessionLimitError,
  type SessionLimitPolicy,
  UserBlockedError,
} from "../../../src/index.js";
import { PAGE } from "../../../src/sessions/context.js";
import { interrupt, ORDERS, race } from "../../harness/gate.js";
import { expectIndex, indexedIds } from "../../harness/indexes.js";
import { startOpponents } from "./opponents.js";

// Thousands of log-ins at once take their time; the deadline is not what is tested here.
const { redis, prefix, options, here, there, store, other } = await startOpponents({ timeout: 30_000 });
const POLICIES: SessionLimitPolicy[] = ["evict-oldest", "evict-idle", "reject"];
let users = 0;
const newUser = () => `user races ${users++}`;

const createMany = (userId: string, count: number) =>
  Promise.all(Array.from({ length: count }, () => other.create({ userId })));
const tokenOf = (outcome: unknown) => (outcome as IssuedSession<object>).token;

describe.each(ORDERS)("a log-in that reaches Redis %s another verb", (order) => {
  it("is ended by revokeAllForUser or comes after it, and is listed if it lives", async () => {
    const userId = newUser();
    const before = await other.create({ userId });
    const [created, count] = await race(
      order,
      { gate: here, script: "create", run: () => store.create({ userId }) },
      { gate: there, script: "revokeUser", run: () => other.revokeAllForUser(userId) },
    );
    if (order !== "at once with") expect(count).toBe(order === "before" ? 2 : 1);
    expect(await store.get(before.token)).toBeNull();
    expect((await store.get(created.token)) === null).toBe(count === 2);
    await expectIndex(redis, prefix, userId, count === 2 ? [] : [created.session.id]);
  });

  it("is refused by blockUser or ended by it", async () => {
    const userId = newUser();
    const [outcome, count] = await race(
      order,
      { gate: here, script: "create", run: () => store.create({ userId }).catch((error: unknown) => error) },
      { gate: there, script: "block", run: () => other.blockUser(userId, { until: Date.now() + 3_600_000 }) },
    );
    if (order !== "at once with") expect(count).toBe(order === "before" ? 1 : 0);
    if (count === 0) expect(outcome).toBeInstanceOf(UserBlockedError);
    else expect(await store.get(tokenOf(outcome))).toBeNull();
    await expectIndex(redis, prefix, userId, []);
    await expect(store.create({ userId })).rejects.toThrow(UserBlockedError);
  });

  it.each(POLICIES)("leaves the user within the limit against another log-in: %s", async (onSessionLimit) => {
    const userId = newUser();
    const limits = { ...options, maxSessionsPerUser: 2, onSessionLimit };
    const [first, second] = [createSessionStore(here, limits), createSessionStore(there, limits)];
    const oldest = await other.create({ userId });
    // Of two sessions of the same ms neither is the older one.
    await vi.waitUntil(async () => (await other.create()).session.createdAt > oldest.session.createdAt, {
      interval: 1,
      timeout: 15_000,
    });
    const outcomes = await race(
      order,
      { gate: here, script: "create", run: () => first.create({ userId }).catch((error: unknown) => error) },
      { gate: there, script: "create", run: () => second.create({ userId }).catch((error: unknown) => error) },
    );
    const refused = outcomes.filter((outcome) => outcome instanceof SessionLimitError);
    const made = outcomes
      .filter((outcome) => !(outcome instanceof Error))
      .map((outcome) => outcome as IssuedSession<object>);
    if (onSessionLimit === "reject") {
      expect([refused.length, made.length]).toEqual([1, 1]);
      if (order !== "at once with") expect(outcomes.indexOf(refused[0])).toBe(order === "before" ? 1 : 0);
    } else {
      expect([refused.length, made.length]).toEqual([0, 2]);
      expect(await store.get(oldest.token)).toBeNull();
    }
    const left = made.map(({ session }) => session.id);
    await expectIndex(redis, prefix, userId, onSessionLimit === "reject" ? [oldest.session.id, ...left] : left);
  });
});

describe("forty log-ins at once", () => {
  it.each(POLICIES)("never put a user above the limit, at no moment: %s", async (onSessionLimit) => {
    const userId = newUser();
    const limits = { ...options, maxSessionsPerUser: 3, onSessionLimit };
    const stores = [createSessionStore(here, limits), createSessionStore(there, limits)];
    let busy = true;
    const creations = Promise.allSettled(
      Array.from({ length: 40 }, (_, at) => stores[at % 2]?.create({ userId })),
    ).finally(() => {
      busy = false;
    });
    let most = 0;
    while (busy) most = Math.max(most, (await indexedIds(redis, prefix, userId)).length);
    expect(most).toBeLessThanOrEqual(3);

    const made = (await creations).filter(({ status }) => status === "fulfilled");
    expect(made).toHaveLength(onSessionLimit === "reject" ? 3 : 40);
    expect(await store.listForUser(userId)).toHaveLength(3);
  });
});

describe("a user with more sessions than one step takes", () => {
  it("has none left after revokeAllForUser, whatever came, moved or was exchanged between two steps", async () => {
    const userId = newUser();
    const sessions = await createMany(userId, PAGE + 500);
    const [count, tokens] = await interrupt(
      here,
      "revokeUser",
      "after",
      () => store.revokeAllForUser(userId),
      async () => {
        const left = new Set(await indexedIds(redis, prefix, userId));
        const live = sessions.filter(({ session }) => left.has(session.id)).map(({ token }) => token);
        expect(live).toHaveLength(500);
        const touched = await Promise.all(live.slice(0, 200).map((token) => other.touch(token)));
        const rotated = await Promise.all(live.slice(200, 300).map((token) => other.rotate(token, { grace: 60_000 })));
        const created = await createMany(userId, 50);
        expect([...touched, ...rotated]).not.toContain(null);
        return [...live, ...rotated.map((issued) => issued?.token), ...created.map(({ token }) => token)];
      },
    );
    expect(count).toBe(PAGE + 500 + 100 + 50);
    await expectIndex(redis, prefix, userId, []);
    expect(new Set(await Promise.all(tokens.map((token) => store.get(token))))).toEqual(new Set([null]));
  });

  it("keeps the spared one alone", async () => {
    const userId = newUser();
    const sessions = await createMany(userId, PAGE + 500);
    const [first, , last] = [sessions[0], sessions[1], sessions.at(-1)];
    const except = first?.token ?? "";
    const [count] = await interrupt(
      here,
      "revokeUser",
      "after",
      () => store.revokeAllForUser(userId, { except }),
      // It moves from the first page to the end.
      () => Promise.all([other.touch(except), other.revoke(last?.token)]),
    );
    expect(count).toBe(PAGE + 500 - 2);
    await expectIndex(redis, prefix, userId, [first?.session.id ?? ""]);
  });

  it("is blocked from the first step on, and has no session after the last", async () => {
    const userId = newUser();
    const sessions = await createMany(userId, PAGE + 500);
    const [count, token] = await interrupt(
      here,
      "block",
      "after",
      () => store.blockUser(userId, { until: Date.now() + 3_600_000 }),
      async () => {
        await expect(other.create({ userId })).rejects.toThrow(UserBlockedError);
        const guest = await other.create();
        await expect(other.rotate(guest.token, { userId })).rejects.toThrow(UserBlockedError);
        const left = new Set(await indexedIds(redis, prefix, userId));
        const live = sessions.find(({ session }) => left.has(session.id));
        await expect(other.rotate(live?.token, { grace: 60_000 })).rejects.toThrow(UserBlockedError);
        return live?.token;
      },
    );
    expect(count).toBe(PAGE + 500);
    expect(await store.get(token)).toBeNull();
    await expectIndex(redis, prefix, userId, []);
  });

  it("is blocked by a block that was interrupted: what it left is not renewed, and goes when it is repeated", async () => {
    const userId = newUser();
    const sessions = await createMany(userId, PAGE + 3);
    const impatient = createSessionStore(here, { ...options, timeout: 100 });
    const until = Date.now() + 3_600_000;
    // The first page is done, and the second never gets through.
    const stop = here.stop("revokeUser", "before");
    await expect(impatient.blockUser(userId, { until, reason: "stolen" })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    const [id = ""] = await indexedIds(redis, prefix, userId);
    const token = sessions.find(({ session }) => session.id === id)?.token;
    const before = await other.get(token);
    expect(before).not.toBeNull();

    for (const rotation of [
      { userId, reauthenticated: true },
      { userId, claims: { role: "admin" } },
      { reauthenticated: true },
      { grace: 60_000 },
      {},
    ]) {
      const error: unknown = await other.rotate(token, rotation).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UserBlockedError);
      expect(error).toMatchObject({ until, reason: "stolen" });
    }
    // Nothing has come of it, and what the documentation says of such a session holds.
    expect(await other.get(token)).toEqual(before);
    expect(await other.touch(token)).not.toBeNull();
    expect(await other.updateClaims(token, { seen: true })).not.toBeNull();
    // Another user's log-in on it is that user's business, and ends it.
    const friend = await other.rotate(token, { userId: `${userId}'s friend` });
    expect(friend).toMatchObject({ session: { userId: `${userId}'s friend` } });
    expect(await other.get(token)).toBeNull();

    stop.release();
    expect(await other.blockUser(userId, { until })).toBeLessThanOrEqual(2);
    await expectIndex(redis, prefix, userId, []);
  });

  it("comes down to a new limit, though others log in between two steps", async () => {
    const userId = newUser();
    // More than a thousand above the limit, or one step would do.
    await createMany(userId, 1500);
    const limited = createSessionStore(here, { ...options, maxSessionsPerUser: 5 });
    const [created] = await interrupt(
      here,
      "create",
      "after",
      () => limited.create({ userId }),
      () => createMany(userId, 20),
    );
    const left = await indexedIds(redis, prefix, userId);
    expect(left).toHaveLength(5);
    expect(left).toContain(created.session.id);
    await expectIndex(redis, prefix, userId, left);
  });
});
