/** The two deadlines: `touch`, expiry, and the time to live of every key. */
import { describe, expect, it } from "vitest";
import { HOUR, MINUTE, type Opened, present, type Rig, withOtherSecret } from "./rig.js";

export function describeDeadlines(rig: Rig): void {
  describe("touch", () => {
    it("writes nothing before the touch interval has passed", async () => {
      const { store, keyOf, age } = rig.open({ touchInterval: 10 * MINUTE });
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, 9 * MINUTE);
      const before = [await rig.redis.hgetall(keyOf(session)), await rig.redis.pexpiretime(keyOf(session))];
      expect(await store.touch(token)).toEqual(await store.get(token));
      expect([await rig.redis.hgetall(keyOf(session)), await rig.redis.pexpiretime(keyOf(session))]).toEqual(before);
    });

    it("slides the idle deadline, and that alone, once the interval has passed", async () => {
      const { store, age } = rig.open({ touchInterval: 10 * MINUTE });
      const { token, session } = await store.create({ userId: "ada", claims: { role: "user" } });
      await age(session, 11 * MINUTE);
      const old = present(await store.get(token));
      const touched = present(
        await rig.expectNow(
          () => store.touch(token),
          (result) => result?.lastSeenAt ?? null,
        ),
      );
      expect(touched).toEqual({
        ...old,
        lastSeenAt: touched.lastSeenAt,
        expiresAt: touched.lastSeenAt + 30 * MINUTE,
      });
      expect(touched.lastSeenAt).toBeGreaterThan(old.lastSeenAt);
      expect(await store.get(token)).toEqual(touched);
    });

    it("slides a guest's session too", async () => {
      const { store, age } = rig.open();
      const { token, session } = await store.create();
      await age(session, 20 * MINUTE);
      const touched = present(await store.touch(token));
      expect(touched.expiresAt - touched.lastSeenAt).toBe(30 * MINUTE);
      expect(touched.lastSeenAt - touched.createdAt).toBeGreaterThanOrEqual(19 * MINUTE);
    });

    it("slides at half the idle timeout of a session for which the interval is too long", async () => {
      const { store, age } = rig.open({ idleTimeout: 2 * HOUR, touchInterval: HOUR });
      const { token, session } = await store.create({ userId: "ada", idleTimeout: 10 * MINUTE });
      await age(session, 4 * MINUTE);
      expect((await store.touch(token))?.lastSeenAt).toBe(session.lastSeenAt - 4 * MINUTE);
      await age(session, 2 * MINUTE);
      const touched = present(await store.touch(token));
      expect(touched.expiresAt - touched.lastSeenAt).toBe(10 * MINUTE);
      expect(touched.lastSeenAt - touched.createdAt).toBeGreaterThanOrEqual(5 * MINUTE);
    });

    it("writes every time with an interval of 0", async () => {
      const { store, age } = rig.open({ touchInterval: 0 });
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, 5000);
      const touched = present(await store.touch(token));
      expect(touched.lastSeenAt).toBeGreaterThan(touched.createdAt);
    });

    it("never moves the absolute deadline, and slides no further than it", async () => {
      const opened = rig.open({ idleTimeout: 30 * MINUTE, absoluteTimeout: HOUR });
      const { store, age } = opened;
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, 25 * MINUTE);
      await store.touch(token);
      await age(session, 25 * MINUTE);
      const touched = present(await store.touch(token));
      expect(touched.absoluteExpiresAt - touched.createdAt).toBe(HOUR);
      expect(touched.expiresAt).toBe(touched.absoluteExpiresAt);
      await expectTtls(rig, opened, touched);
      // Ten minutes later it ends, although it was in use until now.
      await age(session, 11 * MINUTE);
      expect(await store.touch(token)).toBeNull();
      expect(await store.get(token)).toBeNull();
    });

    it("does nothing for a wrong secret", async () => {
      const { store, age } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, 20 * MINUTE);
      const before = await store.get(token);
      expect(await store.touch(withOtherSecret(token))).toBeNull();
      expect(await store.get(token)).toEqual(before);
    });

    it("brings nothing back", async () => {
      const { store, keys } = rig.open();
      const { token } = await store.create({ userId: "ada" });
      await store.revoke(token);
      expect(await store.touch(token)).toBeNull();
      expect(await keys()).toEqual([]);
    });
  });

  describe("expiry", () => {
    it("ends a session that was not used, for every verb", async () => {
      const { store, age, keyOf } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, 31 * MINUTE);
      expect(await store.get(token)).toBeNull();
      expect(await store.touch(token)).toBeNull();
      expect(await store.find(session.id)).toBeNull();
      expect(await store.updateClaims(token, { role: "admin" })).toBeNull();
      expect(await store.updateClaims(session.id, () => ({ role: "admin" }))).toBeNull();
      expect(await store.rotate(token)).toBeNull();
      expect(await store.rotate(token, { userId: "eve" })).toBeNull();
      expect(await store.updateClaimsForUser("ada", { role: "admin" })).toBe(0);
      expect(await store.listForUser("ada")).toEqual([]);
      expect(await store.revokeAllForUser("ada")).toBe(0);
      expect(await store.revoke(token)).toBe(false);
      expect(await rig.redis.exists(keyOf(session))).toBe(0);
    });

    it("leaves the user's other sessions alone, and the index clean of the dead", async () => {
      const { store, age, indexOf } = rig.open();
      const dead = (await store.create({ userId: "ada" })).session;
      const { token, session } = await store.create({ userId: "ada" });
      await age(dead, 31 * MINUTE);
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
      expect(await rig.redis.pexpiretime(opened.indexOf(long.session))).toBe(long.session.expiresAt);

      await age(short.session, 3 * MINUTE);
      await expectTtls(rig, opened, present(await store.touch(short.token)));
      const rotated = present(await store.rotate(long.token));
      await expectTtls(rig, opened, rotated.session);

      await store.revoke(rotated.token);
      const left = present(await store.get(short.token));
      await expectTtls(rig, opened, left);
      expect(await rig.redis.pexpiretime(opened.indexOf(left))).toBe(left.expiresAt);
    });

    it("of a guest are one: the session", async () => {
      const { store, keys, keyOf } = rig.open();
      const { session } = await store.create();
      expect(await keys()).toEqual([keyOf(session)]);
      expect(await rig.redis.pexpiretime(keyOf(session))).toBe(session.expiresAt);
    });
  });
}

/** Asserts that the key of a session, its score and its index say the same as `expiresAt`. */
async function expectTtls<Claims extends object>(
  rig: Rig,
  { keyOf, indexOf }: Opened<Claims>,
  session: { readonly id: string; readonly userId: string | null; readonly expiresAt: number },
): Promise<void> {
  const index = indexOf(session);
  expect(await rig.redis.pexpiretime(keyOf(session))).toBe(session.expiresAt);
  expect(Number(await rig.redis.zscore(index, session.id))).toBe(session.expiresAt);
  expect(await rig.redis.pexpiretime(index)).toBe(await rig.latestIn(index));
}
