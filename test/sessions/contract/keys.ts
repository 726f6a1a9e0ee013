/** User ids of every kind, prefixes, and the client's `keyPrefix`. */
import { describe, expect, it } from "vitest";
import { createSessionStore } from "../../../src/index.js";
import { latestIn } from "../../harness/indexes.js";
import { present, type Rig } from "./rig.js";

/** What a user id may hold, and what has broken keys elsewhere. */
export const ODD_USER_IDS = {
  colons: "a:b::c:",
  "opening braces": "{a",
  "closing braces": "}a{b}",
  "a hash tag": "{tag}",
  newlines: "a\nb\r\nc",
  quotes: `"a' \``,
  backslashes: "a\\b\\n\\u0041\\",
  "control characters": "\u0000\u0001\u007f\u001b[0m",
  "a lone surrogate": "a\ud800b",
  "another lone surrogate": "a\udfffb",
  "the replacement character": "a\ufffdb",
  "glob characters": "*?[a-z]^",
  spaces: "  a  ",
  "a name of Object.prototype": "__proto__",
  "256 bytes of emoji": "😀".repeat(64),
  "line separators": "\u2028\u2029\u0085",
  "a number": "0",
} as const;

export function describeKeys(rig: Rig): void {
  describe("user ids", () => {
    it.each(Object.entries(ODD_USER_IDS))("of %s work with every verb", async (_, userId) => {
      const { store, keys } = rig.open({ maxSessionsPerUser: 2 });
      const guest = await store.create();
      const one = present(await store.rotate(guest.token, { userId }));
      const two = await store.create({ userId });
      expect(one.session.userId).toBe(userId);
      expect(await store.get(two.token)).toEqual(two.session);
      expect(await store.listForUser(userId)).toHaveLength(2);
      expect(await store.updateClaimsForUser(userId, { role: "admin" })).toBe(2);
      const next = present(await store.rotate(one.token, { userId }));
      expect(next.session.userId).toBe(userId);
      expect(await store.revokeAllForUser(userId, { except: next.token })).toBe(1);
      expect(await store.listForUser(userId)).toEqual([next.session]);
      expect(await store.revoke(next.token)).toBe(true);
      expect(await keys()).toEqual([]);

      await store.create({ userId });
      expect(await store.blockUser(userId)).toBe(1);
      expect((await store.getBlock(userId))?.userId).toBe(userId);
      await expect(store.create({ userId })).rejects.toThrow("The user is blocked");
      expect(await store.unblockUser(userId)).toBe(true);
      expect(await keys()).toEqual([]);
    });

    it("that look alike are different users", async () => {
      const { store } = rig.open();
      const ids = [...Object.values(ODD_USER_IDS), "a", "A", "a ", "é", "e\u0301", "a\\nb", "a\nb"];
      for (const userId of ids) await store.create({ userId });
      for (const userId of ids) {
        expect((await store.listForUser(userId)).map((session) => session.userId)).toEqual([userId]);
      }
    });
  });

  describe("prefixes", () => {
    it("hold all keys of a store", async () => {
      const { store, keys, keyOf, indexOf, prefix } = rig.open();
      const { session } = await store.create({ userId: "ada" });
      await store.blockUser("bob");
      const block = present((await keys()).find((key) => key.includes(":b:")));
      expect(await keys()).toEqual([keyOf(session), indexOf(session), block].sort());
      expect(block).toMatch(/\{[0-9A-HJKMNP-TV-Z]{3}\}:b:bob$/);
      expect(block.startsWith(prefix)).toBe(true);
    });

    it("keep stores apart", async () => {
      const one = rig.open().store;
      const other = rig.open().store;
      const { token, session } = await one.create({ userId: "ada" });
      await one.blockUser("bob");
      expect(await other.get(token)).toBeNull();
      expect(await other.find(session.id)).toBeNull();
      expect(await other.revoke(session.id)).toBe(false);
      expect(await other.listForUser("ada")).toEqual([]);
      expect(await other.updateClaimsForUser("ada", { role: "admin" })).toBe(0);
      expect(await other.revokeAllForUser("ada")).toBe(0);
      expect(await other.getBlock("bob")).toBeNull();
      await other.create({ userId: "bob" });
      expect(await one.get(token)).toEqual(session);
    });

    it("may hold anything but braces", async () => {
      const base = rig.prefix();
      const store = createSessionStore(rig.client, { prefix: `${base}a:b *?[]\\"\n é😀` });
      const { token, session } = await store.create({ userId: "ada" });
      expect(await store.touch(token)).toEqual(session);
      expect(await store.listForUser("ada")).toEqual([session]);
      expect(await store.revokeAllForUser("ada")).toBe(1);
      expect(await rig.keysUnder(base)).toEqual([]);
    });

    it("come after the client's keyPrefix, for every verb", async () => {
      const keyPrefix = rig.prefix();
      const store = createSessionStore(rig.makeClient({ keyPrefix }), { prefix: "", maxSessionsPerUser: 3 });
      const guest = await store.create({ claims: { theme: "dark" } });
      const login = present(await store.rotate(guest.token, { userId: "ada" }));
      const next = present(await store.rotate(login.token, { grace: 60_000 }));
      await store.create({ userId: "ada" });
      expect(await store.touch(next.token)).toEqual(next.session);
      expect(await store.updateClaimsForUser("ada", { role: "admin" })).toBeGreaterThanOrEqual(2);
      expect((await store.updateClaims(login.token, { n: 1 }))?.claims).toEqual({ theme: "dark", role: "admin", n: 1 });
      expect(await store.listForUser("ada")).toHaveLength(2);

      const keys = await rig.keysUnder(keyPrefix);
      expect(keys).toHaveLength(4);
      for (const key of keys) expect(key.slice(keyPrefix.length)).toMatch(/^\{[0-9A-HJKMNP-TV-Z]{3}\}:[su]:/);
      const index = present(keys.find((key) => key.includes(":u:")));
      expect(await rig.redis.pexpiretime(index)).toBe(await latestIn(rig.redis, index));

      expect(await store.revoke(next.token)).toBe(true);
      expect(await store.get(login.token)).toBeNull();
      expect(await store.blockUser("ada")).toBe(1);
      expect(await rig.keysUnder(keyPrefix)).toEqual(
        keys.filter((key) => key.includes(":b:")).concat(index.replace(":u:", ":b:")),
      );
    });
  });
}
