/** How many claims a session may have, and `maxClaimsBytes`. */
import { describe, expect, it } from "vitest";
import { ClaimsError } from "../../../src/index.js";
import { MAX_CLAIMS } from "../../../src/sessions/claims.js";
import { present, type Rig } from "./rig.js";

/** How many bytes one claim weighs: its name, and its value as JSON. */
const WEIGHT = 'text"é"'.length + 1;

export function describeClaimLimits(rig: Rig): void {
  describe("the number of claims", () => {
    const many = (count: number, from = 0) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`c${from + at}`, at]));
    const expectTooMany = async (call: Promise<unknown>, count: number) => {
      const error: unknown = await call.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ClaimsError);
      expect((error as Error).message).toContain(`may have ${MAX_CLAIMS} claims, and not ${count}`);
    };

    it("may be a hundred, for a guest and a user, at once and bit by bit", async () => {
      const { store } = rig.open();
      for (const userId of [undefined, "ada"]) {
        const { token, session } = await store.create({ userId, claims: many(MAX_CLAIMS - 1) });
        expect(Object.keys(session.claims)).toHaveLength(MAX_CLAIMS - 1);
        const full = present(await store.updateClaims(token, { last: true }));
        expect(Object.keys(full.claims)).toHaveLength(MAX_CLAIMS);
        expect(await store.updateClaims(token, { last: false, c0: undefined, other: 1 })).not.toBeNull();
      }
      await expectTooMany(store.create({ claims: many(MAX_CLAIMS + 1) }), MAX_CLAIMS + 1);
    });

    it("may not be exceeded by any verb, and then nothing is written", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create({ userId: "ada", claims: many(MAX_CLAIMS) });
      const guest = await store.create({ claims: many(MAX_CLAIMS) });
      const one = { more: 1 };
      await expectTooMany(store.updateClaims(token, one), MAX_CLAIMS + 1);
      await expectTooMany(store.updateClaims(session.id, one), MAX_CLAIMS + 1);
      await expectTooMany(
        store.updateClaims(token, () => one),
        MAX_CLAIMS + 1,
      );
      await expectTooMany(store.updateClaimsForUser("ada", one), MAX_CLAIMS + 1);
      await expectTooMany(store.rotate(token, { claims: one }), MAX_CLAIMS + 1);
      await expectTooMany(store.rotate(token, { userId: "ada", claims: one }), MAX_CLAIMS + 1);
      await expectTooMany(store.rotate(guest.token, { userId: "ada", claims: one }), MAX_CLAIMS + 1);
      await expectTooMany(store.updateClaims(token, many(MAX_CLAIMS + 5, 1000)), MAX_CLAIMS + 5);
      expect((await store.get(token))?.claims).toEqual(session.claims);
      expect((await store.get(guest.token))?.claims).toEqual(guest.session.claims);
      expect(await store.listForUser("ada")).toHaveLength(1);
      // What is removed makes room.
      expect(await store.updateClaims(token, { more: 1, c1: undefined })).not.toBeNull();
    });

    it("may become smaller in a record that has more, which another version may have written", async () => {
      const { store, keyOf } = rig.open();
      const { token, session } = await store.create({ userId: "ada", claims: many(MAX_CLAIMS) });
      await rig.redis.hset(keyOf(session), { ":a": "1", ":b": "2", ":c": "3" });
      expect(await store.updateClaims(token, { a: undefined })).not.toBeNull();
      await expectTooMany(store.updateClaims(token, { d: 4 }), MAX_CLAIMS + 3);
      expect(await store.updateClaimsForUser("ada", { b: undefined })).toBe(1);
    });
  });

  describe("maxClaimsBytes", () => {
    it("is 16 KiB where nothing else is said", async () => {
      const { store } = rig.open();
      const fits = "x".repeat(16 * 1024 - 'a""'.length);
      await store.create({ claims: { a: fits } });
      await expectTooLarge(store.create({ claims: { a: `${fits}x` } }), 16 * 1024 + 1, 16 * 1024);
    });

    it("counts bytes, of names and of values, and allows exactly so many", async () => {
      const { store } = rig.open({ maxClaimsBytes: WEIGHT });
      await store.create({ claims: { text: "é" } });
      await expectTooLarge(store.create({ claims: { text: "ée" } }), WEIGHT + 1, WEIGHT);
      await expectTooLarge(store.create({ claims: { texts: "é" } }), WEIGHT + 1, WEIGHT);
    });

    it("allows no claims at all with 0", async () => {
      const { store } = rig.open({ maxClaimsBytes: 0 });
      const { token } = await store.create();
      await expectTooLarge(store.updateClaims(token, { a: 1 }), 2, 0);
    });

    it("refuses to create, and leaves nothing behind", async () => {
      const { store, keys } = rig.open({ maxClaimsBytes: 10 });
      await expectTooLarge(store.create({ userId: "ada", claims: { a: "0123456789" } }), 13, 10);
      expect(await keys()).toEqual([]);
    });

    it("refuses a patch that is too large by itself, and one that is together with what is there", async () => {
      const { store } = rig.open({ maxClaimsBytes: 20 });
      const { token, session } = await store.create({ userId: "ada", claims: { a: "0123456789" } });
      for (const [b, bytes] of [
        ["0123456789abcdef", 19 + 13],
        ["01234567", 11 + 13],
      ] as const) {
        await expect(store.updateClaims(token, { b })).rejects.toThrow(ClaimsError);
        await expectTooLarge(
          store.updateClaims(token, (claims) => ({ ...claims, b })),
          bytes,
          20,
        );
        await expect(store.updateClaimsForUser("ada", { b })).rejects.toThrow(ClaimsError);
        await expect(store.rotate(token, { claims: { b } })).rejects.toThrow(ClaimsError);
      }
      await expectTooLarge(store.updateClaims(token, { b: "01234567" }), 24, 20);
      await expectTooLarge(store.updateClaimsForUser("ada", { b: "01234567" }), 24, 20);
      await expectTooLarge(store.rotate(token, { claims: { b: "01234567" } }), 24, 20);
      expect(await store.get(token)).toEqual(session);
      expect(await store.listForUser("ada")).toEqual([session]);
      // Where it takes the place of something else it fits.
      expect((await store.updateClaims(token, { a: undefined, b: "01234567" }))?.claims).toEqual({ b: "01234567" });
    });

    it("refuses the log-in of a guest whose claims become too large, and leaves the guest alone", async () => {
      const { store } = rig.open({ maxClaimsBytes: 20 });
      const { token, session } = await store.create({ claims: { a: "0123456789" } });
      await expectTooLarge(store.rotate(token, { userId: "ada", claims: { b: "01234567" } }), 24, 20);
      expect(await store.get(token)).toEqual(session);
      expect(await store.listForUser("ada")).toEqual([]);
    });

    it("changes no session of a user where one of them would become too large", async () => {
      const { store } = rig.open({ maxClaimsBytes: 20 });
      const small = await store.create({ userId: "ada" });
      const large = await store.create({ userId: "ada", claims: { a: "0123456789" } });
      await expectTooLarge(store.updateClaimsForUser("ada", { b: "01234567" }), 24, 20);
      expect(await store.get(small.token)).toEqual(small.session);
      expect(await store.get(large.token)).toEqual(large.session);
    });

    it("always lets claims be removed, also where a lower limit has come meanwhile", async () => {
      const { store, again } = rig.open();
      const { token } = await store.create({ userId: "ada", claims: { a: "0123456789", b: "0123456789", c: 1, d: 2 } });
      const lowered = again({ maxClaimsBytes: 10 });
      expect((await lowered.updateClaims(token, { c: undefined }))?.claims).not.toHaveProperty("c");
      expect(await lowered.updateClaimsForUser("ada", { d: undefined })).toBe(1);
      // 22 bytes, and then 13: still above the limit, and less than before.
      expect((await lowered.updateClaims(token, { a: "0" }))?.claims).toEqual({ a: "0", b: "0123456789" });
      await expectTooLarge(lowered.updateClaims(token, { a: "01" }), 18, 10);
      const rotated = present(await lowered.rotate(token, { claims: { a: undefined } }));
      expect(rotated.session.claims).toEqual({ b: "0123456789" });
      // A rotation that changes no claims is not judged either.
      const next = present(await lowered.rotate(rotated.token));
      expect((await lowered.updateClaims(next.token, { b: "01" }))?.claims).toEqual({ b: "01" });
    });
  });
}

async function expectTooLarge(pending: Promise<unknown>, bytes: number, limit: number): Promise<void> {
  await expect(pending).rejects.toThrow(
    new ClaimsError(`The claims take ${bytes} bytes, more than maxClaimsBytes (${limit})`),
  );
}
