/**
 * Slots that move to and fro under a running load of every verb, with a checker that knows what was acknowledged: nothing
 * that was revoked comes back, nothing that lives is lost, and no move is held up by a key that was made twice.
 */
import { expect, it } from "vitest";
import { Dice } from "../harness/dice.js";
import { startMoving } from "./moving.js";

const { cluster, redis, keys, open, expectSessions } = await startMoving();
const store = open({ touchInterval: 0 });

/** How often a slot moves, all users' slots in turn. */
const MOVES = 60;
const USERS = 12;

interface Issued {
  readonly token: string;
  readonly id: string;
}

/** What one user's client knows: it does one thing after another, so it knows for sure. */
interface Known {
  readonly userId: string;
  live: Issued[];
  readonly dead: Issued[];
  /** The `n` of each live session, by id: how often it was counted up. */
  readonly counts: Map<string, number>;
}

const known: Known[] = Array.from({ length: USERS }, (_, at) => ({
  userId: `user ${at}`,
  live: [],
  dead: [],
  counts: new Map(),
}));
const tally: Record<string, number> = {};

async function useUntil(over: () => boolean, user: Known, dice: Dice): Promise<void> {
  const end = (gone: readonly Issued[]) => {
    user.dead.push(...gone);
    user.live = user.live.filter((one) => !gone.includes(one));
  };
  const deeds: Record<string, () => Promise<void>> = {
    async create() {
      const { token, session } = await store.create({ userId: user.userId, claims: { n: 0 } });
      user.live.push({ token, id: session.id });
      user.counts.set(session.id, 0);
    },
    async touch() {
      const one = dice.pick(user.live);
      expect((await store.touch(one.token))?.claims).toEqual({ n: user.counts.get(one.id) });
    },
    async count() {
      const one = dice.pick(user.live);
      const session = await store.updateClaims(one.token, ({ n }) => ({ n: Number(n) + 1 }));
      user.counts.set(one.id, (user.counts.get(one.id) ?? Number.NaN) + 1);
      expect(session?.claims).toEqual({ n: user.counts.get(one.id) });
    },
    async rotate() {
      const one = dice.pick(user.live);
      const next = await store.rotate(one.token);
      if (next === null) throw new Error("A live session could not be rotated.");
      end([one]);
      user.live.push({ token: next.token, id: next.session.id });
      user.counts.set(next.session.id, user.counts.get(one.id) ?? Number.NaN);
    },
    async list() {
      const listed = (await store.listForUser(user.userId)).map(({ id }) => id);
      expect(listed.sort()).toEqual(user.live.map(({ id }) => id).sort());
    },
    async revoke() {
      const one = dice.pick(user.live);
      expect(await store.revoke(one.token)).toBe(true);
      end([one]);
    },
    async revokeOthers() {
      const spared = dice.pick(user.live);
      const others = user.live.filter((one) => one !== spared);
      expect(await store.revokeAllForUser(user.userId, { except: spared.token })).toBe(others.length);
      end(others);
    },
    async block() {
      expect(await store.blockUser(user.userId)).toBe(user.live.length);
      end(user.live);
      expect(await store.unblockUser(user.userId)).toBe(true);
    },
    async tryDead() {
      expect(await store.touch(user.dead.length === 0 ? undefined : dice.pick(user.dead).token)).toBeNull();
    },
  };
  while (!over()) {
    const name = user.live.length === 0 ? "create" : dice.pick(Object.keys(deeds));
    await (deeds[name] as () => Promise<void>)();
    tally[name] = (tally[name] ?? 0) + 1;
  }
}

it("keeps every promise while slots move to and fro", async () => {
  let moved = 0;
  const loads = known.map((user, at) => useUntil(() => moved >= MOVES, user, new Dice(at + 1)));
  const moves = (async () => {
    try {
      for (; moved < MOVES; moved++) {
        const { userId } = known[moved % USERS] as Known;
        const slot = await cluster.slotOf(keys.user(userId).index);
        const owner = await cluster.ownerOf(slot);
        const move = await cluster.beginMove(slot, cluster.masters.find((node) => node !== owner) ?? owner);
        // One key after another, with time for every user to do something in between. Of the marks of calls, which are there by
        // the thousand because a call may take long here, ten go so: all of them would take longer than any call may wait. The
        // others follow at the end, as redis-cli carries them.
        let marks = 0;
        for (const key of await move.waiting()) {
          if (key.includes("}:m:") && ++marks > 10) continue;
          await move.carry(key);
          await Promise.all(Array.from({ length: 5 }, () => store.get("no token")).concat(redis.exists(key) as never));
        }
        await move.finish();
      }
    } finally {
      // Also where a move failed: the load has to end.
      moved = MOVES;
    }
  })();
  await Promise.all([moves, ...loads]);

  for (const { userId, live, dead, counts } of known) {
    for (const { token } of dead) expect(await store.get(token)).toBeNull();
    for (const { token, id } of live) expect((await store.get(token))?.claims).toEqual({ n: counts.get(id) });
    await expectSessions(
      userId,
      live.map(({ id }) => id),
    );
  }
  // Every deed was done, and often: otherwise all of this would show nothing.
  expect(Object.keys(tally)).toHaveLength(9);
  console.log(
    `${Object.values(tally).reduce((sum, count) => sum + count)} calls during ${MOVES} moves of a slot: ${JSON.stringify(tally)}`,
  );
}, 120_000);
