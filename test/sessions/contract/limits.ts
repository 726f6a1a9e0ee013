/** `maxSessionsPerUser` and `onSessionLimit`. */
import { describe, expect, it } from "vitest";
import { type IssuedSession, SessionLimitError, type SessionLimitPolicy } from "../../../src/index.js";
import { HOUR, MINUTE, type Opened, present, type Rig } from "./rig.js";

type Claims = Record<string, unknown>;

/** Three sessions of a user: the first is the oldest, and the second was not seen for longest. */
async function threeOf({ store, age }: Opened<Claims>): Promise<IssuedSession<Claims>[]> {
  const issued: IssuedSession<Claims>[] = [];
  for (const hours of [3, 2, 1]) {
    const one = await store.create({ userId: "ada", claims: { hours } });
    await age(one.session, hours * HOUR);
    issued.push(one);
  }
  await store.touch(present(issued[0]).token);
  return issued;
}

async function hoursLeft({ store }: Opened<Claims>): Promise<unknown[]> {
  return (await store.listForUser("ada")).map(({ claims }) => claims["hours"] ?? 0);
}

const open = (rig: Rig, onSessionLimit: SessionLimitPolicy | undefined, maxSessionsPerUser = 3) =>
  rig.open<Claims>({ idleTimeout: 6 * HOUR, maxSessionsPerUser, onSessionLimit });

export function describeLimits(rig: Rig): void {
  describe("a limit of sessions per user", () => {
    it.each([
      [undefined, [0, 1, 2]],
      ["evict-oldest", [0, 1, 2]],
      ["evict-idle", [0, 1, 3]],
    ] as const)("ends one session for another with %s", async (policy, left) => {
      const opened = open(rig, policy);
      await threeOf(opened);
      const { token } = await opened.store.create({ userId: "ada" });
      expect(await opened.store.get(token)).not.toBeNull();
      expect(await hoursLeft(opened)).toEqual(left);
    });

    it("takes no session for idle that was just seen near its absolute deadline, with evict-idle", async () => {
      const options = { idleTimeout: 6 * HOUR, absoluteTimeout: 8 * HOUR, touchInterval: 0 };
      const { store, age } = rig.open({ ...options, maxSessionsPerUser: 2, onSessionLimit: "evict-idle" });
      const busy = await store.create({ userId: "ada" });
      await age(busy.session, 5 * HOUR);
      await store.touch(busy.token);
      const idle = await store.create({ userId: "ada" });
      await age(idle.session, 2 * HOUR);
      await store.create({ userId: "ada" });
      expect(await store.get(busy.token)).not.toBeNull();
      expect(await store.get(idle.token)).toBeNull();
    });

    it("refuses the session above it with reject, and leaves no trace of it", async () => {
      const opened = open(rig, "reject");
      await threeOf(opened);
      const before = await opened.keys();
      const refusal = opened.store.create({ userId: "ada" });
      await expect(refusal).rejects.toThrow(SessionLimitError);
      await expect(refusal).rejects.toMatchObject({ limit: 3, code: "SESSION_LIMIT", status: 403 });
      expect(await hoursLeft(opened)).toEqual([1, 2, 3]);
      expect(await opened.keys()).toEqual(before);
    });

    it("leaves the keys of evicted sessions nowhere", async () => {
      const opened = open(rig, "evict-oldest", 1);
      await opened.store.create({ userId: "ada" });
      const { session } = await opened.store.create({ userId: "ada" });
      expect(await opened.keys()).toEqual([opened.keyOf(session), opened.indexOf(session)].sort());
      expect(await rig.redis.zrange(opened.indexOf(session), 0, -1)).toEqual([session.id]);
    });

    it.each([
      ["evict-oldest", [0, 1]],
      ["evict-idle", [0, 3]],
    ] as const)("that was lowered takes hold with the next log-in, with %s", async (policy, left) => {
      const opened = open(rig, policy);
      await threeOf(opened);
      await opened.again({ maxSessionsPerUser: 2, onSessionLimit: policy }).create({ userId: "ada" });
      expect(await hoursLeft(opened)).toEqual(left);
    });

    it("that was lowered refuses with reject, and ends nothing", async () => {
      const opened = open(rig, "reject");
      await threeOf(opened);
      const lowered = opened.again({ maxSessionsPerUser: 1, onSessionLimit: "reject" });
      await expect(lowered.create({ userId: "ada" })).rejects.toThrow("The user already has 1 live session");
      expect(await hoursLeft(opened)).toHaveLength(3);
    });

    it("counts the live ones of the user alone: not the dead, other users' or guests'", async () => {
      const opened = open(rig, "reject", 2);
      const { store, age } = opened;
      const [expired, revoked] = await Promise.all([store.create({ userId: "ada" }), store.create({ userId: "ada" })]);
      await age(expired.session, 7 * HOUR);
      await store.revoke(revoked.token);
      await Promise.all([1, 2, 3].map(() => store.create()));
      await store.create({ userId: "bob" });
      await store.create({ userId: "ada" });
      await store.create({ userId: "ada" });
      await expect(store.create({ userId: "ada" })).rejects.toThrow(SessionLimitError);
    });

    it.each(["evict-oldest", "reject"] as const)("does not count a session in its grace, with %s", async (policy) => {
      const opened = open(rig, policy, 2);
      const { store } = opened;
      const old = await store.create({ userId: "ada" });
      const fresh = present(await store.rotate(old.token, { grace: MINUTE }));
      const second = await store.create({ userId: "ada" });
      for (const { token } of [old, fresh, second]) expect(await store.get(token)).not.toBeNull();
    });

    it("ends the predecessor together with the session that it evicts", async () => {
      const opened = open(rig, "evict-oldest", 1);
      const { store, age } = opened;
      const old = await store.create({ userId: "ada" });
      await age(old.session, HOUR);
      const fresh = present(await store.rotate(old.token, { grace: MINUTE }));
      const { session } = await store.create({ userId: "ada" });
      expect(await store.get(old.token)).toBeNull();
      expect(await store.get(fresh.token)).toBeNull();
      expect(await opened.keys()).toEqual([opened.keyOf(session), opened.indexOf(session)].sort());
    });

    it("does not stand in the way of a rotation of the user's own", async () => {
      const { store } = open(rig, "reject", 1);
      const first = await store.create({ userId: "ada" });
      const second = present(await store.rotate(first.token));
      const third = present(await store.rotate(second.token, { userId: "ada" }));
      expect(await store.listForUser("ada")).toEqual([third.session]);
    });

    it("evicts for the log-in of a guest as well", async () => {
      const { store, age } = open(rig, "evict-oldest", 1);
      const first = await store.create({ userId: "ada" });
      await age(first.session, HOUR);
      const guest = await store.create();
      const login = present(await store.rotate(guest.token, { userId: "ada" }));
      expect(await store.listForUser("ada")).toEqual([login.session]);
      expect(await store.get(first.token)).toBeNull();
    });
  });
}
