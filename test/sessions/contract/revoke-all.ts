/** `revokeAll`. */
import { describe, expect, it } from "vitest";
import {
  CorruptRecordError,
  createSessionStore,
  type RevokeEverythingOptions,
  type SessionStore,
} from "../../../src/index.js";
import { rejection } from "../../fixtures/every-verb.js";
import { expectDead, HOUR, present, type Rig } from "./rig.js";

/** Long enough that the clock of Redis is in another ms, also one that is right to a second only. */
const later = (rig: Rig) => new Promise((resolve) => setTimeout(resolve, rig.exactClock ? 5 : 1100));

/** Calls `revokeAll` when what was created before is in the past also for a clock that is not exact. */
async function revokeAll(rig: Rig, store: SessionStore, options?: RevokeEverythingOptions): Promise<number> {
  if (!rig.exactClock) await later(rig);
  return store.revokeAll(options);
}

export function describeRevokeAll(rig: Rig): void {
  describe("revokeAll", () => {
    it("ends the sessions of all users and guests for every verb, and leaves no key behind", async () => {
      const { store, keys } = rig.open();
      const userIds = ["ada", "bob", 'o"neil\n{1}:u:é', undefined, undefined];
      const issued = await Promise.all([...userIds, "ada"].map((userId) => store.create({ userId })));
      expect(await revokeAll(rig, store)).toBe(6);
      for (const one of issued) await expectDead(store, one);
      expect(await keys()).toEqual([]);
      expect(await revokeAll(rig, store)).toBe(0);
    });

    it("ends both sessions of a rotation with grace, and a session that was rotated", async () => {
      const { store, keys } = rig.open();
      const old = await store.create({ userId: "ada" });
      const fresh = present(await store.rotate(old.token, { grace: HOUR / 10 }));
      const rotated = present(await store.rotate((await store.create()).token));
      expect(await revokeAll(rig, store)).toBe(3);
      for (const one of [old, fresh, rotated]) await expectDead(store, one);
      expect(await keys()).toEqual([]);
    });

    it("ends a user's sessions page by page, with more than one page", async () => {
      const { store, keys } = rig.open();
      await Promise.all(Array.from({ length: 120 }, () => store.create({ userId: "ada" })));
      expect(await revokeAll(rig, store)).toBe(120);
      expect(await keys()).toEqual([]);
    });

    it("touches nothing under other prefixes, and keeps blocks", async () => {
      const { store } = rig.open();
      const foreign = rig.open();
      const { token, session } = await foreign.store.create({ userId: "ada" });
      const guest = await foreign.store.create();
      await store.blockUser("eve");
      await store.create({ userId: "ada" });
      expect(await revokeAll(rig, store)).toBe(1);
      expect(await foreign.store.get(token)).toEqual(session);
      expect(await foreign.store.get(guest.token)).toEqual(guest.session);
      expect(await store.getBlock("eve")).not.toBeNull();
    });

    it("announces each session once, with the reason", async () => {
      const { store } = rig.open();
      const issued = [await store.create({ userId: "ada" }), await store.create()];
      const heard: unknown[] = [];
      store.events.on("revoked", (event) => heard.push(event));
      await revokeAll(rig, store);
      expect(heard).toHaveLength(2);
      for (const { session } of issued) {
        expect(heard).toContainEqual({ id: session.id, userId: session.userId, reason: "all" });
      }
    });

    it("tells its progress, up to the last", async () => {
      const { store } = rig.open();
      await Promise.all([1, 2, 3].map(() => store.create({ userId: "ada" })));
      const told: { ended: number; pass: number }[] = [];
      expect(await revokeAll(rig, store, { onProgress: (progress) => told.push(progress) })).toBe(3);
      // The first pass ends them; then two find none, or three in a Cluster.
      expect(told.at(-1)).toEqual({ ended: 3, pass: "nodes" in rig.client ? 4 : 3 });
      expect(told.map(({ ended }) => ended)).toEqual(told.map(({ ended }) => ended).toSorted((a, b) => a - b));
    });

    it("ends nothing when it was aborted before, and rejects with the reason", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ userId: "ada" });
      const reason = new Error("changed my mind");
      expect(await rejection(store.revokeAll({ signal: AbortSignal.abort(reason) }))).toBe(reason);
      expect(await store.get(token)).not.toBeNull();
    });

    it("leaves alone what only looks like a key of its own", async () => {
      const { store, prefix } = rig.open();
      const strangers = [`${prefix}{abc}:s:x`, `${prefix}{abc}:u:"`, `${prefix}{ABC}:s:01ARZ3NDEKTSV4RRFFQ69G5FAV`];
      for (const key of strangers) await rig.redis.set(key, "theirs", "PX", HOUR);
      expect(await revokeAll(rig, store)).toBe(0);
      for (const key of strangers) expect(await rig.redis.get(key)).toBe("theirs");
    });

    it.each([
      [{ onProgres: () => {} }, 'revokeAll: there is no option "onProgres"'],
      [{ onProgress: true }, "onProgress must be a function, got true"],
      [{ signal: "now" }, 'signal must be an AbortSignal, got "now"'],
    ])("refuses the options %o", async (options, message) => {
      const error = await rejection(rig.open().store.revokeAll(options as never));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(message);
    });

    // The patterns of ioredis-mock know no escapes, its clock goes back at times, and it reads a text as an empty hash.
    if (!rig.exactClock) return;

    it.each(["*", "a?", "[a-z]", "\\"])(
      "takes the prefix %s for no pattern, and adds the client's keyPrefix",
      async (odd) => {
        const keyPrefix = `${rig.prefix()}app*:`;
        const client = rig.makeClient({ keyPrefix });
        const store = createSessionStore(client, { prefix: `${odd}:` });
        const other = createSessionStore(client, { prefix: "ab:" });
        const ended = [await store.create({ userId: "ada" }), await store.create()];
        const kept = [await other.create({ userId: "ada" }), await other.create()];
        expect(await revokeAll(rig, store)).toBe(2);
        for (const { token } of ended) expect(await store.get(token)).toBeNull();
        for (const { token } of kept) expect(await other.get(token)).not.toBeNull();
        expect(await revokeAll(rig, other)).toBe(2);
      },
    );

    it("spares a session that is created while it runs, also in its user's index, and ends those before", async () => {
      const { store, again } = rig.open();
      const old = [await store.create({ userId: "ada" }), await store.create()];
      await later(rig);
      const young: Awaited<ReturnType<typeof store.create>>[] = [];
      const held = again({}, async (call) => {
        // Its clock has been read, and no script of it has run. What is created in the same ms would end.
        if (call === 1) await later(rig);
        if (call === 1) for (const userId of ["ada", "bob", undefined]) young.push(await store.create({ userId }));
      });
      expect(await held.revokeAll()).toBe(2);
      for (const one of old) await expectDead(store, one);
      for (const { token, session } of young) expect(await store.get(token)).toEqual(session);
      expect(await store.listForUser("ada")).toEqual([young[0]?.session]);
      expect(young).toHaveLength(3);
    });

    it("ends every other session, and then names a key that holds something else", async () => {
      const { store, prefix } = rig.open();
      const ids = await Promise.all(["ada", "bob", undefined].map((userId) => store.create({ userId })));
      const ada = present(ids[0]).session;
      const bad = `${prefix}{${ada.id.slice(10, 13)}}:s:${ada.id.slice(0, -1)}${ada.id.endsWith("0") ? "1" : "0"}`;
      await rig.redis.set(bad, "not a session", "PX", HOUR);
      const error = await rejection(revokeAll(rig, store));
      expect(error).toBeInstanceOf(CorruptRecordError);
      expect((error as CorruptRecordError).key).toBe(bad);
      for (const one of ids) expect(await store.get(one.token)).toBeNull();
    });
  });
}
