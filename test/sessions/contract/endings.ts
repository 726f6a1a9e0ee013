/** The option `endings`: `explain`, and what a session that has ended leaves behind for its bearer. */
import { describe, expect, it } from "vitest";
import type { EndingReason, IssuedSession, SessionStore, SessionStoreOptions } from "../../../src/index.js";
import { expectDead, expectDeeplyFrozen, HOUR, hashOf, MINUTE, present, type Rig, withOtherSecret } from "./rig.js";

type Options = SessionStoreOptions<Record<string, unknown>>;

export function describeEndings(rig: Rig): void {
  const UNKNOWN = { state: "unknown" };
  const open = (options: Options = {}) => rig.open({ endings: HOUR, ...options });
  /** Runs `end`, and expects what its bearer is told afterwards: that it ended just now. */
  async function expectEnding(
    store: SessionStore,
    { token }: IssuedSession<object>,
    end: () => Promise<unknown>,
    expected: { readonly reason: EndingReason; readonly note?: string },
  ) {
    const explained = await rig.expectNow(
      async () => {
        await end();
        return store.explain(token);
      },
      (told) => (told.state === "ended" ? told.at : null),
    );
    expect(explained).toEqual({ state: "ended", at: "at" in explained ? explained.at : null, ...expected });
    expectDeeplyFrozen(explained);
  }

  describe("explain", () => {
    it.each([
      ["revoke", (store, { token }) => store.revoke(token), { reason: "revoked" }],
      ["revoke by id", (store, { session }) => store.revoke(session.id), { reason: "revoked" }],
      [
        "revoke with a note",
        (store, { token }) => store.revoke(token, { note: "lost" }),
        { reason: "revoked", note: "lost" },
      ],
      ["revokeAllForUser", (store) => store.revokeAllForUser("ada"), { reason: "user" }],
      [
        "revokeAllForUser with a note",
        async (store) => {
          const { token } = await store.create({ userId: "ada" });
          await store.revokeAllForUser("ada", { except: token, note: "password" });
          expect(await store.explain(token)).toEqual({ state: "live" });
        },
        { reason: "user", note: "password" },
      ],
      ["blockUser", (store) => store.blockUser("ada", { reason: "chargeback" }), { reason: "blocked" }],
      [
        "blockUser with a note",
        (store) => store.blockUser("ada", { note: "spam" }),
        { reason: "blocked", note: "spam" },
      ],
      ["rotate", (store, { token }) => store.rotate(token), { reason: "rotated" }],
      ["a second log-in", (store, { token }) => store.rotate(token, { userId: "ada" }), { reason: "rotated" }],
      ["a log-in of another user", (store, { token }) => store.rotate(token, { userId: "bob" }), { reason: "rotated" }],
    ] as [
      string,
      (store: SessionStore, issued: IssuedSession<object>) => Promise<unknown>,
      { reason: EndingReason; note?: string },
    ][])("tells why and when a session ended: by %s", async (_, end, expected) => {
      const { store } = open();
      const issued = await store.create({ userId: "ada" });
      expect(await store.explain(issued.token)).toEqual({ state: "live" });
      await expectEnding(store, issued, () => end(store, issued), expected);
      await expectDead(store, issued);
      // What a verb finds dead keeps its ending.
      expect(await store.explain(issued.token)).toMatchObject(expected);
    });

    it("tells that a guest's session ended with the log-in of its user, and not of the new one", async () => {
      const { store } = open();
      const guest = await store.create({ claims: { cart: [1] } });
      const user = present(await store.rotate(guest.token, { userId: "ada" }));
      expect(await store.explain(guest.token)).toMatchObject({ state: "ended", reason: "rotated" });
      expect(await store.explain(user.token)).toEqual({ state: "live" });
      // The second log-in of a double click still finds the claims.
      expect(await store.rotate(guest.token, { userId: "ada" })).toMatchObject({ session: { claims: { cart: [1] } } });
      expect(await store.explain(guest.token)).toMatchObject({ state: "ended", reason: "rotated" });
    });

    it.each(["evict-oldest", "evict-idle"] as const)("tells who was pushed out by %s", async (onSessionLimit) => {
      const { store, age } = open({ maxSessionsPerUser: 1, onSessionLimit });
      const issued = await store.create({ userId: "ada" });
      await age(issued.session, MINUTE);
      await expectEnding(store, issued, () => store.create({ userId: "ada" }), { reason: "limit" });
    });

    it("tells that the sessions beyond a limit that is new were pushed out, with their predecessors", async () => {
      const { store, again } = open();
      const old = await store.create({ userId: "ada" });
      const successor = present(await store.rotate(old.token, { grace: MINUTE }));
      const strict = again({ endings: HOUR, maxSessionsPerUser: 1 });
      await strict.create({ userId: "ada" });
      for (const { token } of [old, successor]) expect(await store.explain(token)).toMatchObject({ reason: "limit" });
    });

    it("tells of a rotation with grace that the old session lives, and after the grace that it was rotated", async () => {
      const { store, age } = open();
      const old = await store.create({ userId: "ada" });
      await store.rotate(old.token, { grace: MINUTE });
      expect(await store.explain(old.token)).toEqual({ state: "live" });
      const { absoluteExpiresAt: at } = present(await store.get(old.token));
      await age(old.session, 2 * MINUTE);
      expect(await store.explain(old.token)).toEqual({ state: "ended", reason: "rotated", at });
    });

    it.each(["old", "new"])(
      "tells of both sessions of a rotation with grace when the %s one is revoked",
      async (which) => {
        const { store } = open();
        const old = await store.create({ userId: "ada" });
        const fresh = present(await store.rotate(old.token, { grace: MINUTE }));
        await store.revoke((which === "old" ? old : fresh).token, { note: "lost" });
        for (const { token } of [old, fresh]) {
          expect(await store.explain(token)).toMatchObject({ state: "ended", reason: "revoked", note: "lost" });
        }
      },
    );

    it("tells every bearer of very many sessions of one user", async () => {
      const { store } = open({ timeout: 60_000 });
      const issued = await Promise.all(Array.from({ length: 260 }, () => store.create({ userId: "ada" })));
      await store.revokeAllForUser("ada", { note: "stolen" });
      for (const { token } of issued) {
        expect(await store.explain(token)).toMatchObject({ state: "ended", reason: "user", note: "stolen" });
      }
    });

    it("tells every bearer that all sessions of the store have ended", async () => {
      const { store } = open();
      const guest = await store.create();
      const user = await store.create({ userId: "ada" });
      const fresh = present(await store.rotate(user.token, { grace: MINUTE }));
      // The clock of ioredis-mock is right to a second only, and what is created after the call stays.
      if (!rig.exactClock) await new Promise((resolve) => setTimeout(resolve, 1100));
      await store.revokeAll({ note: "a leak" });
      for (const { token } of [guest, user, fresh]) {
        expect(await store.explain(token)).toMatchObject({ state: "ended", reason: "all", note: "a leak" });
      }
    });

    it("tells nobody but the bearer", async () => {
      const { store } = open();
      const { token, session } = await store.create({ userId: "ada" });
      for (const end of [async () => {}, () => store.revoke(token, { note: "secret" })]) {
        await end();
        for (const other of [withOtherSecret(token), session.id, `${session.id}.${hashOf(token)}`, hashOf(token)]) {
          expect(await store.explain(other)).toEqual(UNKNOWN);
        }
      }
      for (const malformed of [undefined, null, "", 1, {}, [token], `${token}x`]) {
        expect(await store.explain(malformed)).toEqual(UNKNOWN);
      }
      expect(await store.explain(token)).toMatchObject({ note: "secret" });
    });

    it("knows nothing of a session that has expired, or of one that never was", async () => {
      const { store, age } = open();
      const { token, session } = await store.create({ userId: "ada" });
      await age(session, 2 * HOUR);
      expect(await store.explain(token)).toEqual(UNKNOWN);
      expect(await store.explain(withOtherSecret(token))).toEqual(UNKNOWN);
    });

    it("announces a refused token as any lookup does", async () => {
      const { store } = open();
      const { token, session } = await store.create({ userId: "ada" });
      const reasons: string[] = [];
      store.events.on("rejected", ({ id, reason }) => reasons.push(id === null ? reason : `${reason} ${id}`));
      await store.explain(token);
      await store.explain(withOtherSecret(token));
      await store.explain("rubbish");
      await store.revoke(token);
      await store.explain(token);
      await store.touch(token);
      const { id } = session;
      expect(reasons).toEqual([`secret ${id}`, "malformed", `unknown ${id}`, `unknown ${id}`]);
    });

    it.each(["a", "n".repeat(64), "  two  words  ", 'quote "it"', "line\nfeed", "🧥{x}:\\", "\ud800"])(
      "gives the note %j as it was",
      async (note) => {
        const { store } = open();
        const { token } = await store.create();
        await store.revoke(token, { note });
        expect(await store.explain(token)).toMatchObject({ note });
      },
    );

    it("gives no note if there was none, and takes none that is no short text", async () => {
      const { store } = open();
      const { token } = await store.create({ userId: "ada" });
      const notes = [{ note: "n".repeat(65) }, { note: 1 }, { note: null }, { reason: "x" }];
      for (const options of notes) {
        await expect(store.revoke(token, options as never)).rejects.toThrow(/note|option/);
        await expect(store.revokeAllForUser("ada", options as never)).rejects.toThrow(/note|option/);
      }
      await expect(store.blockUser("ada", { note: "n".repeat(65) })).rejects.toThrow(RangeError);
      expect(await store.explain(token)).toEqual({ state: "live" });
      await store.revoke(token, { note: "" });
      expect(await store.explain(token)).not.toHaveProperty("note");
    });
  });

  describe("an ending", () => {
    it("is one text beside the session, which lasts for as long as the option says", async () => {
      const { store, keys, keyOf } = open();
      const { token, session } = await store.create({ userId: "ada" });
      await store.revoke(token, { note: "lost" });
      const key = keyOf(session).replace(":s:", ":x:");
      expect(await keys()).toEqual([key]);
      expect(await rig.redis.get(key)).toMatch(new RegExp(`^${hashOf(token)} r \\d{13} lost$`));
      expect(await rig.redis.pttl(key)).toBeGreaterThan(HOUR - MINUTE);
      expect(await rig.redis.pttl(key)).toBeLessThanOrEqual(HOUR);
    });

    it("of a rotation with grace lasts for as long after the grace", async () => {
      const { store, keyOf } = open();
      const { token, session } = await store.create({ userId: "ada" });
      await store.rotate(token, { grace: 5 * MINUTE });
      const left = await rig.redis.pttl(keyOf(session).replace(":s:", ":y:"));
      expect(left).toBeGreaterThan(HOUR + 4 * MINUTE);
      expect(left).toBeLessThanOrEqual(HOUR + 5 * MINUTE);
    });

    it("is not left without the option, and is read all the same", async () => {
      const { store, keys, again } = open({ endings: 0 });
      const issued = await Promise.all([1, 2, 3].map(() => store.create({ userId: "ada" })));
      const [first, second] = [present(issued[0]), present(issued[1])];
      await store.rotate(first.token);
      await store.revoke(second.token, { note: "lost" });
      await store.blockUser("ada", { note: "spam" });
      expect((await keys()).filter((key) => key.includes(":x:"))).toEqual([]);
      for (const { token } of issued) expect(await store.explain(token)).toEqual(UNKNOWN);
      await store.unblockUser("ada");
      const { token } = await store.create({ userId: "ada" });
      await again({ endings: HOUR }).revoke(token);
      expect(await store.explain(token)).toMatchObject({ state: "ended", reason: "revoked" });
    });

    it("is never taken for a session, whatever is under its key", async () => {
      const { store, keys, keyOf } = open();
      const issued = await store.create({ userId: "ada" });
      await store.revoke(issued.token);
      const key = keyOf(issued.session).replace(":s:", ":x:");
      const rubbish = [
        "",
        "rubbish",
        hashOf(issued.token),
        `${hashOf(issued.token)} r`,
        `${hashOf(issued.token)} Z 1 `,
      ];
      for (const text of [...rubbish, `${hashOf(issued.token)} r x lost`, `${hashOf(issued.token)} r 1 \\x`]) {
        await rig.redis.set(key, text, "PX", HOUR);
        await expectDead(store, issued);
        expect(await store.explain(issued.token)).toEqual(UNKNOWN);
      }
      await rig.redis.del(key);
      await rig.redis.hset(key, "h", hashOf(issued.token), "t", `${Date.now()} 0 1800000 43200000`);
      await rig.redis.pexpire(key, HOUR);
      await expectDead(store, issued);
      expect(await store.explain(issued.token)).toEqual(UNKNOWN);
      expect(await store.listForUser("ada")).toEqual([]);
      expect(await keys()).toEqual([key]);
    });
  });
}
