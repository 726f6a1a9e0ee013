/** `rotate` within one user, without a grace. */
import { describe, expect, it } from "vitest";
import { HOUR, MINUTE, present, type Rig } from "./rig.js";

export function describeRotate(rig: Rig): void {
  describe("rotate", () => {
    it("gives the session a new id and secret, and the old token is dead", async () => {
      const { store, age } = rig.open();
      const old = await store.create({ userId: "ada", claims: { role: "user" }, client: { ip: "::1" } });
      await age(old.session, 20 * MINUTE);
      const before = present(await store.get(old.token));
      const rotated = present(
        await rig.expectNow(
          () => store.rotate(old.token),
          (result) => result?.session.lastSeenAt ?? null,
        ),
      );
      const { id, lastSeenAt } = rotated.session;
      expect(rotated.session).toEqual({ ...before, id, lastSeenAt, expiresAt: lastSeenAt + 30 * MINUTE });
      expect(id).not.toBe(before.id);
      expect(rotated.token.slice(27)).not.toBe(old.token.slice(27));
      expect(await store.get(rotated.token)).toEqual(rotated.session);
      expect(await store.get(old.token)).toBeNull();
      expect(await store.find(before.id)).toBeNull();
      expect(await store.rotate(old.token)).toBeNull();
      expect(await store.listForUser("ada")).toEqual([rotated.session]);
    });

    it("leaves no key of the old session behind", async () => {
      const { store, keys, keyOf, indexOf } = rig.open();
      const { token } = await store.create({ userId: "ada" });
      const { session } = present(await store.rotate(token));
      expect(await keys()).toEqual([keyOf(session), indexOf(session)].sort());
      expect(await rig.redis.zrange(indexOf(session), 0, -1)).toEqual([session.id]);
    });

    it("keeps the absolute deadline and the timeouts of the session", async () => {
      const { store, age } = rig.open();
      const { token, session } = await store.create({
        userId: "ada",
        idleTimeout: 20 * MINUTE,
        absoluteTimeout: 30 * MINUTE,
      });
      await age(session, 15 * MINUTE);
      const rotated = present(await store.rotate(token)).session;
      expect(rotated.absoluteExpiresAt).toBe(session.absoluteExpiresAt - 15 * MINUTE);
      expect(rotated.authenticatedAt).toBe(rotated.createdAt);
      expect(rotated.expiresAt).toBe(rotated.absoluteExpiresAt);
    });

    it("changes claims on the way", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ userId: "ada", claims: { role: "user", name: "Ada", cart: [1] } });
      const { session } = present(
        await store.rotate(token, { claims: { role: "admin", name: undefined, cart: undefined, team: null } }),
      );
      expect(session.claims).toEqual({ role: "admin", team: null });
    });

    it("rotates a guest, who stays one", async () => {
      const { store, keys, keyOf } = rig.open();
      const { token } = await store.create({ claims: { cart: [1] } });
      const rotated = present(await store.rotate(token, { reauthenticated: true }));
      expect(rotated.session).toMatchObject({ userId: null, authenticatedAt: null, claims: { cart: [1] } });
      expect(await keys()).toEqual([keyOf(rotated.session)]);
      expect(await store.get(rotated.token)).toEqual(rotated.session);
    });

    it("does not move a guest's clocks for a new authentication", async () => {
      const { store, age } = rig.open();
      const { token, session } = await store.create();
      await age(session, 20 * MINUTE);
      const rotated = present(await store.rotate(token, { reauthenticated: true })).session;
      expect(rotated.absoluteExpiresAt).toBe(session.absoluteExpiresAt - 20 * MINUTE);
    });

    it.each([
      ["reauthenticated", { reauthenticated: true }],
      ["the same userId", { userId: "ada" }],
    ])("restarts both clocks with %s", async (_, options) => {
      const { store, age } = rig.open();
      const { token, session } = await store.create({
        userId: "ada",
        claims: { role: "user" },
        idleTimeout: 2 * HOUR,
        absoluteTimeout: 5 * HOUR,
      });
      await age(session, HOUR);
      const first = present(
        await rig.expectNow(
          () => store.rotate(token, options),
          (result) => result?.session.authenticatedAt ?? null,
        ),
      );
      expectRestarted(first.session, session.createdAt - HOUR);
      expect(first.session.claims).toEqual({ role: "user" });
      expect(await store.get(token)).toBeNull();
      // And once more, from a session whose log-in is no longer its creation.
      await age(first.session, HOUR);
      expectRestarted(present(await store.rotate(first.token, options)).session, session.createdAt - 2 * HOUR);
    });

    it.each([
      ["reauthenticated", { reauthenticated: true }],
      ["the same userId", { userId: "ada" }],
      ["another userId", { userId: "bob" }],
    ])("takes other timeouts with %s, and keeps them in later rotations", async (_, options) => {
      const { store, age } = rig.open();
      const { token, session } = await store.create({ userId: "ada", idleTimeout: HOUR, absoluteTimeout: 2 * HOUR });
      await age(session, 10 * MINUTE);
      const long = { idleTimeout: 20 * HOUR, absoluteTimeout: 30 * HOUR };
      const { session: first, token: second } = present(await store.rotate(token, { ...options, ...long }));
      expect(first.expiresAt - first.lastSeenAt).toBe(20 * HOUR);
      expect(first.absoluteExpiresAt - first.lastSeenAt).toBe(30 * HOUR);
      expect(await store.get(second)).toEqual(first);
      const again = present(await store.rotate(second)).session;
      expect(again.absoluteExpiresAt).toBe(first.absoluteExpiresAt);
      expect(again.expiresAt - again.lastSeenAt).toBe(20 * HOUR);
    });

    it("takes other timeouts for a guest, who stays one", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ claims: { cart: [1] } });
      const long = { reauthenticated: true, idleTimeout: HOUR, absoluteTimeout: 30 * HOUR };
      const { session } = present(await store.rotate(token, long));
      expect(session).toMatchObject({ userId: null, authenticatedAt: null, claims: { cart: [1] } });
      expect(session.expiresAt - session.lastSeenAt).toBe(HOUR);
      expect(session.absoluteExpiresAt - session.lastSeenAt).toBe(30 * HOUR);
    });

    it("keeps whether the client keeps its token, until somebody says it anew", async () => {
      const { store } = rig.open();
      let { token, session } = await store.create({ userId: "ada", persistent: false });
      expect(session.persistent).toBe(false);
      for (const [options, persistent] of [
        [{}, false],
        [{ reauthenticated: true }, false],
        [{ grace: 1000 }, false],
        [{ persistent: true }, true],
        [{ userId: "ada" }, true],
        [{ persistent: null }, undefined],
        [{ userId: "bob", persistent: false }, false],
        [{ userId: "ada" }, undefined],
      ] as const) {
        ({ token, session } = present(await store.rotate(token, options)));
        expect([options, session.persistent]).toEqual([options, persistent]);
        expect(await store.get(token)).toEqual(session);
        if (persistent === undefined) expect(session).not.toHaveProperty("persistent");
      }
    });

    it("keeps the instant of the authentication without one", async () => {
      const { store, age } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, 10 * MINUTE);
      const fresh = present(await store.rotate(token, { reauthenticated: true }));
      await age(fresh.session, 5 * MINUTE);
      const { session: rotated } = present(await store.rotate(fresh.token, { reauthenticated: false }));
      expect(rotated.authenticatedAt).toBe(present(fresh.session.authenticatedAt) - 5 * MINUTE);
      expect(rotated.absoluteExpiresAt).toBe(fresh.session.absoluteExpiresAt - 5 * MINUTE);
    });

    it("leaves the user's other sessions alone", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ userId: "ada" });
      const other = await store.create({ userId: "ada" });
      await store.rotate(token);
      expect(await store.get(other.token)).toEqual(other.session);
      expect(await store.listForUser("ada")).toHaveLength(2);
    });

    it("gives null for what is not live, and makes nothing", async () => {
      const { store, keys } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      await store.revoke(token);
      for (const target of [token, session.id, "rubbish", undefined]) {
        expect(await store.rotate(target)).toBeNull();
        expect(await store.rotate(target, { grace: 1000 })).toBeNull();
        expect(await store.rotate(target, { userId: "ada" })).toBeNull();
        expect(await store.rotate(target, { userId: "eve" })).toBeNull();
      }
      expect(await keys()).toEqual([]);
    });

    it("survives a clock of Redis that has gone back since the session was created", async () => {
      // As after a failover to a replica whose clock is behind, and as ioredis-mock's clock often does.
      const { store, age, keyOf } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, -MINUTE);
      const rotated = present(await store.rotate(token));
      expect(await store.get(rotated.token)).toEqual(rotated.session);
      const again = present(await store.rotate(rotated.token, { reauthenticated: true, grace: 1000 }));
      expect(await store.touch(again.token)).toEqual(again.session);
      const old = present(await store.get(rotated.token));
      for (const each of [again.session, old]) expect(await rig.redis.pexpiretime(keyOf(each))).toBe(each.expiresAt);
    });
  });
}

function expectRestarted(
  session: {
    readonly createdAt: number;
    readonly authenticatedAt: number | null;
    readonly lastSeenAt: number;
    readonly expiresAt: number;
    readonly absoluteExpiresAt: number;
  },
  createdAt: number,
): void {
  const { authenticatedAt } = session;
  expect(session.createdAt).toBe(createdAt);
  expect(session.lastSeenAt).toBe(authenticatedAt);
  expect(session.expiresAt).toBe(present(authenticatedAt) + 2 * HOUR);
  expect(session.absoluteExpiresAt).toBe(present(authenticatedAt) + 5 * HOUR);
}
