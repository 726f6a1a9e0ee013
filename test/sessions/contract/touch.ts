/** `touch`: the idle deadline slides, and the absolute one never moves. */
import { describe, expect, it } from "vitest";
import { expectTtls } from "./expiry.js";
import { HOUR, MINUTE, present, type Rig, withOtherSecret } from "./rig.js";

export function describeTouch(rig: Rig): void {
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
}
