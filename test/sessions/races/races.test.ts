/** Races with the revocation of the very session that another verb is busy with. */
import { describe, expect, it } from "vitest";
import { keysUnder } from "../../harness/fixtures.js";
import { ORDERS, type Order, race, type Side } from "../../harness/gate.js";
import { expectIndex } from "../../harness/indexes.js";
import { startOpponents } from "./opponents.js";

// One has the request under way, the other the log-out.
const { redis, prefix, here, there, store, other } = await startOpponents();
let users = 0;

async function logIn() {
  const userId = `races ${users++}`;
  const { token, session } = await store.create({ userId, claims: { visits: 1 } });
  return { userId, token, id: session.id };
}

const revocation = (target: string): Side<boolean> => ({
  gate: there,
  script: "revoke",
  run: () => other.revoke(target),
});

/** Asserts that nothing at all is left of a user's only session. */
async function expectGone(userId: string, ...tokens: string[]): Promise<void> {
  for (const token of tokens) {
    expect(await store.get(token)).toBeNull();
    expect(await store.touch(token)).toBeNull();
    expect(await store.updateClaims(token, { late: true })).toBeNull();
    expect(await store.rotate(token)).toBeNull();
    expect(await keysUnder(redis, `${prefix}{${token.slice(10, 13)}}:s:${token.slice(0, 26)}`)).toEqual([]);
  }
  await expectIndex(redis, prefix, userId, []);
}

/** What the racing verb may give: a session when it came first, `null` when it came second. */
function expectOutcome(order: Order, outcome: unknown): void {
  if (order === "before") expect(outcome).not.toBeNull();
  if (order === "after") expect(outcome).toBeNull();
}

/** An order that is left to the network is tried several times. */
const times = (order: Order) => Array.from({ length: order === "at once with" ? 20 : 1 });

describe.each(ORDERS)("a verb that reaches Redis %s the revocation of its session", (order) => {
  it.each([
    ["touch", "touch", (token: string) => store.touch(token)],
    ["updateClaims with a patch", "update", (token: string) => store.updateClaims(token, { role: "admin" })],
    [
      "updateClaims with a function",
      "update",
      (token: string) => store.updateClaims(token, ({ visits }) => ({ visits: Number(visits) + 1 })),
    ],
    [
      "updateClaims that has yet to read",
      "get",
      (token: string) => store.updateClaims(token, ({ visits }) => ({ visits: Number(visits) + 1 })),
    ],
  ] as const)("does not bring it back: %s", async (_, script, verb) => {
    for (const _ of times(order)) {
      const { userId, token } = await logIn();
      const [session, revoked] = await race(order, { gate: here, script, run: () => verb(token) }, revocation(token));
      // Only the read comes before the revocation here; the write that follows still comes after.
      expectOutcome(script === "get" && order === "before" ? "after" : order, session);
      expect(revoked).toBe(true);
      await expectGone(userId, token);
    }
  });

  it("does not bring it back: updateClaimsForUser", async () => {
    for (const _ of times(order)) {
      const { userId, token } = await logIn();
      const run = () => store.updateClaimsForUser(userId, { role: "admin" });
      const [count, revoked] = await race(order, { gate: here, script: "updateUser", run }, revocation(token));
      expectOutcome(order, count === 0 ? null : count);
      expect(revoked).toBe(true);
      await expectGone(userId, token);
    }
  });

  it("leaves either the old token's revocation or the new token: rotate", async () => {
    for (const _ of times(order)) {
      const { userId, token } = await logIn();
      const run = () => store.rotate(token);
      const [rotated, revoked] = await race(order, { gate: here, script: "rotate", run }, revocation(token));
      expectOutcome(order, rotated);
      // Whoever came first made the old token dead for the other one.
      expect(revoked).toBe(rotated === null);
      await expectGoneToken(token);
      if (rotated === null) await expectGone(userId, token);
      else await expectIndex(redis, prefix, userId, [rotated.session.id]);
    }
  });

  it("ends both tokens when either is revoked: rotate with a grace, the old one revoked", async () => {
    for (const _ of times(order)) {
      const { userId, token } = await logIn();
      const run = () => store.rotate(token, { grace: 60_000 });
      const [rotated, revoked] = await race(order, { gate: here, script: "rotate", run }, revocation(token));
      expectOutcome(order, rotated);
      expect(revoked).toBe(true);
      await expectGone(userId, token, ...(rotated === null ? [] : [rotated.token]));
    }
  });

  it("ends both tokens when either is revoked: a verb on the old one, the new one revoked", async () => {
    const verbs = [
      ["touch", () => store.touch],
      ["update", () => (token: string) => store.updateClaims(token, { role: "admin" })],
      ["update", () => (token: string) => store.updateClaims(token, () => ({ role: "admin" }))],
    ] as const;
    for (const [script, verb] of verbs) {
      for (const _ of times(order)) {
        const { userId, token } = await logIn();
        const rotated = await store.rotate(token, { grace: 60_000 });
        if (rotated === null) throw new Error("The session should be live.");
        const [session, revoked] = await race(
          order,
          { gate: here, script, run: () => verb()(token) },
          revocation(rotated.token),
        );
        expectOutcome(order, session);
        expect(revoked).toBe(true);
        await expectGone(userId, token, rotated.token);
      }
    }
  });

  it("does not bring it back: the revocation by an administrator, who knows only the id", async () => {
    for (const _ of times(order)) {
      const { userId, token, id } = await logIn();
      const [session] = await race(
        order,
        { gate: here, script: "touch", run: () => store.touch(token) },
        revocation(id),
      );
      expectOutcome(order, session);
      await expectGone(userId, token);
    }
  });

  it("is one of two revocations, of which exactly one says that it ended the session", async () => {
    for (const _ of times(order)) {
      const { userId, token } = await logIn();
      const first: Side<boolean> = { gate: here, script: "revoke", run: () => store.revoke(token) };
      const outcomes = await race(order, first, revocation(token));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      if (order !== "at once with") expect(outcomes[0]).toBe(order === "before");
      await expectGone(userId, token);
    }
  });
});

async function expectGoneToken(token: string): Promise<void> {
  expect(await store.get(token)).toBeNull();
}
