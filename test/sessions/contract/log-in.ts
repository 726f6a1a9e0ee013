/** `rotate` with a `userId`: the log-in of a guest, or of one user on another's session. */

import { describe, expect, it } from "vitest";
import { SessionLimitError, UserBlockedError } from "../../../src/index.js";
import { parseToken } from "../../../src/leaves/token.js";
import { HOUR, MINUTE, present, type Rig } from "./rig.js";

export function describeLogIn(rig: Rig): void {
  describe("the log-in of a guest", () => {
    it("carries the guest's claims and client over to a new session of the user, and ends the guest's", async () => {
      const { store, age } = rig.open();
      const guest = await store.create({ claims: { cart: [1, 2], theme: "dark" }, client: { ip: "::1" } });
      await age(guest.session, 20 * MINUTE);
      const login = present(
        await rig.expectNow(
          () => store.rotate(guest.token, { userId: "ada", claims: { theme: undefined, role: "user" } }),
          (result) => result?.session.authenticatedAt ?? null,
        ),
      );
      const { createdAt } = login.session;
      expect(login.session).toMatchObject({
        userId: "ada",
        claims: { cart: [1, 2], role: "user" },
        client: { ip: "::1" },
        authenticatedAt: createdAt,
        lastSeenAt: createdAt,
        expiresAt: createdAt + 30 * MINUTE,
        absoluteExpiresAt: createdAt + 12 * HOUR,
      });
      expect(login.session.claims).not.toHaveProperty("theme");
      expect(login.session.id).not.toBe(guest.session.id);
      expect(await store.get(login.token)).toEqual(login.session);
      expect(await store.listForUser("ada")).toEqual([login.session]);
      expect(await store.get(guest.token)).toBeNull();
      expect(await store.find(guest.session.id)).toBeNull();
    });

    it("leaves nothing of the guest behind but, for the time of the call, what a second click needs", async () => {
      const { store, keys, keyOf, indexOf } = rig.open({ timeout: MINUTE });
      const guest = await store.create({ claims: { cart: ["hat"] } });
      const { session } = present(await store.rotate(guest.token, { userId: "ada" }));
      expect(await keys()).toEqual([keyOf(session), indexOf(session)].sort());
      const trail = keyOf(guest.session).replace(/s:(\w+)$/, "e:$1");
      const { k, ...rest } = await rig.redis.hgetall(trail);
      expect(k).toBe(parseToken(guest.token)?.secretHash);
      expect(rest).toEqual({ n: session.id, l: "ada", v: "0", ":cart": '["hat"]' });
      const left = await rig.redis.pttl(trail);
      expect(left).toBeGreaterThan(0);
      // The clock of ioredis-mock is off by a second or so.
      expect(left).toBeLessThanOrEqual(MINUTE + 3000);
    });

    it("ends the guest's predecessor too, where a grace is still running", async () => {
      const { store } = rig.open();
      const first = await store.create();
      const second = present(await store.rotate(first.token, { grace: MINUTE }));
      present(await store.rotate(second.token, { userId: "ada" }));
      expect(await store.get(first.token)).toBeNull();
      expect(await store.get(second.token)).toBeNull();
    });

    it("carries over what the guest changes while the log-in is under way", async () => {
      const { again, store } = rig.open();
      const guest = await store.create({ claims: { cart: [1], coupon: "x" } });
      // The log-in reads the guest's session, makes the user's, and ends the guest's: the change comes before the last step.
      const late = again({}, async (call) => {
        if (call === 3) await store.updateClaims(guest.token, { cart: [1, 2], coupon: undefined });
      });
      const login = present(await late.rotate(guest.token, { userId: "ada" }));
      expect(login.session.claims).toEqual({ cart: [1, 2] });
      expect((await store.get(login.token))?.claims).toEqual({ cart: [1, 2] });
      expect(await store.get(guest.token)).toBeNull();
    });

    it("comes to nothing when the guest's session is revoked meanwhile", async () => {
      const { again, store, keys } = rig.open();
      const guest = await store.create({ claims: { cart: [1] } });
      const late = again({}, async (call) => {
        if (call === 3) expect(await store.revoke(guest.token)).toBe(true);
      });
      expect(await late.rotate(guest.token, { userId: "ada" })).toBeNull();
      expect(await keys()).toEqual([]);
    });

    it("is refused to a blocked user, and leaves the guest alone", async () => {
      const { store } = rig.open();
      const guest = await store.create({ claims: { cart: [1] } });
      await store.blockUser("ada");
      await expect(store.rotate(guest.token, { userId: "ada" })).rejects.toThrow(UserBlockedError);
      expect(await store.get(guest.token)).toEqual(guest.session);
      expect(await store.listForUser("ada")).toEqual([]);
    });

    it("counts against the limit of sessions, and leaves the guest alone where it is refused", async () => {
      const { store } = rig.open({ maxSessionsPerUser: 1, onSessionLimit: "reject" });
      const first = await store.create({ userId: "ada" });
      const guest = await store.create();
      await expect(store.rotate(guest.token, { userId: "ada" })).rejects.toThrow(SessionLimitError);
      expect(await store.get(guest.token)).toEqual(guest.session);
      expect(await store.get(first.token)).toEqual(first.session);
    });
  });

  describe("the log-in of one user on the session of another", () => {
    it("ends that session and carries no claim over", async () => {
      const { store } = rig.open();
      const ada = await store.create({ userId: "ada", claims: { role: "admin", secret: 42 } });
      const other = await store.create({ userId: "ada" });
      const login = present(await store.rotate(ada.token, { userId: "bob", claims: { theme: "dark" } }));
      expect(login.session.userId).toBe("bob");
      expect(login.session.claims).toEqual({ theme: "dark" });
      expect(login.session.authenticatedAt).toBe(login.session.createdAt);
      expect(await store.get(ada.token)).toBeNull();
      expect(await store.listForUser("ada")).toEqual([other.session]);
      expect(await store.listForUser("bob")).toEqual([login.session]);
    });

    it("is refused to a blocked user, and leaves the session alone", async () => {
      const { store } = rig.open();
      const ada = await store.create({ userId: "ada" });
      await store.blockUser("bob");
      await expect(store.rotate(ada.token, { userId: "bob" })).rejects.toThrow(UserBlockedError);
      expect(await store.get(ada.token)).toEqual(ada.session);
    });
  });
}
