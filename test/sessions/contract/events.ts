/** `store.events` and the channels of `node:diagnostics_channel`. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import type { SessionEvents, SessionStore } from "../../../src/index.js";
import { HOUR, MINUTE, present, type Rig, withOtherSecret } from "./rig.js";

const NAMES = [
  ...(["created", "rotated", "updated", "revoked", "rejected"] as const),
  ...(["blocked", "unblocked", "unavailable"] as const),
] satisfies (keyof SessionEvents)[];

type Heard = [name: string, payload: unknown];

/** Listens to everything a store tells. Gives what it told since the last call. */
function listen(store: Pick<SessionStore, "events">): () => Heard[] {
  const heard: Heard[] = [];
  for (const name of NAMES) store.events.on(name, (payload: unknown) => heard.push([name, payload]));
  return () => heard.splice(0);
}

export function describeEvents(rig: Rig): void {
  describe("events", () => {
    it("tell of a session that is created", async () => {
      const { store } = rig.open();
      const told = listen(store);
      const ada = (await store.create({ userId: "ada", claims: { role: "admin" }, client: { ip: "::1" } })).session;
      const guest = (await store.create()).session;
      expect(told()).toEqual([
        ["created", { id: ada.id, userId: "ada", client: { ip: "::1" } }],
        ["created", { id: guest.id, userId: null, client: {} }],
      ]);
    });

    it("tell of nothing for what only reads", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      const told = listen(store);
      await store.get(token);
      await store.touch(token);
      await store.find(session.id);
      await store.find("rubbish");
      await store.find(withOtherSecret(token).slice(0, 25).padEnd(26, "0"));
      await store.listForUser("ada");
      await store.getBlock("ada");
      await store.unblockUser("ada");
      expect(told()).toEqual([]);
    });

    it("tell of a rotation, and by the user ids whether it was a log-in", async () => {
      const { store } = rig.open();
      const guest = await store.create({ client: { userAgent: "Firefox" } });
      const told = listen(store);
      const login = present(await store.rotate(guest.token, { userId: "ada" }));
      const next = present(await store.rotate(login.token, { grace: MINUTE }));
      const switched = present(await store.rotate(next.token, { userId: "bob" }));
      const client = { userAgent: "Firefox" };
      const ids = [guest, login, next, switched].map(({ session }) => session.id);
      expect(told()).toEqual([
        ["rotated", { id: ids[1], previousId: ids[0], userId: "ada", previousUserId: null, client }],
        ["rotated", { id: ids[2], previousId: ids[1], userId: "ada", previousUserId: "ada", client }],
        ["rotated", { id: ids[3], previousId: ids[2], userId: "bob", previousUserId: "ada", client }],
      ]);
    });

    it("tell which claims were changed, by name", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create({ userId: "ada", claims: { a: 1 } });
      const told = listen(store);
      await store.updateClaims(token, { a: undefined, "b\n:": 1 });
      await store.updateClaims(session.id, () => ({ c: 1 }));
      await store.updateClaimsForUser("ada", { d: 1 });
      await store.updateClaimsForUser("nobody", { e: 1 });
      const updated = (claims: string[]) => ["updated", { id: session.id, userId: "ada", claims }];
      expect(told()).toEqual([updated(["a", "b\n:"]), updated(["c"]), updated(["d"])]);
    });

    it("tell of a revocation and its reason", async () => {
      const { store, age } = rig.open({ maxSessionsPerUser: 1, idleTimeout: 2 * HOUR });
      const told = listen(store);
      const reasons = async (act: () => Promise<unknown>) => {
        const { session } = await store.create({ userId: "ada" });
        await age(session, HOUR);
        told();
        await act();
        return told().filter(([name, payload]) => name === "revoked" && (payload as { id: string }).id === session.id);
      };
      const revoked = (reason: string) => [["revoked", expect.objectContaining({ userId: "ada", reason })]];
      expect(await reasons(async () => store.revoke((await store.listForUser("ada"))[0]?.id))).toEqual(
        revoked("revoked"),
      );
      expect(await reasons(() => store.revokeAllForUser("ada"))).toEqual(revoked("user"));
      expect(await reasons(() => store.create({ userId: "ada" }))).toEqual(revoked("limit"));
      expect(await reasons(() => store.blockUser("ada"))).toEqual(revoked("blocked"));
    });

    it("tell of a guest's revocation, and of nothing when nothing was live", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create();
      const told = listen(store);
      await store.revoke(session.id);
      expect(told()).toEqual([["revoked", { id: session.id, userId: null, reason: "revoked" }]]);
      await store.revoke(session.id);
      await store.revokeAllForUser("ada");
      expect(told()).toEqual([]);
      await store.revoke(token);
      expect(told()).toEqual([["rejected", { id: session.id, reason: "unknown" }]]);
    });

    it("tell of a block before the sessions that it ends, and of its end only if somebody lifts it", async () => {
      const { store } = rig.open();
      const { session } = await store.create({ userId: "ada" });
      const told = listen(store);
      await store.blockUser("ada", { reason: "not told" });
      const until = Date.now() + HOUR;
      await store.blockUser("ada", { until });
      await expect(store.blockUser("bob", { until: 1 })).rejects.toThrow(RangeError);
      expect(told()).toEqual([
        ["blocked", { userId: "ada", until: null }],
        ["revoked", { id: session.id, userId: "ada", reason: "blocked" }],
        ["blocked", { userId: "ada", until }],
      ]);
      await store.unblockUser("ada");
      await store.unblockUser("ada");
      expect(told()).toEqual([["unblocked", { userId: "ada" }]]);
    });

    it("tell of both ids that end when a rotation has made them two", async () => {
      const { store } = rig.open();
      const old = await store.create({ userId: "ada" });
      const fresh = present(await store.rotate(old.token, { grace: MINUTE }));
      const told = listen(store);
      await store.revoke(old.token);
      const ended = told().map(([, payload]) => payload);
      expect(ended).toHaveLength(2);
      for (const { session } of [old, fresh]) {
        expect(ended).toContainEqual({ id: session.id, userId: "ada", reason: "revoked" });
      }
    });

    it("tell why a token was refused, for every verb that takes one", async () => {
      const { store } = rig.open();
      const { token, session } = await store.create({ userId: "ada" });
      const gone = await store.create({ userId: "ada" });
      await store.revoke(gone.token);
      const old = await store.create({ userId: "ada" });
      present(await store.rotate(old.token, { grace: MINUTE }));
      const told = listen(store);
      const verbs: ((token: string) => Promise<unknown>)[] = [
        (token) => store.get(token),
        (token) => store.touch(token),
        (token) => store.updateClaims(token, { a: 1 }),
        (token) => store.updateClaims(token, () => ({ a: 1 })),
        (token) => store.revoke(token),
        (token) => store.rotate(token),
        (token) => store.rotate(token, { userId: "ada" }),
        (token) => store.rotate(token, { userId: "eve" }),
      ];
      for (const verb of verbs) {
        await verb("rubbish");
        await verb(gone.token);
        await verb(withOtherSecret(token));
        expect(told()).toEqual([
          ["rejected", { id: null, reason: "malformed" }],
          ["rejected", { id: gone.session.id, reason: "unknown" }],
          ["rejected", { id: session.id, reason: "secret" }],
        ]);
      }
      for (const rotate of verbs.slice(-3)) {
        await rotate(old.token);
        expect(told()).toEqual([["rejected", { id: old.session.id, reason: "superseded" }]]);
      }
    });

    it("are published on diagnostics channels with the same payloads, frozen", async () => {
      const { store } = rig.open();
      const told = listen(store);
      const published: Heard[] = [];
      for (const name of NAMES) {
        const subscriber = (payload: unknown) => published.push([name, payload]);
        subscribe(`coatcheck:${name}`, subscriber);
        onTestFinished(() => void unsubscribe(`coatcheck:${name}`, subscriber));
      }
      const { token } = await store.create({ userId: "ada" });
      await store.updateClaims(token, { a: 1 });
      const rotated = present(await store.rotate(token));
      await store.get(token);
      await store.revoke(rotated.token);
      expect(published.map(([name]) => name)).toEqual(["created", "updated", "rotated", "rejected", "revoked"]);
      expect(published).toEqual(told());
      for (const [, payload] of published) expect(Object.isFrozen(payload)).toBe(true);
    });

    it("hold no token, no secret and no value of a claim, and neither does the store", async () => {
      const { store } = rig.open({ maxSessionsPerUser: 1 });
      const told = listen(store);
      const tokens: string[] = [];
      const guest = await store.create({ claims: { note: "confidential" } });
      const login = present(await store.rotate(guest.token, { userId: "ada" }));
      const next = present(await store.rotate(login.token, { grace: MINUTE, claims: { note: "confidential too" } }));
      tokens.push(guest.token, login.token, next.token, withOtherSecret(next.token));
      await store.get(tokens[3]);
      await store.get(`${next.token}x`);
      await store.rotate(login.token);
      await store.updateClaims(next.token, { note: "confidential as well" });
      tokens.push((await store.create({ userId: "ada" })).token);
      await store.blockUser("ada");
      const text = inspect([told(), store], { depth: 20, showHidden: true });
      expect(text).toContain("superseded");
      expect(text).not.toContain("confidential");
      for (const token of tokens) expect(text).not.toContain(token.slice(27));
    });
  });
}
