/**
 * What load.ts does not do, because there every user does one thing after another: several calls about one session at once,
 * on several clients, and what is a matter of time. Each scene has a user of its own, so what must come out is known
 * exactly; a scene in which a call gets no answer ends there, because that call may yet run.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type IssuedSession, SessionLimitError, type SessionStore, UserBlockedError } from "../../../src/index.js";
import type { Dice } from "../../harness/dice.ts";
import { UNSURE } from "./calls.ts";
import { LIMIT, NoAnswer, Scene, type Stage } from "./scene.ts";

/** More than one page of the store. */
const CROWD = 300;
/** A session without a user that nobody knows of, because its creation got no answer, has to end with the soak. */
const GUEST = { idleTimeout: 15_000, absoluteTimeout: 15_000 };
/** The clock of Redis and of this process are one; what is computed from both may be apart by their rounding, ms. */
const ROUNDING = 2;

const add = ({ n }: Readonly<Record<string, unknown>>) => ({ n: Number(n) + 1 });

/** Many calls about one session at once: all updates survive. Then its end, in a race with all that could bring it back. */
async function race(scene: Scene): Promise<void> {
  const { dice, userId } = scene;
  const { token, session } = await scene.create();
  const increments = Array.from({ length: dice.within(2, 4) }, () =>
    scene.attempt("updateClaims with a function", (store) => store.updateClaims(token, add)),
  );
  const patches = ["a", "b"].map((name) =>
    scene.attempt("updateClaims", (store) => store.updateClaims(dice.pick([token, session.id]), { [name]: 1 })),
  );
  const forUser = scene.attempt("updateClaimsForUser", (store) => store.updateClaimsForUser(userId, { all: 1 }));
  const touched = scene.attempt("touch", (store) => store.touch(token));
  const listed = scene.attempt("listForUser", (store) => store.listForUser(userId));
  const forged = scene.attempt("get", (store) => store.get(`${session.id}.${"A".repeat(43)}`));
  const counted = await Promise.all(increments);
  const patched = await Promise.all(patches);
  const list = await listed;

  scene.expect("P6", [null, UNSURE].includes((await forged) as null), "a forged token opened a session");
  scene.expect("P8", ![...counted, ...patched, await touched].includes(null), "a call said null of a live session");
  scene.expect("P4", list === UNSURE || list.some(({ id }) => id === session.id), "a list lacks a live session");
  scene.expect("P4", [1, UNSURE].includes((await forUser) as 1), "updateClaimsForUser did not reach the one session");
  const now = await scene.ask("get", (store) => store.get(token));
  if (now === null) return scene.expect("P8", false, "get said null of a live session");
  const sure = counted.filter((outcome) => outcome !== UNSURE).length;
  const { n, a, b, all } = now.claims;
  scene.expect(
    "P3",
    Number(n) >= sure && Number(n) <= counted.length,
    `n is ${n} after ${sure}/${counted.length} updates`,
  );
  for (const [value, outcome] of [
    [a, patched[0]],
    [b, patched[1]],
    [all, await forUser],
  ] as const) {
    scene.expect("P3", value === 1 || outcome === UNSURE, "an update of another claim is lost");
  }

  const ends: Record<string, (store: SessionStore) => Promise<unknown>> = {
    "revoke by token": (store) => store.revoke(token),
    "revoke by id": (store) => store.revoke(session.id),
    revokeAllForUser: (store) => store.revokeAllForUser(userId),
    blockUser: (store) => store.blockUser(userId),
  };
  const end = dice.pick(Object.keys(ends));
  const [ended, rotated, created] = await Promise.all([
    scene.attempt(end, ends[end] as (store: SessionStore) => Promise<unknown>),
    scene.attempt("rotate", (store) => store.rotate(token)),
    scene.attempt("create", (store) => store.create({ userId }), [UserBlockedError]),
    scene.attempt("touch", (store) => store.touch(token)),
    scene.attempt("updateClaims with a function", (store) => store.updateClaims(token, add)),
    scene.attempt("updateClaims", (store) => store.updateClaims(token, { late: 1 })),
  ]);
  if (ended === UNSURE) throw new NoAnswer();
  await scene.expectDead(token, `${end} had ended`);
  const whole = end === "revokeAllForUser" || end === "blockUser";
  if (whole && rotated !== UNSURE && rotated !== null) {
    await scene.expectDead(rotated.token, `a rotation in a race with ${end} had made`);
  }
  if (end === "blockUser" && created !== UNSURE && !(created instanceof Error)) {
    await scene.expectDead(created.token, "a log-in in a race with blockUser had made");
  }
}

/** A session that is about to expire, used until it does. */
async function expire(scene: Scene): Promise<void> {
  const { dice } = scene;
  const idleTimeout = dice.within(200, 600);
  const { token, session } = await scene.create({ idleTimeout, absoluteTimeout: idleTimeout + dice.within(0, 900) });
  let { expiresAt } = session;
  for (;;) {
    await wait(dice.below(idleTimeout * 1.2));
    const begun = Date.now();
    const found = await scene.attempt("touch", (store) => store.touch(token));
    if (found === UNSURE) continue;
    if (found === null) {
      scene.expect("P5", Date.now() >= expiresAt - ROUNDING, `null ${expiresAt - Date.now()} ms before its time`);
      break;
    }
    expiresAt = found.expiresAt;
    scene.expect("P5", begun <= expiresAt + ROUNDING, `live ${begun - expiresAt} ms after its time`);
    scene.expect("P5", found.absoluteExpiresAt === session.absoluteExpiresAt, "the absolute deadline was moved");
    scene.expect("P5", expiresAt <= session.absoluteExpiresAt, "it may live beyond its absolute deadline");
  }
  // Redis keeps a key to the end of its last ms, and a touch refuses it in that ms already.
  await wait(ROUNDING);
  await scene.expectDead(token, "had expired");
  const late = await scene.ask("revoke", (store) => store.revoke(token));
  scene.expect("P2", !late, "what had expired was revoked");
}

/** The TTL of a session, cut short by hand. */
async function hasten(scene: Scene): Promise<void> {
  const { dice, stage } = scene;
  const { token, session } = await scene.create();
  const left = dice.within(20, 300);
  stage.hastened.add(session.id);
  const begun = Date.now();
  // Whoever waits for a server that is gone does so for seconds, and the server is then asked late.
  await stage.admin.pexpire(stage.keys.session(session.id), left).catch(() => {
    throw new NoAnswer();
  });
  const ends = Date.now() + left;
  const found = await scene.ask("get", (store) => store.get(token));
  scene.expect("P5", found !== null || Date.now() >= begun + left - ROUNDING, "null before its TTL was over");
  await wait(Math.max(0, ends - Date.now()) + ROUNDING);
  await scene.expectDead(token, "had no time left");
}

/** A rotation that lets the old token live on for a moment. */
async function grace(scene: Scene): Promise<void> {
  const { dice } = scene;
  const { token } = await scene.create();
  const grace = dice.within(100, 500);
  const begun = Date.now();
  const rotated = await scene.ask("rotate", (store) => store.rotate(token, { grace }));
  const ends = Date.now() + grace;
  if (rotated === null) return scene.expect("P8", false, "a rotation said null of a live session");
  const again = await scene.ask("rotate", (store) => store.rotate(token));
  scene.expect("P2", again === null, "what was rotated could be rotated again");
  const updated = await scene.ask("updateClaims", (store) => store.updateClaims(rotated.token, { late: true }));
  const old = await scene.ask("get", (store) => store.get(token));
  scene.expect("P8", old !== null || Date.now() >= begun + grace - ROUNDING, "the old token died before its grace");
  scene.expect("P3", updated?.claims["late"] === true, "an update in the grace got lost");
  if (old !== null) scene.expect("P3", old.claims["late"] === true, "an update did not reach the old token");
  if (dice.chance(0.5) && old !== null) {
    await scene.ask("revoke", (store) => store.revoke(token));
    if (Date.now() >= begun + grace - ROUNDING) return;
    await scene.expectDead(rotated.token, "was revoked by its old token");
  } else {
    await wait(Math.max(0, ends - Date.now()) + ROUNDING);
    await scene.expectDead(token, "had had its grace");
    await scene.expectLive(rotated.token, "took the place of one in its grace");
  }
}

/** More log-ins than a user may have sessions. */
async function limit(scene: Scene): Promise<void> {
  const { dice, userId } = scene;
  const policy = dice.pick(["evict-oldest", "evict-idle", "reject"] as const);
  const logIn = async () => {
    const issued = await scene.ask("create", (store) => store.create({ userId }), [SessionLimitError], policy);
    // Which of two is older is told by the ms.
    await wait(3);
    return issued;
  };
  const first: IssuedSession<Record<string, unknown>>[] = [];
  for (let count = 0; count < LIMIT; count++) {
    const issued = await logIn();
    if (issued instanceof Error) return scene.expect("P8", false, "a log-in was refused below the limit");
    first.push(issued);
  }
  const [a, b, c] = first.map(({ token }) => token) as [string, string, string];
  if (policy === "evict-idle") await scene.ask("touch", (store) => store.touch(a));
  const further = await logIn();
  const tokens = [a, b, c].filter((token) => further instanceof Error || token !== (policy === "evict-idle" ? b : a));
  scene.expect("the limit", further instanceof Error === (policy === "reject"), `${policy} did not do what it says`);
  for (const token of tokens) await scene.expectLive(token, `${policy} had to spare`);
  if (!(further instanceof Error)) await scene.expectDead(policy === "evict-idle" ? b : a, `${policy} had to end`);

  await Promise.all(Array.from({ length: 3 }, logIn));
  const listed = await scene.ask("listForUser", (store) => store.listForUser(userId));
  scene.expect(
    "the limit",
    listed.length === LIMIT,
    `${listed.length} sessions where ${LIMIT} are allowed (${policy})`,
  );
}

/** A block, for a while or for good. */
async function block(scene: Scene): Promise<void> {
  const { dice, userId } = scene;
  const { token } = await scene.create();
  const guest = await scene.ask("create", (store) => store.create({ ...GUEST, claims: { cart: [1] } }));
  // Much longer than a call may wait for a server that is gone: a block that is over when it is made is refused.
  const until = dice.chance(0.5) ? Date.now() + dice.within(2200, 2800) : undefined;
  await scene.ask("blockUser", (store) => store.blockUser(userId, { until, reason: "a soak" }));
  await scene.expectDead(token, "blockUser had ended");
  const logIn = () => scene.ask("create", (store) => store.create({ userId }), [UserBlockedError]);
  const refused = await logIn();
  const isOver = () => until !== undefined && Date.now() >= until - ROUNDING;
  scene.expect("P1", refused instanceof Error || isOver(), "a blocked user could log in");
  const entered = await scene.ask("rotate", (store) => store.rotate(guest.token, { userId }), [UserBlockedError]);
  scene.expect("P1", entered instanceof Error || isOver(), "a blocked user could log in as a guest");
  const found = await scene.ask("getBlock", (store) => store.getBlock(userId));
  scene.expect("P1", (found !== null && found.until === (until ?? null)) || isOver(), "the block is not there");

  if (until === undefined) await scene.ask("unblockUser", (store) => store.unblockUser(userId));
  else await wait(Math.max(0, until - Date.now()) + ROUNDING);
  const after = await logIn();
  scene.expect("P5", !(after instanceof Error), "a block lasted too long");
  await scene.expectDead(token, "blockUser had ended, and the block is over");
}

/** A guest who logs in while the cart fills up. */
async function logIn(scene: Scene): Promise<void> {
  const { userId } = scene;
  const guest = await scene.ask("create", (store) => store.create({ ...GUEST, claims: { n: 0, cart: ["a"] } }));
  const [entered, ...added] = await Promise.all([
    scene.attempt("rotate", (store) => store.rotate(guest.token, { userId })),
    ...[1, 2].map(() => scene.attempt("updateClaims with a function", (store) => store.updateClaims(guest.token, add))),
  ]);
  if (entered === UNSURE) throw new NoAnswer();
  // Also where the reply to its last step was lost, and the second run found the guest gone.
  if (entered === null) return scene.expect("P8", false, "a log-in said null of a live guest");
  await scene.expectDead(guest.token, "had logged in");
  const now = await scene.ask("get", (store) => store.get(entered.token));
  if (now === null) return scene.expect("P8", false, "get said null of who had logged in");
  const sure = added.filter((outcome) => outcome !== UNSURE && outcome !== null).length;
  const { n, cart } = now.claims;
  scene.expect("P3", Number(n) >= sure && Array.isArray(cart), `n is ${n} after ${sure} updates of the guest`);
}

/** A user with more sessions than one page of the store. */
async function crowd(scene: Scene): Promise<void> {
  const { userId } = scene;
  const { losses } = scene;
  const issued = await Promise.all(Array.from({ length: CROWD }, () => scene.create()));
  const tokens = issued.map(({ token }) => token);
  const reached = await scene.ask("updateClaimsForUser", (store) => store.updateClaimsForUser(userId, { role: "x" }));
  const listed = await scene.ask("listForUser", (store) => store.listForUser(userId));
  scene.expect("P4", reached === CROWD, `updateClaimsForUser reached ${reached} of ${CROWD}`);
  scene.expect("P4", listed.length === CROWD, `a list names ${listed.length} of ${CROWD}`);
  scene.expect(
    "P3",
    listed.every(({ claims }) => claims["role"] === "x"),
    "not all got their role",
  );
  const spared = tokens[0] as string;
  const ended = await scene.ask("revokeAllForUser", (s) => s.revokeAllForUser(userId, { except: spared }));
  // A page whose reply was lost is run again, and then finds nothing to end.
  scene.expect("P4", ended === CROWD - 1 || scene.losses > losses, `revokeAllForUser ended ${ended} of ${CROWD - 1}`);
  await scene.expectLive(spared, "was spared");
  for (const token of tokens.slice(1)) {
    const found = await scene.ask("get", (store) => store.get(token));
    scene.expect("P1", found === null, "revokeAllForUser left one of very many");
  }
}

const SCENES = { race, expire, hasten, grace, limit, block, logIn, crowd };
const WEIGHTS = { race: 30, expire: 12, hasten: 8, grace: 8, limit: 8, block: 8, logIn: 10, crowd: 0.3 };

/** Plays one scene. */
export async function play(stage: Stage, dice: Dice): Promise<void> {
  const scene = new Scene(stage, dice);
  const { userId } = scene;
  stage.left.add(userId);
  try {
    await SCENES[dice.weighed(WEIGHTS)](scene);
    await scene.ask("unblockUser", (store) => store.unblockUser(userId));
    await scene.ask("revokeAllForUser", (store) => store.revokeAllForUser(userId));
    stage.left.delete(userId);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
  }
}
