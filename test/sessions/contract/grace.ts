/** `rotate` with a grace, during which two tokens open one session. */
import { describe, expect, it } from "vitest";
import type { IssuedSession } from "../../../src/index.js";
import { latestIn } from "../../harness/indexes.js";
import { MINUTE, type Opened, present, type Rig, withOtherSecret } from "./rig.js";

const GRACE = MINUTE;
type Claims = Record<string, unknown>;

interface Pair {
  readonly old: IssuedSession<Claims>;
  readonly fresh: IssuedSession<Claims>;
}

async function rotated({ store }: Opened<Claims>, userId: string | undefined, claims: Claims = {}): Promise<Pair> {
  const old = await store.create({ userId, claims });
  return { old, fresh: present(await store.rotate(old.token, { grace: GRACE })) };
}

export function describeGrace(rig: Rig): void {
  describe.each([
    ["a user's session", "ada"],
    ["a guest's session", undefined],
  ])("the grace of a rotation of %s", (_, userId) => {
    it("leaves both tokens live until it ends, and then the new one alone", async () => {
      const opened = rig.open();
      const { store, age } = opened;
      const { old, fresh } = await rotated(opened, userId);
      const before = present(await store.get(old.token));
      expect(await store.get(fresh.token)).toEqual(fresh.session);
      expect(before.expiresAt).toBe(before.absoluteExpiresAt);
      expect(await rig.redis.pexpiretime(opened.keyOf(before))).toBe(before.expiresAt);
      await age(before, 2 * GRACE);
      expect(await store.get(old.token)).toBeNull();
      expect(await store.get(fresh.token)).toEqual(fresh.session);
    });

    it("ends when it was said to, by the clock of Redis", async () => {
      const opened = rig.open();
      const { old } = await rotated(opened, userId);
      await rig.expectNow(
        async () => {
          const { token } = present(await opened.store.rotate((await opened.store.create({ userId })).token));
          present(await opened.store.rotate(token, { grace: GRACE }));
          return present(await opened.store.get(token)).expiresAt - GRACE;
        },
        (instant) => instant,
      );
      expect(await opened.store.get(old.token)).not.toBeNull();
    });

    it.each(["the old token", "the new token", "the old id", "the new id"])(
      "ends for both when %s is revoked",
      async (by) => {
        const opened = rig.open();
        const { store, keys } = opened;
        const { old, fresh } = await rotated(opened, userId);
        const of = by.includes("old") ? old : fresh;
        expect(await store.revoke(by.includes("token") ? of.token : of.session.id)).toBe(true);
        expect(await store.get(old.token)).toBeNull();
        expect(await store.get(fresh.token)).toBeNull();
        expect(await store.revoke(fresh.token)).toBe(false);
        expect(await keys()).toEqual([]);
      },
    );

    it("shows a change of claims through both tokens, whichever makes it", async () => {
      const opened = rig.open();
      const { store } = opened;
      const { old, fresh } = await rotated(opened, userId, { keep: 1, drop: 2 });
      expect((await store.updateClaims(old.token, { byOld: 1, drop: undefined }))?.id).toBe(fresh.session.id);
      await store.updateClaims(fresh.token, { byNew: 2 });
      await store.updateClaims(old.session.id, { byOldId: 3 });
      await store.updateClaims(old.token, (claims) => ({ count: Object.keys(claims).length }));
      await store.updateClaims(fresh.token, ({ count }) => ({ count: Number(count) + 1 }));
      const claims = { keep: 1, byOld: 1, byNew: 2, byOldId: 3, count: 5 };
      expect((await store.get(old.token))?.claims).toEqual(claims);
      expect((await store.get(fresh.token))?.claims).toEqual(claims);
      expect(await store.updateClaims(withOtherSecret(old.token), { evil: 1 })).toBeNull();
      expect(await store.updateClaims(withOtherSecret(old.token), () => ({ evil: 1 }))).toBeNull();
      expect((await store.get(fresh.token))?.claims).toEqual(claims);
    });

    it("loses no increment that both tokens make at once", async () => {
      const opened = rig.open();
      const { store } = opened;
      const { old, fresh } = await rotated(opened, userId, { count: 0 });
      const other = opened.again();
      let calls = 0;
      await store.updateClaims(old.token, async ({ count }) => {
        calls++;
        if (calls === 1) await other.updateClaims(fresh.token, ({ count }) => ({ count: Number(count) + 1 }));
        return { count: Number(count) + 1 };
      });
      expect(calls).toBe(2);
      expect((await store.get(old.token))?.claims["count"]).toBe(2);
      expect((await store.get(fresh.token))?.claims["count"]).toBe(2);
    });

    it("lets the old token neither be rotated nor renewed", async () => {
      const opened = rig.open({ idleTimeout: 10 * MINUTE, touchInterval: 0 });
      const { store, age } = opened;
      const { old, fresh } = await rotated(opened, userId);
      expect(await store.rotate(old.token)).toBeNull();
      expect(await store.rotate(old.token, { grace: 10 * GRACE })).toBeNull();
      expect(await store.rotate(old.token, { reauthenticated: true })).toBeNull();
      expect(await store.rotate(old.token, { userId: "eve" })).toBeNull();
      expect(await store.rotate(old.token, { userId: userId ?? "ada" })).toBeNull();

      const before = present(await store.get(old.token));
      await age(before, GRACE / 2);
      const touched = present(await store.touch(old.token));
      expect(touched.expiresAt).toBe(before.expiresAt - GRACE / 2);
      expect(await rig.redis.pexpiretime(opened.keyOf(before))).toBe(touched.expiresAt);
      expect(await store.get(fresh.token)).toEqual(fresh.session);
    });

    it("leaves at most one predecessor: the next rotation ends it", async () => {
      const opened = rig.open();
      const { store } = opened;
      for (const grace of [GRACE, 0]) {
        const { old, fresh } = await rotated(opened, userId);
        const newest = present(await store.rotate(fresh.token, { grace }));
        expect(await store.get(old.token)).toBeNull();
        expect((await store.get(fresh.token)) !== null).toBe(grace > 0);
        expect(await store.get(newest.token)).toEqual(newest.session);
        expect(await store.revoke(newest.token)).toBe(true);
        expect(await store.get(fresh.token)).toBeNull();
      }
      expect(await opened.keys()).toEqual([]);
    });

    it("is no longer than the old session would have lived", async () => {
      const { store, age } = rig.open();
      const old = await store.create({ userId, idleTimeout: 10 * MINUTE });
      await age(old.session, 9.5 * MINUTE);
      const before = present(await store.get(old.token));
      present(await store.rotate(old.token, { grace: 10 * MINUTE }));
      const after = present(await store.get(old.token));
      // What it gave away is at most the deadline it had; the clock of ioredis-mock may jump back meanwhile.
      expect(after.expiresAt).toBeLessThanOrEqual(before.expiresAt);
      expect(after.lastSeenAt).toBe(before.lastSeenAt);
    });

    it("of 0 is none", async () => {
      const { store } = rig.open();
      const old = await store.create({ userId });
      present(await store.rotate(old.token, { grace: 0 }));
      expect(await store.get(old.token)).toBeNull();
    });
  });

  describe("the grace of a rotation, for the user's sessions", () => {
    it("lists the new session for both", async () => {
      const opened = rig.open();
      const { fresh } = await rotated(opened, "ada");
      expect(await opened.store.listForUser("ada")).toEqual([fresh.session]);
    });

    it("keeps both in the index, each until its own end", async () => {
      const opened = rig.open();
      const { old, fresh } = await rotated(opened, "ada");
      const index = opened.indexOf(fresh.session);
      expect((await rig.redis.zrange(index, 0, -1)).sort()).toEqual([old.session.id, fresh.session.id].sort());
      const { expiresAt } = present(await opened.store.get(old.token));
      expect(Number(await rig.redis.zscore(index, old.session.id))).toBe(expiresAt);
      expect(await rig.redis.pexpiretime(index)).toBe(await latestIn(rig.redis, index));
    });

    it("carries a change for the whole user to both", async () => {
      const opened = rig.open();
      const { old, fresh } = await rotated(opened, "ada");
      await opened.store.updateClaimsForUser("ada", { role: "admin" });
      expect((await opened.store.get(old.token))?.claims).toEqual({ role: "admin" });
      expect((await opened.store.get(fresh.token))?.claims).toEqual({ role: "admin" });
    });

    it.each(["old", "fresh"] as const)("spares both when all sessions but the %s one end", async (spared) => {
      const opened = rig.open();
      const { store } = opened;
      const pair = await rotated(opened, "ada");
      const other = await store.create({ userId: "ada" });
      // "Sign out everywhere else" may well be a request that is under way with the old token.
      expect(await store.revokeAllForUser("ada", { except: pair[spared].token })).toBe(1);
      expect(await store.get(pair.old.token)).not.toBeNull();
      expect(await store.get(pair.fresh.token)).toEqual(pair.fresh.session);
      expect(await store.get(other.token)).toBeNull();
    });

    it("ends for both when all sessions end, and when the user is blocked", async () => {
      const opened = rig.open();
      const { store } = opened;
      for (const end of [() => store.revokeAllForUser("ada"), () => store.blockUser("ada")]) {
        const { old, fresh } = await rotated(opened, "ada");
        await end();
        expect(await store.get(old.token)).toBeNull();
        expect(await store.get(fresh.token)).toBeNull();
      }
    });

    it("can go with a new authentication and a change of claims, which the old token sees none of", async () => {
      const opened = rig.open();
      const { store, age } = opened;
      const old = await store.create({ userId: "ada", claims: { level: 1 } });
      await age(old.session, 10 * MINUTE);
      const fresh = present(
        await store.rotate(old.token, { grace: GRACE, reauthenticated: true, claims: { level: 2 } }),
      );
      expect(fresh.session.claims).toEqual({ level: 2 });
      expect(fresh.session.authenticatedAt).toBe(fresh.session.lastSeenAt);
      expect((await store.get(old.token))?.authenticatedAt).toBe(old.session.createdAt - 10 * MINUTE);
      expect((await store.get(old.token))?.claims).toEqual({ level: 1 });
    });
  });
}
