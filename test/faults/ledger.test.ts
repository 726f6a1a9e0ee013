/** The checker of the faults, fed with lies: a store that breaks a promise is caught, and one that breaks none is not. */
import { describe, expect, it } from "vitest";
import { createSessionStore, type Session, type SessionStore, StoreUnavailableError } from "../../src/index.js";
import { Keys } from "../../src/sessions/keys.js";
import { connect, uniquePrefix } from "../harness/fixtures.js";
import { audit } from "./audit.js";
import { Ledger } from "./ledger.js";
import { type LoadOptions, prepareLoad } from "./load.js";
import { type Loss, UNCONFIRMED } from "./loss-windows.js";

const redis = connect();
const TIMEOUT = 2000;

/** A store, and a load on what a lie makes of it. */
async function judge(
  lie: (honest: SessionStore, keys: Keys, now: () => boolean) => Partial<SessionStore>,
  {
    mayLose,
    calls = 1000,
    ...options
  }: { readonly mayLose?: readonly Loss[]; readonly calls?: number } & Partial<LoadOptions> = {},
): Promise<{ readonly ledger: Ledger; readonly load: ReturnType<typeof prepareLoad> }> {
  const prefix = uniquePrefix();
  const honest = createSessionStore(redis, { prefix, timeout: TIMEOUT });
  let turns = 0;
  // Not every time: a store that always lied would be caught by anybody.
  const now = () => ++turns % 10 === 0;
  const store = { ...honest, ...lie(honest, new Keys(prefix), now) };
  const ledger = new Ledger();
  if (mayLose !== undefined) ledger.mayLose(mayLose);
  const load = prepareLoad({ ledger, stores: [store], users: 8, perSecond: 10_000, timeout: TIMEOUT, ...options });
  load.start();
  while (load.calls < calls) await new Promise((resolve) => setTimeout(resolve, 10));
  await load.stop();
  await audit(ledger, honest, redis, prefix);
  return { ledger, load };
}

/**
 * Judges anew, with other dice, until there is enough to see. How often a lie is told, and whether anybody looks before it is
 * out of date, is chance: one load in ten shows nothing.
 */
async function judgeUntil(
  isEnough: (ledger: Ledger) => boolean,
  ...[lie, options]: Parameters<typeof judge>
): Promise<Ledger> {
  for (let seed = 1; ; seed++) {
    const { ledger } = await judge(lie, { ...options, seed });
    if (isEnough(ledger) || seed === 20) return ledger;
  }
}

/** Whether what a failover lost was counted, or wrongly held against the store. */
const showsOrBreaks = (figure: string) => (ledger: Ledger) => figure in ledger.further || ledger.broken.length > 0;
const promises = ({ broken }: Ledger) => [...new Set(broken.map((what) => what.split(":")[0]))];
const unavailable = () => Promise.reject(new StoreUnavailableError("no answer"));

describe("an honest store", () => {
  it("breaks nothing", async () => {
    const deeds = new Set<string>();
    const errors = new Set<string>();
    // Every deed is done, and a user who is blocked tries to log in: otherwise this would show nothing.
    for (let seed = 1; deeds.size < 13 || errors.size === 0; seed++) {
      const { ledger, load } = await judge(() => ({}), { seed });
      expect(ledger.broken).toEqual([]);
      expect(ledger.further).toEqual({});
      for (const deed of Object.keys(load.deeds)) deeds.add(deed);
      for (const error of Object.keys(load.errors)) errors.add(error);
    }
    expect(deeds.size).toBe(13);
    expect([...errors]).toEqual(["USER_BLOCKED"]);
  });

  it("breaks nothing where calls are carried out and not answered, or not carried out, or late", async () => {
    let unanswered = 0;
    const mute =
      <T extends unknown[]>(verb: (...args: T) => Promise<unknown>) =>
      async (...args: T): Promise<never> => {
        const chance = Math.random();
        if (chance < 0.15) unanswered++;
        if (chance < 0.05) {
          await verb(...args);
          return unavailable();
        }
        if (chance < 0.1) return unavailable();
        if (chance < 0.15) {
          setTimeout(() => void verb(...args).catch(() => {}), Math.random() * 100);
          return unavailable();
        }
        return (await verb(...args)) as never;
      };
    const figure = "sessions made by a call without an answer";
    const ledger = await judgeUntil(showsOrBreaks(figure), (honest) => {
      const { create, touch, updateClaims, updateClaimsForUser, rotate, revoke } = honest;
      const { revokeAllForUser, blockUser, unblockUser, listForUser } = honest;
      const verbs = { create, touch, updateClaims, updateClaimsForUser, rotate, revoke };
      const others = { revokeAllForUser, blockUser, unblockUser, listForUser };
      return Object.fromEntries(
        Object.entries({ ...verbs, ...others }).map(([name, verb]) => [name, mute(verb as never)]),
      );
    });
    expect(ledger.broken).toEqual([]);
    expect(unanswered).toBeGreaterThan(50);
    expect(ledger.further[figure]).toBeGreaterThan(0);
  });

  it("lets short sessions end", async () => {
    const { ledger } = await judge(() => ({}), {
      shortLived: { share: 0.5, idleTimeout: 40 },
      perSecond: 1500,
    });
    expect(ledger.broken).toEqual([]);
  });
});

describe("a store that lies", () => {
  it.each<[string, string[], Parameters<typeof judge>[0]]>([
    [
      "says that it revoked, and did not",
      ["P1", "P2"],
      (honest, _, now) => ({ revoke: async (target) => (now() ? true : honest.revoke(target)) }),
    ],
    [
      "spares a session of those that it revokes",
      ["P1", "P2"],
      (honest) => ({
        async revokeAllForUser(userId, options) {
          const sessions = await honest.listForUser(userId);
          const others = sessions.filter(({ id }) => id !== options?.except);
          for (const { id } of others.slice(1)) await honest.revoke(id);
          return others.length;
        },
      }),
    ],
    [
      "does not block",
      ["P1", "P2"],
      (honest, _, now) => ({
        async blockUser(userId) {
          const count = await honest.blockUser(userId);
          if (now()) await honest.unblockUser(userId);
          return count;
        },
      }),
    ],
    [
      "leaves the old token of a rotation alive",
      ["P1", "P2"],
      (honest, _, now) => ({
        rotate: (token, options) =>
          honest.rotate(token, now() && options?.userId === undefined ? { ...options, grace: 60_000 } : options),
      }),
    ],
    [
      "loses an update",
      ["P3"],
      (honest, _, now) => ({
        async updateClaims(target, change) {
          if (!now()) return honest.updateClaims(target, change);
          const session = await honest.updateClaims(target, {});
          if (session === null) return null;
          const patch = typeof change === "function" ? await change(session.claims) : change;
          return { ...session, claims: { ...session.claims, ...patch } };
        },
      }),
    ],
    [
      "counts twice",
      ["P3"],
      (honest, _, now) => ({
        async updateClaims(target, change) {
          if (typeof change === "function" && now()) await honest.updateClaims(target, change);
          return honest.updateClaims(target, change);
        },
      }),
    ],
    [
      "misses a session in an update for all",
      ["P3"],
      (honest, _, now) => ({
        async updateClaimsForUser(userId, patch) {
          if (!now()) return honest.updateClaimsForUser(userId, patch);
          const sessions = await honest.listForUser(userId);
          for (const { id } of sessions.slice(1)) await honest.updateClaims(id, patch);
          return sessions.length;
        },
      }),
    ],
    [
      "drops a session from the index",
      ["P4"],
      (honest, keys, now) => ({
        async create(options) {
          const issued = await honest.create(options);
          const { id, userId } = issued.session;
          if (userId !== null && now()) await redis.zrem(keys.user(userId).index, id);
          return issued;
        },
      }),
    ],
    [
      "leaves a dead session in the index",
      ["P4"],
      (honest, keys, now) => ({
        async revoke(target) {
          const id = String(target).slice(0, 26);
          return now() ? (await redis.del(keys.session(id))) === 1 : honest.revoke(target);
        },
      }),
    ],
    [
      "makes a session that nobody asked for",
      ["P2"],
      (honest, _, now) => ({
        async create(options) {
          if (now()) await honest.create(options);
          return honest.create(options);
        },
      }),
    ],
    [
      "forgets when a key ends",
      ["P5"],
      // An index, because a session without an end is one that no verb can read. Every time, as the next creation mends it.
      (honest, keys) => ({
        async create(options) {
          const issued = await honest.create(options);
          const { userId } = issued.session;
          if (userId !== null) await redis.persist(keys.user(userId).index);
          return issued;
        },
      }),
    ],
    [
      "answers null for a live session",
      ["P8"],
      (honest, _, now) => ({ touch: async (token) => (now() ? null : honest.touch(token)) }),
    ],
    [
      "takes a live session away",
      ["P8"],
      (honest, _, now) => ({
        async touch(token) {
          if (now()) await honest.revoke(token as string);
          return honest.touch(token);
        },
      }),
    ],
    [
      "rejects with an error of another kind",
      ["P8"],
      (honest, _, now) => ({ get: (token) => (now() ? Promise.reject(new TypeError("oops")) : honest.get(token)) }),
    ],
  ])("%s is caught", async (_, expected, lie) => {
    // Whether somebody tries the dead before the end is chance, and whether it is caught by that or by the end.
    const isCaught = (ledger: Ledger) => expected.some((promise) => promises(ledger).includes(promise));
    const ledger = await judgeUntil(isCaught, lie);
    expect(ledger.broken.filter((what) => expected.some((promise) => what.startsWith(promise)))).not.toEqual([]);
  });

  it("that settles after its deadline is caught, and one whose process was late itself is not", async () => {
    const late = (isEnough: (ledger: Ledger) => boolean, wait: () => Promise<void>) =>
      judgeUntil(
        isEnough,
        (honest, _, now) => ({
          async get(token) {
            if (now()) await wait();
            return honest.get(token);
          },
        }),
        // Longer than an honest call takes on a machine that is busy otherwise, too.
        { timeout: 500, calls: 80, weights: { get: 60 } },
      );
    // A process that was held up meanwhile has an excuse, so it is tried until one was not.
    const isCaught = ({ broken }: Ledger) => broken.length > 0;
    const slow = await late(isCaught, () => new Promise((resolve) => setTimeout(resolve, 1000)));
    expect(promises(slow)).toEqual(["P8"]);
    expect(slow.broken[0]).toMatch(/^P8: get settled \d+ ms after its deadline$/);
    const busy = await late(
      () => true,
      async () => {
        const end = performance.now() + 1000;
        while (performance.now() < end);
      },
    );
    expect(busy.broken).toEqual([]);
  });

  it("that never settles is caught", async () => {
    const { ledger } = await judge(
      (honest) => {
        let calls = 0;
        return { get: (token) => (++calls === 20 ? new Promise<Session | null>(() => {}) : honest.get(token)) };
      },
      { timeout: 1000, patience: 500 },
    );
    expect(ledger.broken).toEqual([expect.stringMatching(/^P8: get had not settled after \d+ ms$/)]);
  });
});

describe("a window in which a failover may lose what no replica has", () => {
  /** Says that it revoked, and did not. */
  const undone: Parameters<typeof judge>[0] = (honest, _, now) => ({
    revoke: async (target) => (now() ? true : honest.revoke(target)),
  });

  it("excuses what may be lost, and counts it", async () => {
    const figure = "acknowledged revocations that came back";
    const ledger = await judgeUntil(showsOrBreaks(figure), undone, { mayLose: ["revocation"] });
    expect(ledger.broken).toEqual([]);
    expect(ledger.further[figure]).toBeGreaterThan(0);
  });

  it("excuses nothing else", async () => {
    const isCaught = (ledger: Ledger) => promises(ledger).includes("P1");
    expect(promises(await judgeUntil(isCaught, undone, { mayLose: UNCONFIRMED }))).toContain("P1");
  });

  it("excuses nothing that was acknowledged before it opened or began after it closed", () => {
    const ledger = new Ledger();
    const window = ledger.mayLose(["revocation"], 100);
    expect(ledger.isLosable("revocation", { begun: 90, ended: 101 })).toBe(true);
    expect(ledger.isLosable("revocation", { begun: 90, ended: 99 })).toBe(false);
    window.close();
    const now = performance.now();
    expect(ledger.isLosable("revocation", { begun: now - 10, ended: now + 10 })).toBe(true);
    expect(ledger.isLosable("revocation", { begun: now + 10, ended: now + 20 })).toBe(false);
    expect(ledger.isLosable("create", { begun: now - 10, ended: now + 10 })).toBe(false);
  });

  it.each<[Loss, string, Parameters<typeof judge>[0]]>([
    [
      "create",
      "created sessions lost",
      (honest, _, now) => ({
        async create(options) {
          const issued = await honest.create(options);
          if (now()) await honest.revoke(issued.token);
          return issued;
        },
      }),
    ],
    [
      "rotation",
      "rotations lost",
      (honest, _, now) => ({
        async rotate(token, options) {
          const issued = await honest.rotate(token, options);
          if (issued !== null && now()) await honest.revoke(issued.token);
          return issued;
        },
      }),
    ],
    [
      "update",
      "updates lost",
      (honest, _, now) => ({
        async updateClaims(target, change) {
          if (!now()) return honest.updateClaims(target, change);
          const session = await honest.updateClaims(target, {});
          if (session === null) return null;
          const patch = typeof change === "function" ? await change(session.claims) : change;
          return { ...session, claims: { ...session.claims, ...patch } };
        },
      }),
    ],
    [
      "unblock",
      "unblockings lost",
      (honest, _, now) => ({
        async unblockUser(userId) {
          const was = await honest.unblockUser(userId);
          if (now()) await honest.blockUser(userId);
          return was;
        },
      }),
    ],
  ])("excuses a lost %s", async (loss, figure, lie) => {
    const weights = { block: 20 };
    const lossy = await judgeUntil(showsOrBreaks(figure), lie, { mayLose: [loss], weights });
    expect(lossy.broken).toEqual([]);
    expect(lossy.further[figure]).toBeGreaterThan(0);
    const strict = await judgeUntil(({ broken }) => broken.length > 0, lie, { weights });
    expect(strict.broken).not.toEqual([]);
  });
});
