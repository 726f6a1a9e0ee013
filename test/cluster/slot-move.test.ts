/**
 * Every verb while its slot is moving from one master to another, stopped half-way: some keys of the user on one node,
 * the rest on the other. A single key is always found. A script over several keys must neither take what is on the other
 * node for absent, nor make it anew: that would be half an index, and the move could not even be finished.
 */
import { describe, expect, it } from "vitest";
import { type IssuedSession, StoreUnavailableError, UserBlockedError } from "../../src/index.js";
import { rejection } from "../fixtures/every-verb.js";
import { clientUnderTest } from "../harness/client-under-test.js";
import type { SlotMove } from "../harness/redis-cluster.js";
import { present } from "../sessions/contract/rig.js";
import { expectSame, isPending, startMoving } from "./moving.js";

const { cluster, redis, keys, open, begin, expectSessions } = await startMoving();
const store = open();
/** Of two stores on the same keys, the one whose touch always writes. */
const eager = open({ touchInterval: 0 });

let count = 0;
const newUser = () => `user ${count++}`;

/** What has moved, when a move was stopped half-way: named after what the user's first session and index did. */
const HALFWAY = {
  nothing: () => [],
  "the session": (_: string, [first]: readonly string[]) => [keys.session(first as string)],
  "the index": (user: string) => [keys.user(user).index],
  "the session and the index": (user: string, [first]: readonly string[]) => [
    keys.session(first as string),
    keys.user(user).index,
  ],
} as const satisfies Record<string, (user: string, ids: readonly string[]) => string[]>;
type Halfway = keyof typeof HALFWAY;
const halfways = Object.keys(HALFWAY) as Halfway[];

/** A user with some sessions whose slot was stopped half-way. */
async function halfway(state: Halfway, sessions = 1) {
  const userId = newUser();
  const issued = [];
  for (let i = 0; i < sessions; i++) issued.push(await store.create({ userId, claims: { n: i } }));
  const ids = issued.map(({ session }) => session.id);
  const move = await begin(userId, ...HALFWAY[state](userId, ids));
  const [first] = issued;
  return { userId, ids, issued, move, ...present(first) };
}

describe.each(halfways)("while a slot moves, and %s has", (state) => {
  it("get, find and listForUser find every session", async () => {
    const { userId, issued, token, session, move } = await halfway(state, 3);
    expectSame(await store.get(token), session);
    expectSame(await store.find(session.id), session);
    const listed = await store.listForUser(userId);
    expect(listed.map(({ id }) => id).sort()).toEqual(issued.map((one) => one.session.id).sort());
    const found = await store.get(token);
    // Nothing moves between the two.
    expect(listed).toContainEqual(found);
    await move.finish();
    const arrived = await store.listForUser(userId);
    expect(arrived).toHaveLength(3);
    for (const one of issued) {
      expectSame(
        arrived.find(({ id }) => id === one.session.id),
        one.session,
      );
    }
  });

  it("touch finds the session, and makes no second index", async () => {
    const { userId, token, session, ids, move } = await halfway(state);
    expect((await eager.touch(token))?.id).toBe(session.id);
    await move.finish();
    await expectSessions(userId, ids);
    const touched = present(await eager.touch(token));
    expect(touched.lastSeenAt).toBeGreaterThan(session.lastSeenAt);
    await expectSessions(userId, ids);
  });

  it("updateClaims changes the session, with a patch and with a function", async () => {
    const { userId, token, ids, move } = await halfway(state);
    expect((await store.updateClaims(token, { a: 1 }))?.claims).toEqual({ n: 0, a: 1 });
    expect((await store.updateClaims(token, ({ a }) => ({ a: Number(a) + 1 })))?.claims).toEqual({ n: 0, a: 2 });
    await move.finish();
    expect((await store.get(token))?.claims).toEqual({ n: 0, a: 2 });
    await expectSessions(userId, ids);
  });

  it("updateClaimsForUser changes every session", async () => {
    const { userId, issued, ids, move } = await halfway(state, 3);
    expect(await store.updateClaimsForUser(userId, { role: "admin" })).toBe(3);
    for (const { token } of issued) expect((await store.get(token))?.claims).toMatchObject({ role: "admin" });
    await move.finish();
    for (const { token } of issued) expect((await store.get(token))?.claims).toMatchObject({ role: "admin" });
    await expectSessions(userId, ids);
  });

  it("a guest's session is created, touched and revoked", async () => {
    const { move } = await halfway(state);
    const guests = open();
    // Guests lie anywhere, so some land in the slot only by chance; all of them have to work.
    const issued = await Promise.all(Array.from({ length: 20 }, () => guests.create()));
    for (const { token, session } of issued) {
      expect(await guests.touch(token)).toEqual(session);
      expect(await guests.revoke(token)).toBe(true);
    }
    await move.finish();
  });

  it.each([
    ["create", (userId: string) => store.create({ userId }), 2],
    ["rotate", (_: string, token: string) => store.rotate(token), 1],
    ["rotate with a grace", (_: string, token: string) => store.rotate(token, { grace: 60_000 }), 2],
  ] as const)("%s waits for the end of the move, and loses nothing", async (_, verb, live) => {
    const { userId, token, move } = await halfway(state);
    const outcome = verb(userId, token);
    expect(await isPending(outcome, redis)).toBe(true);
    await move.finish();
    const { session } = present(await outcome);
    expect(session.userId).toBe(userId);
    const index = await redis.zrange(keys.user(userId).index, 0, -1);
    expect(index).toContain(session.id);
    expect(index).toHaveLength(live);
    await expectSessions(userId, index);
  });
});

it("a log-in rejects when the move takes longer than its deadline, and not when only ioredis gives up", async () => {
  const { userId, token, session, move } = await halfway("nothing");
  const patient = store.create({ userId });
  // ioredis gives up after up to 16 tries, one each 100 ms, and then the store tries again.
  const error = await rejection(open({ timeout: 5000 }).create({ userId }));
  expect(error).toBeInstanceOf(StoreUnavailableError);
  // Only ioredis counts how often it has tried.
  const gaveUp = clientUnderTest().isNodeRedis
    ? /TRYAGAIN|ASK|MOVED/
    : /Too many Cluster redirections.*(TRYAGAIN|ASK|MOVED)/;
  expect(String(error.cause)).toMatch(gaveUp);
  await move.finish();
  expect((await patient).session.userId).toBe(userId);
  expectSame(await store.get(token), session);
});

describe("the two sessions of a rotation with a grace, one of which has moved", () => {
  /** Which of the two is on its new node already. */
  const moves = ["old", "fresh"] as const;

  async function apart(moved: (typeof moves)[number]) {
    const userId = newUser();
    const old = await store.create({ userId, claims: { n: 0 } });
    const fresh = present(await store.rotate(old.token, { grace: 60_000 }));
    const move: SlotMove = await begin(userId, keys.session({ old, fresh }[moved].session.id));
    return { userId, old, fresh, move };
  }

  it.each(moves)("are changed together, once both can be seen: %s", async (moved) => {
    const { old, fresh, move } = await apart(moved);
    // The one with the other on another node must be taken for neither dead nor alone.
    const changes = [store.updateClaims(old.token, { a: 1 }), store.updateClaims(fresh.token, { b: 2 })];
    expect(await isPending(Promise.race(changes), redis)).toBe(true);
    await move.finish();
    for (const change of changes) expect((await change)?.id).toBe(fresh.session.id);
    expect((await store.get(old.token))?.claims).toEqual({ n: 0, a: 1, b: 2 });
    expect((await store.get(fresh.token))?.claims).toEqual({ n: 0, a: 1, b: 2 });
  });

  it.each(moves.flatMap((moved) => (["old", "fresh"] as const).map((revoked) => [moved, revoked] as const)))(
    "both end at once, the %s one moved and the %s one revoked",
    async (moved, revoked) => {
      const { userId, move, ...pair } = await apart(moved);
      expect(await store.revoke(pair[revoked].token)).toBe(true);
      expect(await store.get(pair.old.token)).toBeNull();
      expect(await store.get(pair.fresh.token)).toBeNull();
      await move.finish();
      await expectSessions(userId, []);
    },
  );

  it.each(moves.flatMap((moved) => (["old", "fresh"] as const).map((spared) => [moved, spared] as const)))(
    "are both spared, the %s one moved, when all but the %s one end",
    async (moved, spared) => {
      const { userId, move, ...pair } = await apart(moved);
      // Created before the move could stop it.
      expect(await store.revokeAllForUser(userId, { except: pair[spared].token })).toBe(0);
      expect(await store.get(pair.old.token)).not.toBeNull();
      expect(await store.get(pair.fresh.token)).not.toBeNull();
      await move.finish();
      await expectSessions(userId, [pair.old.session.id, pair.fresh.session.id]);
    },
  );
});

describe.each(halfways)("a revocation takes effect at once while a slot moves, and %s has", (state) => {
  it.each(["token", "id"] as const)("revoke, by %s", async (by) => {
    const { userId, token, session, ids, move } = await halfway(state, 2);
    const heard: string[] = [];
    const own = open();
    own.events.on("revoked", ({ id }) => heard.push(id));
    expect(await own.revoke(by === "id" ? session.id : token)).toBe(true);
    expect(await store.get(token)).toBeNull();
    expect(await store.touch(token)).toBeNull();
    expect(await own.revoke(token)).toBe(false);
    expect(heard).toEqual([session.id]);
    // The index was put right as well, on whichever node it is.
    expect(await redis.zrange(keys.user(userId).index, 0, -1)).toEqual(ids.slice(1));
    await move.finish();
    await expectSessions(userId, ids.slice(1));
  });

  it("revoke, of a token with another secret, ends nothing", async () => {
    const { userId, token, ids, move } = await halfway(state);
    expect(await store.revoke(`${token.slice(0, 27)}${"A".repeat(43)}`)).toBe(false);
    await move.finish();
    await expectSessions(userId, ids);
  });

  it("revokeAllForUser", async () => {
    const { userId, issued, ids, move } = await halfway(state, 3);
    const heard: string[] = [];
    const own = open();
    own.events.on("revoked", ({ id }) => heard.push(id));
    expect(await own.revokeAllForUser(userId)).toBe(3);
    for (const { token } of issued) expect(await store.get(token)).toBeNull();
    expect(heard.sort()).toEqual(ids.toSorted());
    await move.finish();
    await expectSessions(userId, []);
  });

  it("revokeAllForUser, sparing one", async () => {
    const { userId, issued, token, session, move } = await halfway(state, 3);
    expect(await store.revokeAllForUser(userId, { except: token })).toBe(2);
    const [spared, ...others] = await Promise.all(issued.map((one) => store.get(one.token)));
    expectSame(spared, session);
    expect(others).toEqual([null, null]);
    await move.finish();
    await expectSessions(userId, [session.id]);
  });

  it("blockUser", async () => {
    const { userId, issued, move } = await halfway(state, 3);
    expect(await store.blockUser(userId, { reason: "spam" })).toBe(3);
    for (const { token } of issued) expect(await store.get(token)).toBeNull();
    expect(await store.getBlock(userId)).toMatchObject({ reason: "spam", until: null });
    const refused = rejection(store.create({ userId }));
    await move.finish();
    expect(await refused).toBeInstanceOf(UserBlockedError);
    await expectSessions(userId, []);
    expect(await store.unblockUser(userId)).toBe(true);
  });
});

describe("a log-in is carried out at once, while the slot of the session that it ends moves", () => {
  it.each(["stays", "moves"] as const)("of a guest who %s", async (where) => {
    const userId = newUser();
    const guest = await store.create({ claims: { cart: ["hat"] } });
    const { session, token } = await logIn(guest, userId, where);
    expect(session.claims).toEqual({ cart: ["hat"] });
    expect(await store.get(token)).toEqual(session);
    await expectSessions(userId, [session.id]);
  });

  it.each(["stays", "moves"] as const)("on another user's session, which %s", async (where) => {
    const [previous, userId] = [newUser(), newUser()];
    const { session } = await logIn(await store.create({ userId: previous }), userId, where);
    await expectSessions(userId, [session.id]);
    await expectSessions(previous, []);
  });

  async function logIn({ token, session }: IssuedSession<Record<string, unknown>>, userId: string, where: string) {
    const key = keys.session(session.id);
    const slot = await cluster.slotOf(key);
    const owner = await cluster.ownerOf(slot);
    const move = await cluster.beginMove(slot, present(cluster.masters.find((node) => node !== owner)));
    if (where === "moves") await move.carry(key);
    const issued = present(await store.rotate(token, { userId }));
    expect(await store.get(token)).toBeNull();
    await move.finish();
    return issued;
  }
});

describe("a block, while its slot moves", () => {
  it.each(["stays", "moves"] as const)("can be replaced and lifted when it %s", async (where) => {
    const userId = newUser();
    const { token } = await store.create({ userId });
    await store.blockUser(userId, { until: Date.now() + 60_000, reason: "first" });
    const move = await begin(userId, ...(where === "moves" ? [keys.user(userId).block] : []));
    for (const { admin } of cluster.masters) await admin.config("RESETSTAT");
    await store.blockUser(userId, { reason: "second" });
    // The script must not fail half-way, with the old block gone and the new one yet to come.
    for (const { admin } of cluster.masters) expect(await admin.info("commandstats")).not.toMatch(/failed_calls=[1-9]/);
    expect(await store.getBlock(userId)).toMatchObject({ reason: "second", until: null });
    expect(await redis.pttl(keys.user(userId).block)).toBe(-1);
    const until = Date.now() + 50_000;
    await store.blockUser(userId, { until });
    expect(await store.getBlock(userId)).toMatchObject({ reason: null, until });
    expect(await store.get(token)).toBeNull();
    expect(await store.unblockUser(userId)).toBe(true);
    await move.finish();
    expect(await store.getBlock(userId)).toBeNull();
    expect((await store.create({ userId })).session.userId).toBe(userId);
  });
});

describe("a new block in the place of another, while the slot moves", () => {
  it("counts and announces once each session that the first one has missed", async () => {
    const userId = newUser();
    const sessions = await Promise.all([1, 2, 3].map(() => store.create({ userId })));
    // As a call leaves it that was cut off between two pages.
    await redis.hset(keys.user(userId).block, "s", Date.now());
    const heard: string[] = [];
    const own = open();
    own.events.on("revoked", ({ id }) => heard.push(id));
    const move = await begin(userId, keys.user(userId).block, keys.user(userId).index);
    expect(await own.blockUser(userId)).toBe(3);
    expect(heard.sort()).toEqual(sessions.map(({ session }) => session.id).sort());
    await move.finish();
    await expectSessions(userId, []);
  });
});

describe("a slot that has moved", () => {
  it("is found by a client that does not know, for every verb", async () => {
    const userId = newUser();
    const { token, session } = await store.create({ userId });
    const slot = await cluster.slotOf(keys.user(userId).index);
    const there = () => cluster.ownerOf(slot);
    for (const verb of [
      () => store.get(token),
      () => store.touch(token),
      () => store.updateClaims(token, { seen: true }),
      () => store.listForUser(userId),
      () => store.create({ userId }),
      () => store.revoke(session.id),
      () => store.blockUser(userId),
    ]) {
      const owner = await there();
      await cluster.moveSlot(slot, present(cluster.masters.find((node) => node !== owner)));
      expect(await verb()).not.toBeNull();
    }
    await expectSessions(userId, []);
  });
});
