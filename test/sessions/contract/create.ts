/** `create`. */

import { describe, expect, it } from "vitest";
import type { CreateOptions } from "../../../src/index.js";
import { expectDeeplyFrozen, HOUR, hashOf, MINUTE, type Rig } from "./rig.js";

export function describeCreate(rig: Rig): void {
  describe("create", () => {
    it("creates a user's session, which the token and the id find", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create({
        userId: "ada",
        claims: { role: "admin", tags: ["a", "b"] },
        client: { ip: "203.0.113.7", userAgent: "Firefox" },
      });
      expect(session).toMatchObject({
        userId: "ada",
        claims: { role: "admin", tags: ["a", "b"] },
        client: { ip: "203.0.113.7", userAgent: "Firefox" },
        authenticatedAt: session.createdAt,
        lastSeenAt: session.createdAt,
      });
      expect(token).toMatch(new RegExp(`^${session.id}\\.[A-Za-z0-9_-]{43}$`));
      expect(await store.get(token)).toEqual(session);
      expect(await store.find(session.id)).toEqual(session);
    });

    it("creates a guest's session out of nothing", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create();
      expect(session).toMatchObject({ userId: null, claims: {}, client: {}, authenticatedAt: null });
      expect(await store.get(token)).toEqual(session);
    });

    it("takes undefined for an option or a claim that is not given", async () => {
      const { store } = rig.open();
      const { session } = await store.create({
        userId: undefined,
        claims: { role: undefined, name: "Ada" },
        client: { ip: undefined, userAgent: undefined },
        idleTimeout: undefined,
        absoluteTimeout: undefined,
      });
      expect(session).toMatchObject({ userId: null, client: {} });
      expect(Object.keys(session.claims)).toEqual(["name"]);
    });

    it("gives sessions with exactly the documented properties, deeply frozen", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create({ userId: "ada", claims: { deep: { list: [{}] } }, client: {} });
      for (const each of [session, await store.get(token), await store.touch(token), await store.find(session.id)]) {
        expect(Object.keys(each ?? {}).sort()).toEqual([
          "absoluteExpiresAt",
          "authenticatedAt",
          "claims",
          "client",
          "createdAt",
          "expiresAt",
          "id",
          "lastSeenAt",
          "userId",
        ]);
        expectDeeplyFrozen(each);
      }
    });

    it("dates sessions by the clock of Redis", async () => {
      const { store } = rig.open();
      await rig.expectNow(
        () => store.create(),
        ({ session }) => session.createdAt,
      );
    });

    it("has timeouts of 30 minutes and 12 hours where nothing else is said", async () => {
      const { session } = await rig.open().store.create();
      expect(session.expiresAt - session.createdAt).toBe(30 * MINUTE);
      expect(session.absoluteExpiresAt - session.createdAt).toBe(12 * HOUR);
    });

    it("takes the timeouts of the store, and those of the session before them", async () => {
      const { store } = rig.open({ idleTimeout: 10 * MINUTE, absoluteTimeout: 2 * HOUR });
      const usual = (await store.create()).session;
      expect(usual.expiresAt - usual.createdAt).toBe(10 * MINUTE);
      expect(usual.absoluteExpiresAt - usual.createdAt).toBe(2 * HOUR);
      const own = (await store.create({ idleTimeout: 5 * MINUTE, absoluteTimeout: 6 * MINUTE })).session;
      expect(own.expiresAt - own.createdAt).toBe(5 * MINUTE);
      expect(own.absoluteExpiresAt - own.createdAt).toBe(6 * MINUTE);
    });

    it("shortens the default idle timeout to a shorter absolute timeout", async () => {
      const { session } = await rig.open({ absoluteTimeout: 7 * MINUTE }).store.create();
      expect(session.expiresAt).toBe(session.absoluteExpiresAt);
      expect(session.expiresAt - session.createdAt).toBe(7 * MINUTE);
    });

    it.each<[what: string, given: NonNullable<CreateOptions<object>["client"]>, kept: object]>([
      ["several addresses", { ip: "203.0.113.7, 2001:db8::1,10.0.0.1" }, { ip: "203.0.113.7" }],
      [
        "a header that came twice",
        { ip: ["203.0.113.7", "10.0.0.1"], userAgent: ["a", "b"] },
        { ip: "203.0.113.7", userAgent: "a" },
      ],
      ["a long list behind two proxies", { ip: `2001:db8::1, ${"x".repeat(900)}` }, { ip: "2001:db8::1" }],
      ["what is too long for an address", { ip: "x".repeat(65), userAgent: "Firefox" }, { userAgent: "Firefox" }],
      ["the longest address", { ip: "x".repeat(64) }, { ip: "x".repeat(64) }],
      ["nothing", { ip: "", userAgent: " " }, {}],
      ["an empty first address", { ip: ", 10.0.0.1" }, {}],
      ["no header at all", { ip: [], userAgent: null as never }, {}],
      [
        "control characters",
        { ip: "::1\n", userAgent: "a\u0000b\r\nc\u001b[31m" },
        { ip: "::1", userAgent: "a b c [31m" },
      ],
    ])("remembers of a client what can be of use: %s", async (_, given, kept) => {
      const { store } = rig.open();
      const { token, session } = await store.create({ userId: "ada", client: given });
      expect(session.client).toEqual(kept);
      expect(await store.get(token)).toEqual(session);
      // A rotation and a log-in put it in the place of what was remembered before.
      for (const userId of [undefined, "ada", "eve"]) {
        const before = await store.create({ userId: "ada", client: { ip: "::2", userAgent: "Lynx" } });
        const rotated = await store.rotate(before.token, { userId, client: given });
        expect(rotated?.session.client).toEqual(kept);
      }
    });

    it("cuts a user agent after 512 characters", async () => {
      const { store } = rig.open();
      const { session } = await store.create({ client: { userAgent: `${"x".repeat(511)}😀${"y".repeat(10_000)}` } });
      // The cut may fall into the middle of an emoji; what is left must still be a string that comes back.
      expect(session.client.userAgent).toBe(`${"x".repeat(511)}\ud83d`);
      expect(await store.find(session.id)).toEqual(session);
    });

    it("gives every session its own id and secret, and all sessions of a user the same bucket", async () => {
      const { store } = rig.open();
      const issued = await Promise.all(Array.from({ length: 10 }, () => store.create({ userId: "ada" })));
      expect(new Set(issued.map(({ session }) => session.id)).size).toBe(10);
      expect(new Set(issued.map(({ token }) => token.slice(27))).size).toBe(10);
      expect(new Set(issued.map(({ session }) => session.id.slice(10, 13))).size).toBe(1);
    });

    it("stores the SHA-256 of the secret, and the secret nowhere", async () => {
      const { store, keyOf, keys } = rig.open();
      const { token, session } = await store.create({ userId: "ada", claims: { role: "admin" } });
      const record = await rig.redis.hgetall(keyOf(session));
      expect(Object.values(record)).toContain(hashOf(token));
      expect(JSON.stringify([record, await keys()])).not.toContain(token.slice(27));
    });
  });
}
