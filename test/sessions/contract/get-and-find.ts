/** `get` and `find`: what they take, and what they never change. */
import { describe, expect, it } from "vitest";
import { MINUTE, type Rig, withOtherSecret } from "./rig.js";

export function describeGetAndFind(rig: Rig): void {
  describe("get and find", () => {
    it("never take an id for a token, nor a token for an id", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      expect(await store.get(session.id)).toBeNull();
      expect(await store.touch(session.id)).toBeNull();
      expect(await store.rotate(session.id)).toBeNull();
      expect(await store.find(token)).toBeNull();
    });

    it("give null for what is unknown or malformed", async () => {
      const { store } = rig.open();
      const elsewhere = await rig.open().store.create({ userId: "ada" });
      expect(await store.get(elsewhere.token)).toBeNull();
      expect(await store.find(elsewhere.session.id)).toBeNull();
      for (const rubbish of ["", "x", null, undefined, `${elsewhere.token}x`, elsewhere.token.toLowerCase()]) {
        expect(await store.get(rubbish)).toBeNull();
        expect(await store.find(rubbish)).toBeNull();
      }
    });

    it("change nothing, however late they come", async () => {
      const { store, keyOf, age } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, 20 * MINUTE);
      const before = [await rig.redis.hgetall(keyOf(session)), await rig.redis.pexpiretime(keyOf(session))];
      await store.get(token);
      await store.find(session.id);
      expect([await rig.redis.hgetall(keyOf(session)), await rig.redis.pexpiretime(keyOf(session))]).toEqual(before);
    });
  });

  describe("a wrong secret", () => {
    it("opens nothing, changes nothing and ends nothing", async () => {
      const { store, keyOf, age } = rig.open();
      const { token, session } = await store.create({ userId: "ada", claims: { role: "user" } });
      await age(session, 20 * MINUTE);
      const record = await rig.redis.hgetall(keyOf(session));
      const forged = withOtherSecret(token);

      expect(await store.get(forged)).toBeNull();
      expect(await store.touch(forged)).toBeNull();
      expect(await store.updateClaims(forged, { role: "admin" })).toBeNull();
      expect(await store.updateClaims(forged, () => ({ role: "admin" }))).toBeNull();
      expect(await store.rotate(forged)).toBeNull();
      expect(await store.rotate(forged, { grace: 1000 })).toBeNull();
      expect(await store.rotate(forged, { userId: "ada" })).toBeNull();
      expect(await store.rotate(forged, { userId: "eve" })).toBeNull();
      expect(await store.revoke(forged)).toBe(false);

      expect(await rig.redis.hgetall(keyOf(session))).toEqual(record);
      expect(await store.listForUser("ada")).toHaveLength(1);
      expect(await store.listForUser("eve")).toEqual([]);
      expect(await store.get(token)).not.toBeNull();
    });
  });
}
