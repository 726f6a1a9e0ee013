/** `updateClaims` and `updateClaimsForUser`. */
import { describe, expect, it } from "vitest";
import { MINUTE, present, type Rig } from "./rig.js";

interface Counters {
  count?: number;
  role?: string;
  name?: string;
  [extra: `extra${number}`]: number;
}

export function describeUpdate(rig: Rig): void {
  describe("updateClaims with a patch", () => {
    it("sets what is named and leaves the rest", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ claims: { role: "user", name: "Ada" } });
      const updated = present(await store.updateClaims(token, { role: "admin", team: [1] }));
      expect(updated.claims).toEqual({ role: "admin", name: "Ada", team: [1] });
      expect(await store.get(token)).toEqual(updated);
    });

    it("removes a claim that is undefined, and keeps one that is null", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ claims: { role: "user", name: "Ada" } });
      const updated = present(await store.updateClaims(token, { role: undefined, name: null, never: undefined }));
      expect(Object.entries(updated.claims)).toEqual([["name", null]]);
      expect((await store.updateClaims(token, { name: undefined }))?.claims).toEqual({});
    });

    it("takes an id for a call of the server's own", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      await store.updateClaims(session.id, { role: "admin" });
      expect((await store.get(token))?.claims).toEqual({ role: "admin" });
    });

    it("changes the claims of one session, and nothing but the claims", async () => {
      const { store, age } = rig.open();
      const one = await store.create({ userId: "ada", client: { ip: "::1" } });
      const other = await store.create({ userId: "ada" });
      await age(one.session, 10 * MINUTE);
      const before = present(await store.get(one.token));
      expect(await store.updateClaims(one.token, { role: "admin" })).toEqual({ ...before, claims: { role: "admin" } });
      expect(await store.get(other.token)).toEqual(other.session);
    });

    it("gives null for what is not live, and brings nothing back", async () => {
      const { store, keys } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      await store.revoke(token);
      expect(await store.updateClaims(token, { role: "admin" })).toBeNull();
      expect(await store.updateClaims(session.id, { role: "admin" })).toBeNull();
      expect(await store.updateClaims("rubbish", { role: "admin" })).toBeNull();
      expect(await keys()).toEqual([]);
    });

    it("keeps concurrent changes of different claims, all of them", async () => {
      const { store } = rig.open<Counters>({ timeout: 10_000 });
      const { token } = await store.create();
      await Promise.all(Array.from({ length: 20 }, (_, n) => store.updateClaims(token, { [`extra${n}`]: n })));
      expect(Object.keys((await store.get(token))?.claims ?? {})).toHaveLength(20);
    });
  });

  describe("updateClaims with a function", () => {
    it("applies the patch that it makes of the claims as they are", async () => {
      const { store } = rig.open<Counters>();
      const { token } = await store.create({ claims: { count: 1, role: "user", name: "Ada" } });
      const updated = await store.updateClaims(token, ({ count = 0 }) => ({ count: count + 1, role: undefined }));
      expect(updated?.claims).toEqual({ count: 2, name: "Ada" });
      expect(await store.get(token)).toEqual(updated);
    });

    it("shows the function claims that it cannot change", async () => {
      const { store } = rig.open<Counters>();
      const { token } = await store.create({ claims: { count: 1 } });
      const update = store.updateClaims(token, (claims) => Object.assign(claims, { count: 2 }));
      await expect(update).rejects.toThrow(TypeError);
      expect((await store.get(token))?.claims.count).toBe(1);
    });

    it("runs the function again when somebody else was faster", async () => {
      const { store, again } = rig.open<Counters>();
      const { token } = await store.create({ claims: { count: 0 } });
      const faster = again();
      const seen: number[] = [];
      const updated = await store.updateClaims(token, async ({ count = 0 }) => {
        seen.push(count);
        // The other write happens after this one's read, and before its own write.
        if (seen.length === 1) await faster.updateClaims(token, { count: 10 });
        return { count: count + 1 };
      });
      expect(seen).toEqual([0, 10]);
      expect(updated?.claims.count).toBe(11);
    });

    it("runs the function again when another claim, or all of the user's sessions, changed meanwhile", async () => {
      const { store, again } = rig.open<Counters>();
      const { token } = await store.create({ userId: "ada", claims: { count: 0 } });
      const faster = again();
      const seen: (string | undefined)[] = [];
      const updated = await store.updateClaims(token, async ({ count = 0, role }) => {
        seen.push(role);
        if (seen.length === 1) await faster.updateClaims(token, { role: "admin" });
        if (seen.length === 2) await faster.updateClaimsForUser("ada", { role: "owner" });
        return { count: count + 1 };
      });
      expect(seen).toEqual([undefined, "admin", "owner"]);
      expect(updated?.claims).toEqual({ count: 1, role: "owner" });
    });

    it("counts exactly, however many count at once", async () => {
      const { store } = rig.open<Counters>({ timeout: 10_000 });
      const { token } = await store.create({ claims: { count: 0 } });
      await Promise.all(
        Array.from({ length: 10 }, () => store.updateClaims(token, ({ count = 0 }) => ({ count: count + 1 }))),
      );
      expect((await store.get(token))?.claims.count).toBe(10);
    });

    it("gives null when the session is revoked meanwhile, and brings nothing back", async () => {
      const { store, again, keys } = rig.open<Counters>();
      const { token } = await store.create({ userId: "ada", claims: { count: 0 } });
      const other = again();
      const late = store.updateClaims(token, async () => {
        expect(await other.revoke(token)).toBe(true);
        return { count: 1 };
      });
      expect(await late).toBeNull();
      expect(await keys()).toEqual([]);
    });

    it("rejects with what the function throws, and writes nothing", async () => {
      const { store } = rig.open<Counters>();
      const { token } = await store.create({ claims: { count: 0 } });
      const own = new Error("out of stock");
      await expect(
        store.updateClaims(token, () => {
          throw own;
        }),
      ).rejects.toBe(own);
      await expect(store.updateClaims(token, () => Promise.reject(own))).rejects.toBe(own);
      expect((await store.get(token))?.claims).toEqual({ count: 0 });
    });

    it("refuses a function that makes no patch", async () => {
      const { store } = rig.open();
      const { token } = await store.create();
      const nothing = (() => undefined) as unknown as () => Record<string, unknown>;
      await expect(store.updateClaims(token, nothing)).rejects.toThrow(
        new TypeError("patch must be an object, got undefined"),
      );
    });

    it("does not call the function where there is no session", async () => {
      const { store } = rig.open();
      const elsewhere = await rig.open().store.create();
      const never = () => {
        throw new Error("called");
      };
      expect(await store.updateClaims(elsewhere.token, never)).toBeNull();
      expect(await store.updateClaims("rubbish", never)).toBeNull();
    });
  });

  describe("updateClaimsForUser", () => {
    it("reaches every live session of the user, and nobody else's", async () => {
      const { store } = rig.open();
      const own = await Promise.all([1, 2, 3].map((n) => store.create({ userId: "ada", claims: { n, role: "user" } })));
      const foreign = await store.create({ userId: "bob", claims: { role: "user" } });
      const guest = await store.create({ claims: { role: "user" } });
      expect(await store.updateClaimsForUser("ada", { role: undefined, team: "core" })).toBe(3);
      for (const { token, session } of own) {
        expect(await store.get(token)).toEqual({ ...session, claims: { n: session.claims["n"], team: "core" } });
      }
      expect(await store.get(foreign.token)).toEqual(foreign.session);
      expect(await store.get(guest.token)).toEqual(guest.session);
    });

    it("gives 0 for a user without a session, and makes none", async () => {
      const { store, keys } = rig.open();
      expect(await store.updateClaimsForUser("nobody", { role: "admin" })).toBe(0);
      const { token } = await store.create({ userId: "ada" });
      await store.revoke(token);
      expect(await store.updateClaimsForUser("ada", { role: "admin" })).toBe(0);
      expect(await keys()).toEqual([]);
    });
  });
}
