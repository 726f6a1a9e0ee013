/**
 * Races with the log-in of a guest, which takes three steps in two slots: read the guest's session, make the user's, end
 * the guest's. Whatever happens between two of them, there is one session in the end or none, and no claim is lost.
 */
import { describe, expect, it } from "vitest";
import {
  ClaimsError,
  createSessionStore,
  type IssuedSession,
  type Session,
  UserBlockedError,
} from "../../../src/index.js";
import { bucketOfUser } from "../../../src/leaves/token.js";
import { Keys } from "../../../src/sessions/keys.js";
import { interrupt, type Moment, type ScriptName } from "../../harness/gate.js";
import { expectIndex } from "../../harness/indexes.js";
import { present } from "../contract/rig.js";
import { startOpponents } from "./opponents.js";

const { redis, prefix, here, there, store, other } = await startOpponents();
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

/** Another user whose sessions lie in a bucket; one user in 32 768 does. */
function userIn(bucket: string): string {
  for (let n = 0; ; n++) if (bucketOfUser(`another ${n}`) === bucket) return `another ${n}`;
}

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

  it("succeeds beside another log-in of the same user, and both have the guest's claims", async () => {
    const { guest, userId } = await guestAndUser();
    const [outcome, faster] = await interrupt(
      here,
      script,
      moment,
      () => store.rotate(guest.token, { userId, claims: { tab: 1 } }),
      async () => {
        if (!ended) await other.updateClaims(guest.token, { cart: ["hat", "coat"], coupon: "new" });
        return other.rotate(guest.token, { userId, claims: { tab: 2 } });
      },
    );
    const claims = ended ? { cart: ["hat"] } : { cart: ["hat", "coat"], coupon: "new" };
    expect(outcome?.session).toMatchObject({ userId, claims: { ...claims, tab: 1 } });
    expect(faster?.session).toMatchObject({ userId, claims: { ...claims, tab: 2 } });
    for (const issued of [outcome, faster]) expect(await other.get(issued?.token)).toEqual(issued?.session);
    expect(await other.get(guest.token)).toBeNull();
    await expectIndex(redis, prefix, userId, [outcome?.session.id ?? "", faster?.session.id ?? ""]);
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

describe("a second log-in on the same token", () => {
  const remember = { ip: "192.0.2.1", userAgent: "a browser" };

  it.each([1, 2, 5])("succeeds %i times for the same user, with the guest's claims and client", async (times) => {
    const userId = `log-in ${users++}`;
    const guest = await other.create({ claims: { cart: ["hat"] }, client: remember });
    await other.rotate(guest.token, { userId });
    for (let time = 0; time < times; time++) {
      const again = await other.rotate(guest.token, { userId });
      expect(again?.session).toMatchObject({ userId, claims: { cart: ["hat"] }, client: remember });
      expect(await other.get(again?.token)).toEqual(again?.session);
    }
    expect(await other.listForUser(userId)).toHaveLength(1 + times);
  });

  it("adds no session above the limit to a user's own", async () => {
    const userId = `log-in ${users++}`;
    const limited = createSessionStore(there, { prefix, maxSessionsPerUser: 1 });
    const { token } = await limited.create({ userId });
    const first = await limited.rotate(token, { userId });
    expect(await limited.rotate(token, { userId })).toBeNull();
    expect((await limited.listForUser(userId)).map(({ id }) => id)).toEqual([first?.session.id]);
  });

  it("tells whom it follows, as the first one does", async () => {
    const { guest, userId } = await guestAndUser();
    const heard: unknown[] = [];
    const refused: unknown[] = [];
    const own = createSessionStore(there, { prefix });
    own.events.on("rotated", ({ previousId, previousUserId }) => heard.push([previousId, previousUserId]));
    own.events.on("rejected", ({ reason }) => refused.push(reason));
    await own.rotate(guest.token, { userId });
    await own.rotate(guest.token, { userId });
    expect(heard).toEqual([
      [guest.session.id, null],
      [guest.session.id, null],
    ]);
    expect(refused).toEqual([]);
  });

  it("succeeds on a user's own session, too, whose claims and log-in go on in both", async () => {
    const userId = `log-in ${users++}`;
    const { token } = await other.create({ userId, claims: { cart: ["hat"] } });
    const [first, second] = [
      await other.rotate(token, { userId, claims: { tab: 1 } }),
      await other.rotate(token, { userId, claims: { tab: 2 } }),
    ];
    expect(first?.session).toMatchObject({ userId, claims: { cart: ["hat"], tab: 1 } });
    expect(second?.session).toMatchObject({ userId, claims: { cart: ["hat"], tab: 2 } });
    await expectIndex(redis, prefix, userId, [first?.session.id ?? "", second?.session.id ?? ""]);
  });

  it("takes nothing along of what the first one changed, on a user's own session as on a guest's", async () => {
    const userId = `log-in ${users++}`;
    const lasting = { idleTimeout: 100_000, absoluteTimeout: 300_000, persistent: true };
    const own = await other.create({ userId, claims: { step: "password" }, client: remember, ...lasting });
    const change = { claims: { step: "done", mfa: true }, client: { ip: "192.0.2.9" }, persistent: false };
    const guest = await other.create({ claims: { step: "password" }, client: remember });
    for (const { token } of [own, guest]) {
      await other.rotate(token, { userId, ...change });
      const again = await other.rotate(token, { userId });
      expect(again?.session).toMatchObject({ claims: { step: "password" }, client: remember });
      expect(again?.session.claims).not.toHaveProperty("mfa");
      if (token !== own.token) continue;
      // It goes on as long as the session that it came from would have.
      const { persistent, authenticatedAt, expiresAt, absoluteExpiresAt } = present(again).session;
      expect(persistent).toBe(true);
      expect(expiresAt - Number(authenticatedAt)).toBe(100_000);
      expect(absoluteExpiresAt - Number(authenticatedAt)).toBe(300_000);
    }
  });

  it.each<[string, (userId: string, first: string) => Promise<unknown>]>([
    ["all claims of the user have changed", (userId) => other.updateClaimsForUser(userId, { role: "user" })],
    ["its claims have changed", (_, first) => other.updateClaims(first, { role: "user" })],
    ["it was revoked", (_, first) => other.revoke(first)],
    ["all sessions of the user were revoked", (userId) => other.revokeAllForUser(userId)],
    ["it was rotated", (_, first) => other.rotate(first)],
    ["it was rotated with a grace", (_, first) => other.rotate(first, { grace: 60_000 })],
  ])("brings nothing back of a user's own session when %s since the first one", async (_, change) => {
    const userId = `log-in ${users++}`;
    const { token } = await other.create({ userId, claims: { role: "admin" } });
    const first = await other.rotate(token, { userId });
    expect(await change(userId, first?.token ?? "")).toBeTruthy();
    const before = await other.listForUser(userId);
    expect(await other.rotate(token, { userId })).toBeNull();
    expect(await other.rotate(token, { userId, claims: { tab: 2 } })).toBeNull();
    expect(await other.listForUser(userId)).toEqual(before);
  });

  it("is refused to a user who was blocked since the first one", async () => {
    const userId = `log-in ${users++}`;
    const own = await other.create({ userId });
    const guest = await other.create();
    for (const { token } of [own, guest]) await other.rotate(token, { userId });
    await other.blockUser(userId, { until: Date.now() + 60_000 });
    expect(await other.rotate(own.token, { userId })).toBeNull();
    await expect(other.rotate(guest.token, { userId })).rejects.toThrow(UserBlockedError);
    expect(await other.listForUser(userId)).toEqual([]);
  });

  it("succeeds on another user's session, and neither takes a claim of that user along", async () => {
    const [previous, userId] = [`log-in ${users++}`, `log-in ${users++}`];
    const { token, session } = await other.create({ userId: previous, claims: { secretOf: previous } });
    const both = [await other.rotate(token, { userId }), await other.rotate(token, { userId })];
    for (const issued of both) expect(issued?.session).toMatchObject({ userId, claims: {} });
    const trail = await redis.hgetall(new Keys(prefix).trail(session.id));
    expect(JSON.stringify(trail)).not.toContain("secretOf");
  });

  it("is judged by the schema of the claims, as the first one is", async () => {
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) => ({ value: value as Record<string, unknown> }),
      },
    };
    const strict = createSessionStore(there, { prefix, claims: schema });
    const userId = `log-in ${users++}`;
    const guest = await strict.create({ claims: { cart: ["hat"] } });
    const user = await strict.create({ userId, claims: { cart: ["cap"] } });
    for (const [token, cart] of [
      [guest.token, "hat"],
      [user.token, "cap"],
    ]) {
      await strict.rotate(token, { userId, claims: { tab: 1 } });
      const second = await strict.rotate(token, { userId, claims: { tab: 2 } });
      expect(second?.session.claims).toEqual({ cart: [cart], tab: 2 });
    }
  });

  it("is refused to another user, to a wrong secret, and to whom it is no log-in", async () => {
    const { guest, userId } = await guestAndUser();
    await other.rotate(guest.token, { userId });
    expect(await other.rotate(guest.token, { userId: `${userId} too` })).toBeNull();
    const forged = `${guest.session.id}.${"A".repeat(43)}`;
    expect(await other.rotate(forged, { userId })).toBeNull();
    expect(await other.rotate(guest.token)).toBeNull();
    expect(await other.rotate(guest.token, { reauthenticated: true })).toBeNull();
    for (const token of [guest.token, forged]) expect(await other.get(token)).toBeNull();
    expect(await other.touch(guest.token)).toBeNull();
    expect(await other.find(guest.session.id)).toBeNull();
    expect(await other.revoke(guest.token)).toBe(false);
    expect(await other.updateClaims(guest.token, { cart: [] })).toBeNull();
    expect(await other.listForUser(userId)).toHaveLength(1);
  });

  it("is refused to another user and to a wrong secret on a user's own session, too", async () => {
    const userId = `log-in ${users++}`;
    // Of two users with one bucket, one step could give the session of the first to the second.
    const another = userIn(bucketOfUser(userId));
    const { token, session } = await other.create({ userId, claims: { cart: ["hat"] } });
    const first = present(await other.rotate(token, { userId }));
    expect(await other.rotate(`${session.id}.${"A".repeat(43)}`, { userId })).toBeNull();
    expect(await other.rotate(token, { userId: another })).toBeNull();
    expect(await other.listForUser(userId)).toEqual([first.session]);
    expect(await other.listForUser(another)).toEqual([]);
    // Nothing but the secret and the user stood in the way.
    expect(await other.rotate(token, { userId })).not.toBeNull();
  });

  it("comes too late if the user's own session would have reached its absolute deadline since the first one", async () => {
    const userId = `log-in ${users++}`;
    const { token, session } = await other.create({ userId });
    await other.rotate(token, { userId });
    const trail = new Keys(prefix).trail(session.id);
    const [created, ...times] = present(await redis.hget(trail, "t")).split(" ");
    const lifetime = session.absoluteExpiresAt - session.createdAt;
    await redis.hset(trail, "t", [Number(created) - lifetime - 1000, ...times].join(" "));
    expect(await other.rotate(token, { userId })).toBeNull();
    expect(await other.listForUser(userId)).toHaveLength(1);
  });

  it.each(["revoke", "rotate"] as const)("is refused after a %s of the guest, which is no log-in", async (verb) => {
    const { guest, userId } = await guestAndUser();
    expect(await other[verb](guest.token)).toBeTruthy();
    expect(await other.rotate(guest.token, { userId })).toBeNull();
    expect(await other.listForUser(userId)).toEqual([]);
  });

  it("comes too late after ten seconds", async () => {
    const { guest, userId } = await guestAndUser();
    await other.rotate(guest.token, { userId });
    const left = await redis.pttl(new Keys(prefix).trail(guest.session.id));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(10_000);
    await redis.del(new Keys(prefix).trail(guest.session.id));
    expect(await other.rotate(guest.token, { userId })).toBeNull();
  });
});

describe("a log-in whose guest has got claims meanwhile that do not fit", () => {
  const most = 100;
  const [roomy, tight] = [there, here].map((redis) => createSessionStore(redis, { prefix, maxClaimsBytes: most }));
  const schema = {
    "~standard": {
      version: 1 as const,
      vendor: "test",
      validate: (value: unknown) =>
        "forbidden" in (value as object) ? { issues: [{ message: "forbidden" }] } : { value: value as object },
    },
  };
  const strict = createSessionStore<Record<string, unknown>>(here, { prefix, claims: schema as never });

  it.each([
    ["too many bytes", tight, { cart: "x".repeat(60) }],
    ["what the schema refuses", strict, { forbidden: true }],
  ])("rejects for %s, leaves no session of the user, and leaves the guest as it was", async (_, mine, change) => {
    const userId = `log-in ${users++}`;
    const guest = present(await roomy?.create({ claims: { cart: "" } }));
    const logIn = () => mine?.rotate(guest.token, { userId, claims: { note: "y".repeat(60) } });
    const [error] = await interrupt(
      here,
      "logIn",
      "before",
      async () => Promise.resolve(logIn()).catch((reason: unknown) => reason),
      () => other.updateClaims(guest.token, change),
    );
    expect(error).toBeInstanceOf(ClaimsError);
    expect(await other.listForUser(userId)).toEqual([]);
    expect(await other.get(guest.token)).toMatchObject({ claims: change });
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
