/** The scores of an index are bounds and nothing more: what lives is decided by keys, and pages hold across equal scores. */
import { describe, expect, it } from "vitest";
import { createSessionStore, SessionLimitError } from "../../src/index.js";
import { mintToken } from "../../src/leaves/token.js";
import { PAGE } from "../../src/sessions/context.js";
import { Keys } from "../../src/sessions/keys.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { gated } from "../harness/gate.js";
import { indexedIds } from "../harness/indexes.js";
import { present } from "./contract/rig.js";

const HOUR = 3_600_000;

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const keys = new Keys(prefix);
const gate = await gated(redis);
const store = createSessionStore(gate, { prefix, timeout: 30_000 });
const limited = (maxSessionsPerUser: number, onSessionLimit: "evict-oldest" | "evict-idle" | "reject") =>
  createSessionStore(redis, { prefix, timeout: 30_000, maxSessionsPerUser, onSessionLimit });

/** Every user is used once. */
let users = 0;
const newUser = () => `user ${++users}`;

async function createMany(userId: string, count: number): Promise<string[]> {
  const issued = await Promise.all(Array.from({ length: count }, () => store.create({ userId })));
  return issued.map(({ session }) => session.id);
}

/** Names sessions in an index that are dead: they expired unused, and their bound is still to come. */
async function nameDead(userId: string, count: number, score: number): Promise<void> {
  const { index } = keys.user(userId);
  const bucket = index.slice(prefix.length + 1, prefix.length + 4);
  const members = Array.from({ length: count }, () => [score, mintToken(bucket).id]).flat();
  await redis.zadd(index, ...members);
}

describe("a limit of sessions per user", () => {
  it.each(["evict-oldest", "evict-idle", "reject"] as const)(
    "counts no session that has expired while its bound is still to come, with %s",
    async (policy) => {
      const userId = newUser();
      const [kept] = await createMany(userId, 1);
      await nameDead(userId, 5, Date.now() + HOUR / 2);
      const { session } = await limited(2, policy).create({ userId });
      expect((await store.listForUser(userId)).map(({ id }) => id).toSorted()).toEqual([kept, session.id].toSorted());
    },
  );

  it.each([-1, 1])("counts a session that lives although its bound is %i ms away", async (away) => {
    const userId = newUser();
    const [kept] = await createMany(userId, 1);
    await redis.zadd(keys.user(userId).index, Date.now() + away, present(kept));
    await expect(limited(1, "reject").create({ userId })).rejects.toThrow(SessionLimitError);
  });

  // More than one call may look at: in front of the live ones, and behind them.
  it.each([
    ["before", -HOUR],
    ["after", HOUR],
  ])("evicts no live session for thousands of dead ones whose bounds lie %s theirs", async (_, away) => {
    const userId = newUser();
    const ids = await createMany(userId, 3);
    await nameDead(userId, 4500, Number(await redis.zscore(keys.user(userId).index, present(ids[0]))) + away);
    const { session } = await limited(4, "evict-oldest").create({ userId });
    expect((await store.listForUser(userId)).map(({ id }) => id).toSorted()).toEqual([...ids, session.id].toSorted());
    await expect(limited(4, "reject").create({ userId })).rejects.toThrow(SessionLimitError);
  });
});

describe("a page of sessions", () => {
  it("is followed by all that have the same score, when its last one has ended meanwhile", async () => {
    const userId = newUser();
    const ids = await createMany(userId, PAGE + 20);
    const { index } = keys.user(userId);
    const score = Number(await redis.zscore(index, present(ids[0])));
    await redis.zadd(index, ...ids.flatMap((id) => [score, id]));
    const last = present((await redis.zrange(index, PAGE - 1, PAGE - 1))[0]);

    for (const verb of ["list", "updateUser"] as const) {
      const held = gate.stop(verb, "after");
      const call = verb === "list" ? store.listForUser(userId) : store.updateClaimsForUser(userId, { role: "x" });
      await held.reached;
      // The cursor of the page stands on a session that is gone, or has moved to a later bound.
      if (verb === "list") await store.revoke(last);
      else await redis.zadd(index, score + 1, present((await redis.zrange(index, PAGE - 1, PAGE - 1))[0]));
      held.release();
      await call;
      if (verb === "list") {
        const listed = (await call) as { id: string }[];
        expect(listed.map(({ id }) => id).filter((id) => id !== last)).toHaveLength(PAGE + 19);
      } else {
        const claims = (await store.listForUser(userId)).map((session) => session.claims["role"]);
        expect(claims).toEqual(Array.from({ length: PAGE + 19 }, () => "x"));
      }
    }
  });

  it("names sessions whose bound has passed", async () => {
    const userId = newUser();
    const ids = await createMany(userId, 3);
    await redis.zadd(keys.user(userId).index, ...ids.flatMap((id) => [1, id]));
    expect(await store.listForUser(userId)).toHaveLength(3);
    expect(await store.updateClaimsForUser(userId, { role: "x" })).toBe(3);
    expect(await indexedIds(redis, prefix, userId)).toHaveLength(3);
    expect(await store.revokeAllForUser(userId)).toBe(3);
  });
});
