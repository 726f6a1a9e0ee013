/** What ends by itself: a session at its deadline, and every key at the end of what it serves. */
import { describe, expect, it } from "vitest";
import { latestBound, latestIn } from "../../harness/indexes.js";
import { expectDead, HOUR, MINUTE, type Opened, present, type Rig } from "./rig.js";

export function describeExpiry(rig: Rig): void {
  describe("expiry", () => {
    it("ends a session that was not used, for every verb", async () => {
      const { store, age, keyOf } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, 31 * MINUTE);
      await expectDead(store, { token, session });
      expect(await store.updateClaimsForUser("ada", { role: "admin" })).toBe(0);
      expect(await store.listForUser("ada")).toEqual([]);
      expect(await store.revokeAllForUser("ada")).toBe(0);
      expect(await rig.redis.exists(keyOf(session))).toBe(0);
    });

    it("leaves the user's other sessions alone, and the index clean of what died an idle timeout ago", async () => {
      const { store, age, indexOf } = rig.open();
      const dead = (await store.create({ userId: "ada" })).session;
      const { token, session } = await store.create({ userId: "ada" });
      await age(dead, 61 * MINUTE);
      expect((await store.listForUser("ada")).map(({ id }) => id)).toEqual([session.id]);
      expect(await store.updateClaimsForUser("ada", { role: "admin" })).toBe(1);
      const another = (await store.create({ userId: "ada" })).session;
      expect((await rig.redis.zrange(indexOf(session), 0, -1)).sort()).toEqual([session.id, another.id].sort());
      expect(await store.get(token)).not.toBeNull();
    });

    if (rig.exactClock) {
      // ioredis-mock expires keys by a clock that its TIME does not follow, so this is for Redis alone.
      it("comes at expiresAt to the millisecond, and leaves nothing at all", async () => {
        const { store, keys } = rig.open({ idleTimeout: 150 });
        const { token, session } = await store.create({ userId: "ada" });
        let looks = 0;
        for (;;) {
          // A lookup between two readings of the clock that agree on the outcome must agree with them.
          const before = await rig.now();
          const found = await store.get(token);
          const after = await rig.now();
          if (after < session.expiresAt) expect(found).not.toBeNull();
          if (before > session.expiresAt) {
            expect(found).toBeNull();
            break;
          }
          looks++;
        }
        expect(looks).toBeGreaterThan(0);
        // The index names it for at most one idle timeout more.
        while ((await rig.now()) <= session.expiresAt + 150);
        expect(await keys()).toEqual([]);
      });
    }
  });

  describe("the keys", () => {
    it("live as long as the session, and the index as long as its latest member", async () => {
      const opened = rig.open();
      const { store, age } = opened;
      const short = await store.create({ userId: "ada", idleTimeout: 5 * MINUTE });
      await expectTtls(rig, opened, short.session);
      const long = await store.create({ userId: "ada", idleTimeout: HOUR });
      await expectTtls(rig, opened, short.session);
      await expectTtls(rig, opened, long.session);
      expect(await rig.redis.pexpiretime(opened.indexOf(long.session))).toBe(long.session.expiresAt + HOUR);

      await age(short.session, 3 * MINUTE);
      await expectTtls(rig, opened, present(await store.touch(short.token)));
      const rotated = present(await store.rotate(long.token));
      await expectTtls(rig, opened, rotated.session);

      await store.revoke(rotated.token);
      const left = present(await store.get(short.token));
      await expectTtls(rig, opened, left);
      expect(await rig.redis.pexpiretime(opened.indexOf(left))).toBeLessThanOrEqual(left.expiresAt + 5 * MINUTE);
    });

    it("of a guest are one: the session", async () => {
      const { store, keys, keyOf } = rig.open();
      const { session } = await store.create();
      expect(await keys()).toEqual([keyOf(session)]);
      expect(await rig.redis.pexpiretime(keyOf(session))).toBe(session.expiresAt);
    });
  });
}

/** Asserts that the key of a session ends at `expiresAt`, and that its score and its index fit. */
export async function expectTtls<Claims extends object>(
  rig: Rig,
  { keyOf, indexOf }: Opened<Claims>,
  session: { readonly id: string; readonly userId: string | null; readonly expiresAt: number },
): Promise<void> {
  const index = indexOf(session);
  expect(await rig.redis.pexpiretime(keyOf(session))).toBe(session.expiresAt);
  const score = Number(await rig.redis.zscore(index, session.id));
  expect(score).toBeGreaterThanOrEqual(session.expiresAt);
  const times = present(await rig.redis.hget(keyOf(session), "t"));
  expect(score).toBeLessThanOrEqual(latestBound(times, session.expiresAt));
  expect(await rig.redis.pexpiretime(index)).toBe(await latestIn(rig.redis, index));
}
