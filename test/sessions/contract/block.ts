/** `blockUser`, `unblockUser` and `getBlock`. */
import { describe, expect, it } from "vitest";
import { UserBlockedError } from "../../../src/index.js";
import { HOUR, MINUTE, present, type Rig } from "./rig.js";

export function describeBlocks(rig: Rig): void {
  describe("blockUser", () => {
    it("ends all sessions of the user, and lets none be created", async () => {
      const { store, keys } = rig.open();
      const own = await Promise.all([1, 2].map(() => store.create({ userId: "ada" })));
      const foreign = await store.create({ userId: "bob" });
      expect(await store.blockUser("ada")).toBe(2);
      for (const { token } of own) {
        expect(await store.get(token)).toBeNull();
        expect(await store.rotate(token)).toBeNull();
        expect(await store.rotate(token, { userId: "ada" })).toBeNull();
      }
      await expect(store.create({ userId: "ada" })).rejects.toThrow(UserBlockedError);
      expect(await store.listForUser("ada")).toEqual([]);
      expect(await store.get(foreign.token)).toEqual(foreign.session);
      await store.create();
      expect((await keys()).filter((key) => key.includes(":u:ada"))).toEqual([]);
      expect(await store.blockUser("ada")).toBe(0);
    });

    it("gives the reason and the end to whoever asks, and to the error", async () => {
      const { store } = rig.open();
      const until = (await rig.now()) + HOUR;
      const reason = 'chargeback "42"\nsee ticket 😀';
      const block = await rig.expectNow(
        async () => {
          await store.blockUser("ada", { until, reason });
          return present(await store.getBlock("ada"));
        },
        ({ since }) => since,
      );
      expect(block).toEqual({ userId: "ada", since: block.since, until, reason });
      expect(Object.isFrozen(block)).toBe(true);
      const error: unknown = await store.create({ userId: "ada" }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UserBlockedError);
      expect(error).toMatchObject({ until, reason, code: "USER_BLOCKED", status: 403 });
      // Frameworks show the message to the client, and the reason is not for them.
      expect((error as Error).message).toBe("The user is blocked");
    });

    it("has no end and no reason where none is given", async () => {
      const { store, keys } = rig.open();
      await store.blockUser("ada");
      expect(await store.getBlock("ada")).toMatchObject({ userId: "ada", until: null, reason: null });
      await expect(store.create({ userId: "ada" })).rejects.toMatchObject({ until: null, reason: null });
      const [key] = await keys();
      expect(await rig.redis.pttl(present(key))).toBe(-1);
    });

    it("replaces an earlier block, with its end and its reason", async () => {
      const { store, keys } = rig.open();
      const until = (await rig.now()) + HOUR;
      await store.blockUser("ada", { until, reason: "first" });
      await store.blockUser("ada");
      expect(await store.getBlock("ada")).toMatchObject({ until: null, reason: null });
      const [key] = await keys();
      expect(await rig.redis.pttl(present(key))).toBe(-1);
      await store.blockUser("ada", { until: until + 1 });
      expect(await store.getBlock("ada")).toMatchObject({ until: until + 1, reason: null });
      expect(await rig.redis.pexpiretime(present(key))).toBe(until + 1);
    });

    it("ends by itself", async () => {
      const { store, keys } = rig.open();
      await store.blockUser("ada", { until: (await rig.now()) + HOUR });
      const [key] = await keys();
      // The end is the key's own time to live, which this brings forward.
      await rig.redis.pexpireat(present(key), (await rig.now()) - HOUR);
      expect(await store.getBlock("ada")).toBeNull();
      expect(await store.unblockUser("ada")).toBe(false);
      const { token } = await store.create({ userId: "ada" });
      expect(await store.get(token)).not.toBeNull();
    });

    it("refuses an end that has passed by the clock of Redis, and does nothing", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ userId: "ada" });
      for (const until of [1, (await rig.now()) - MINUTE]) {
        const refusal = store.blockUser("ada", { until });
        await expect(refusal).rejects.toThrow(RangeError);
        await expect(refusal).rejects.toThrow(
          new RegExp(`^until must be in the future, epoch ms: got ${until}, and Redis's clock says \\d{13}$`),
        );
      }
      expect(await store.getBlock("ada")).toBeNull();
      expect(await store.get(token)).not.toBeNull();
    });
  });

  describe("unblockUser", () => {
    it("lifts the block; the sessions that it ended stay dead", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ userId: "ada" });
      await store.blockUser("ada");
      expect(await store.unblockUser("ada")).toBe(true);
      expect(await store.getBlock("ada")).toBeNull();
      expect(await store.get(token)).toBeNull();
      const { session } = await store.create({ userId: "ada" });
      expect(await store.listForUser("ada")).toEqual([session]);
    });

    it("gives false for a user who is not blocked", async () => {
      const { store } = rig.open();
      await store.blockUser("bob");
      expect(await store.unblockUser("ada")).toBe(false);
      expect(await store.getBlock("ada")).toBeNull();
      expect(await store.getBlock("bob")).not.toBeNull();
    });
  });
}
