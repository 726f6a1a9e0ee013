/** `revoke` and `revokeAllForUser`. */
import { describe, expect, it } from "vitest";
import { expectDead, MINUTE, present, type Rig, withOtherSecret } from "./rig.js";

export function describeRevoke(rig: Rig): void {
  describe("revoke", () => {
    it.each([
      ["a user's session by its token", "ada", true],
      ["a user's session by its id", "ada", false],
      ["a guest's session by its token", undefined, true],
      ["a guest's session by its id", undefined, false],
    ])("ends %s for every verb", async (_, userId, byToken) => {
      const { store, keys } = rig.open();
      const { token, session } = await store.create({ userId, claims: { role: "user" } });
      expect(await store.revoke(byToken ? token : session.id)).toBe(true);
      await expectDead(store, { token, session });
      expect(await keys()).toEqual([]);
    });

    it("ends one session and takes it out of the index", async () => {
      const { store, indexOf } = rig.open();
      const one = await store.create({ userId: "ada" });
      const other = await store.create({ userId: "ada" });
      await store.revoke(one.token);
      expect(await store.listForUser("ada")).toEqual([other.session]);
      expect(await rig.redis.zrange(indexOf(other.session), 0, -1)).toEqual([other.session.id]);
    });

    it("gives false for what is unknown, malformed or has another secret", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ userId: "ada" });
      const elsewhere = await rig.open().store.create({ userId: "ada" });
      for (const target of [withOtherSecret(token), elsewhere.token, elsewhere.session.id, "", "x", null, undefined]) {
        expect(await store.revoke(target)).toBe(false);
      }
      expect(await store.get(token)).not.toBeNull();
    });
  });

  describe("revokeAllForUser", () => {
    it("ends every session of the user, and nobody else's", async () => {
      const { store } = rig.open();
      const own = await Promise.all([1, 2, 3].map(() => store.create({ userId: "ada" })));
      const foreign = await store.create({ userId: "bob" });
      const guest = await store.create();
      expect(await store.revokeAllForUser("ada")).toBe(3);
      for (const { token } of own) expect(await store.get(token)).toBeNull();
      expect(await store.listForUser("ada")).toEqual([]);
      expect(await store.revokeAllForUser("ada")).toBe(0);
      expect(await store.get(foreign.token)).toEqual(foreign.session);
      expect(await store.get(guest.token)).toEqual(guest.session);
    });

    it("leaves no key behind", async () => {
      const { store, keys } = rig.open();
      await Promise.all([1, 2, 3].map(() => store.create({ userId: "ada" })));
      await store.revokeAllForUser("ada");
      expect(await keys()).toEqual([]);
    });

    it.each(["token", "id"])("spares the session whose %s is in except", async (kind) => {
      const { store, indexOf, age } = rig.open();
      const spared = await store.create({ userId: "ada" });
      const others = await Promise.all([1, 2].map(() => store.create({ userId: "ada" })));
      // Wherever it stands in the index: neither first nor last.
      await age(present(others[0]).session, 10 * MINUTE);
      const except = kind === "token" ? spared.token : spared.session.id;
      expect(await store.revokeAllForUser("ada", { except })).toBe(2);
      expect(await store.listForUser("ada")).toEqual([spared.session]);
      expect(await store.get(spared.token)).toEqual(spared.session);
      expect(await rig.redis.pexpiretime(indexOf(spared.session))).toBe(spared.session.expiresAt + 30 * MINUTE);
      expect(await store.revokeAllForUser("ada", { except })).toBe(0);
      expect(await store.revokeAllForUser("ada", { except: undefined })).toBe(1);
    });

    it("spares nobody for a session that is not the user's", async () => {
      const { store } = rig.open();
      const foreign = await store.create({ userId: "bob" });
      await store.create({ userId: "ada" });
      expect(await store.revokeAllForUser("ada", { except: foreign.token })).toBe(1);
      expect(await store.listForUser("ada")).toEqual([]);
      expect(await store.get(foreign.token)).not.toBeNull();
    });

    it("lets the user log in again", async () => {
      const { store } = rig.open();
      await store.create({ userId: "ada" });
      await store.revokeAllForUser("ada");
      const { token, session } = await store.create({ userId: "ada" });
      expect(await store.get(token)).toEqual(session);
      expect(await store.listForUser("ada")).toEqual([session]);
    });
  });
}
