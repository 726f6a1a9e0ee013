/**
 * Races with the log-in of a guest, which takes three steps in two slots: read the guest's session, make the user's, end
 * the guest's. Whatever happens between two of them, there is one session in the end or none, and no claim is lost.
 */
import { describe, expect, it } from "vitest";
import { createSessionStore, type IssuedSession, type Session, UserBlockedError } from "../../../src/index.js";
import { connect, guardKeyspace, uniquePrefix } from "../../harness/fixtures.js";
import { gated, interrupt, type Moment, type ScriptName } from "../../harness/gate.js";
import { expectIndex } from "../../harness/indexes.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);

const [here, there] = [await gated(connect()), await gated(connect())];
const store = createSessionStore(here, { prefix });
const other = createSessionStore(there, { prefix });
let users = 0;

/** Everywhere that a log-in can be held: before it begins, between its steps, and before its end is known. */
const GATES: [place: string, script: ScriptName, moment: Moment][] = [
  ["before the guest is read", "get", "before"],
  ["after the guest is read", "get", "after"],
  ["before the user's session is made", "create", "before"],
  ["after the user's session is made", "create", "after"],
  ["before the guest's session ends", "logIn", "before"],
  ["after the guest's session has ended", "logIn", "after"],
];

async function guestAndUser(): Promise<{ guest: IssuedSession<Record<string, unknown>>; userId: string }> {
  return { guest: await other.create({ claims: { cart: ["hat"] } }), userId: `log-in ${users++}` };
}

/** Asserts that the outcome of a log-in is what Redis holds: one session, or none at all. */
async function expectOutcome(
  userId: string,
  outcome: { token: string; session: Session } | null,
  guest: string,
): Promise<void> {
  expect(await other.get(guest)).toBeNull();
  await expectIndex(redis, prefix, userId, outcome === null ? [] : [outcome.session.id]);
  if (outcome !== null) expect(await other.get(outcome.token)).toEqual(outcome.session);
}

describe.each(GATES)("a log-in that is held %s", (_, script, moment) => {
  const ended = script === "logIn" && moment === "after";

  it("fails when the guest's session is revoked, and leaves no session", async () => {
    const { guest, userId } = await guestAndUser();
    const [outcome, revoked] = await interrupt(
      here,
      script,
      moment,
      () => store.rotate(guest.token, { userId }),
      () => other.revoke(guest.token),
    );
    expect(revoked).toBe(!ended);
    expect(outcome === null).toBe(!ended);
    await expectOutcome(userId, outcome, guest.token);
  });

  it("fails when the guest's session is rotated, which lives on as a guest's", async () => {
    const { guest, userId } = await guestAndUser();
    const [outcome, rotated] = await interrupt(
      here,
      script,
      moment,
      () => store.rotate(guest.token, { userId }),
      () => other.rotate(guest.token),
    );
    expect(rotated === null).toBe(ended);
    expect(outcome === null).toBe(!ended);
    await expectOutcome(userId, outcome, guest.token);
    if (rotated !== null)
      expect(await other.get(rotated.token)).toMatchObject({ userId: null, claims: { cart: ["hat"] } });
  });

  it("is the only one of two log-ins on the same guest that succeeds", async () => {
    const { guest, userId } = await guestAndUser();
    const second = `${userId} too`;
    const [outcome, faster] = await interrupt(
      here,
      script,
      moment,
      () => store.rotate(guest.token, { userId }),
      () => other.rotate(guest.token, { userId: second }),
    );
    expect(faster === null).toBe(ended);
    expect(outcome === null).toBe(!ended);
    await expectOutcome(userId, outcome, guest.token);
    await expectOutcome(second, faster, guest.token);
  });

  it("carries every claim over that the guest gained, changed or lost meanwhile", async () => {
    const { guest, userId } = await guestAndUser();
    await other.updateClaims(guest.token, { coupon: "old", tracking: true });
    const [outcome, updated] = await interrupt(
      here,
      script,
      moment,
      () => store.rotate(guest.token, { userId, claims: { role: "member" } }),
      async () => {
        await other.updateClaims(guest.token, ({ cart }) => ({ cart: [...(cart as string[]), "coat"] }));
        return other.updateClaims(guest.token, { coupon: "new", tracking: undefined, theme: "dark" });
      },
    );
    expect(updated === null).toBe(ended);
    expect(outcome?.session.claims).toEqual(
      ended
        ? { cart: ["hat"], coupon: "old", tracking: true, role: "member" }
        : { cart: ["hat", "coat"], coupon: "new", theme: "dark", role: "member" },
    );
    await expectOutcome(userId, outcome, guest.token);
  });

  it("fails when the guest's session is rotated with a grace, and loses no claim that comes by way of it", async () => {
    const { guest, userId } = await guestAndUser();
    const [outcome, rotated] = await interrupt(
      here,
      script,
      moment,
      () => store.rotate(guest.token, { userId }),
      async () => {
        const successor = await other.rotate(guest.token, { grace: 60_000 });
        if (successor !== null) await other.updateClaims(successor.token, { cart: ["hat", "coat"] });
        return successor;
      },
    );
    // What was rotated already logs nobody in; the guest keeps it all under the new token.
    expect([outcome === null, rotated === null]).toEqual([!ended, ended]);
    expect((await other.get(rotated?.token))?.claims).toEqual(ended ? undefined : { cart: ["hat", "coat"] });
    await expectIndex(redis, prefix, userId, outcome === null ? [] : [outcome.session.id]);
  });

  it("is refused or revoked when the user is blocked", async () => {
    const { guest, userId } = await guestAndUser();
    const made = script === "logIn" || (script === "create" && moment === "after");
    const attempt = () => store.rotate(guest.token, { userId }).catch((error: unknown) => error);
    const [outcome, count] = await interrupt(here, script, moment, attempt, () => other.blockUser(userId));
    expect(count).toBe(made ? 1 : 0);
    if (!made) expect(outcome).toBeInstanceOf(UserBlockedError);
    else expect(await other.get((outcome as IssuedSession<object>).token)).toBeNull();
    await expectIndex(redis, prefix, userId, []);
    // A log-in that is refused takes nothing from the guest.
    expect((await other.get(guest.token)) === null).toBe(made);
    await other.unblockUser(userId);
  });

  it("leaves no session of the user that revokeAllForUser does not reach", async () => {
    const { guest, userId } = await guestAndUser();
    const made = script === "logIn" || (script === "create" && moment === "after");
    const [outcome, count] = await interrupt(
      here,
      script,
      moment,
      () => store.rotate(guest.token, { userId }),
      () => other.revokeAllForUser(userId),
    );
    expect(count).toBe(made ? 1 : 0);
    await expectIndex(redis, prefix, userId, made ? [] : [outcome?.session.id ?? ""]);
    expect((await other.get(outcome?.token)) === null).toBe(made);
    expect(await other.get(guest.token)).toBeNull();
  });
});

describe("a log-in on another user's session", () => {
  it("ends that session and fails when it is revoked meanwhile", async () => {
    const previous = `log-in ${users++}`;
    const userId = `log-in ${users++}`;
    const { token } = await other.create({ userId: previous, claims: { secretOf: previous } });
    const [outcome, count] = await interrupt(
      here,
      "logIn",
      "before",
      () => store.rotate(token, { userId }),
      () => other.revokeAllForUser(previous),
    );
    expect([outcome, count]).toEqual([null, 1]);
    await expectIndex(redis, prefix, userId, []);
    await expectIndex(redis, prefix, previous, []);
  });
});
