/**
 * Sessions of express-session's store during a soak, in the same Redis: what was destroyed stays so, whichever request was
 * under way, and no change of another property is lost.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { RedisStore } from "../../../src/express-session.js";
import type { Dice } from "../../harness/dice.ts";
import { type Calls, type Line, UNSURE } from "./calls.ts";

/** The store on one of the clients. */
export interface VisitDesk {
  readonly line: Line;
  readonly store: RedisStore;
}

/** How long a cookie is valid, ms. Longer than a visit takes on any but the busiest machine. */
export const VISIT_TTL = 15_000;
const SHORT_TTL = 700;
/** By how much a deadline that this process computes may differ from the one that Redis keeps, ms. */
const SLACK = 5;

/** One user's visit: logs in on two devices, changes the session from both sides at once, and logs out. */
export async function visit(desks: readonly VisitDesk[], dice: Dice, calls: Calls): Promise<void> {
  const user = `visitor ${randomUUID()}`;
  const make = <T>(name: string, run: (store: RedisStore) => Promise<T>) => {
    const { line, store } = dice.pick(desks);
    return calls.make(line, name, () => run(store));
  };
  const get = (sid: string) => make("get of a visit", (store) => store.get(sid));
  const broke = (sid: string, what: string) => calls.breaks(`the visit ${sid} ${what}`);

  const isOver = () => Date.now() >= expires.getTime() - SLACK;

  const ttl = dice.chance(0.1) ? SHORT_TTL : VISIT_TTL;
  const [sid, other] = [randomUUID(), randomUUID()];
  const expires = new Date(Date.now() + ttl);
  for (const each of [sid, other]) {
    if ((await make("set", (store) => store.set(each, { cookie: { expires }, user }))) === UNSURE) return;
  }

  if (ttl === SHORT_TTL) {
    const early = await get(sid);
    if (early === null && !isOver()) broke(sid, "had time left, and was gone (P5)");
    // The time to live counts from when Redis stored it, which was before this.
    await wait(ttl + SLACK);
    const late = await get(sid);
    if (late !== UNSURE && late !== null) broke(sid, "lived longer than its cookie (P5)");
    return;
  }

  /** A request: loads the session, changes a property, saves it. */
  const request = async (name: string, value: number) => {
    const { line, store } = dice.pick(desks);
    const data = await calls.make(line, "get of a visit", () => store.get(sid));
    if (data === UNSURE || data === null) return data;
    data[name] = value;
    const save = () => calls.make(line, "set", () => store.set(sid, data));
    const saved = await save();
    return saved === true ? save : saved === UNSURE ? UNSURE : null;
  };

  const wanted = new Map<string, number>();
  let saveAgain: (() => Promise<boolean | typeof UNSURE>) | undefined;
  for (let round = 1; round <= dice.within(1, 3); round++) {
    const names = ["cart", "theme", "views"].slice(0, dice.within(2, 3));
    const requests = await Promise.all(names.map((name) => request(name, round)));
    for (const [at, outcome] of requests.entries()) {
      const name = names[at] as string;
      // What got no answer may yet be stored.
      if (outcome === UNSURE) return;
      if (outcome === null) return isOver() ? undefined : broke(sid, `was live, and a request could not save ${name}`);
      wanted.set(name, round);
      saveAgain = outcome;
    }
    const now = await get(sid);
    if (now === UNSURE) return;
    if (now === null) return isOver() ? undefined : broke(sid, "was live, and is gone (P8)");
    for (const [name, value] of wanted) {
      if (now[name] !== value) broke(sid, `lost an update of ${name}: ${String(now[name])} for ${value} (P3)`);
    }
  }

  const listed = await make("listForUser of a visit", (store) => store.listForUser(user));
  if (listed !== UNSURE && !isOver()) {
    for (const each of [sid, other]) {
      if (!listed.some(({ id }) => id === each)) broke(each, "is live, and its user's list lacks it (P4)");
    }
  }

  const ending = dice.chance(0.5)
    ? make("destroy", (store) => store.destroy(sid))
    : make("destroyAllForUser", (store) => store.destroyAllForUser(user, { except: other }));
  const [ended] = await Promise.all([ending, request("late", 1)]);
  // `false` and 0 are no news: a reply that was lost has the command run twice.
  if (ended === UNSURE) return;
  if ((await saveAgain?.()) === true) broke(sid, "was destroyed, and a late save did not notice (P2)");
  const after = await get(sid);
  if (after !== UNSURE && after !== null) broke(sid, "was destroyed, and came back (P2)");
  await make("destroyAllForUser", (store) => store.destroyAllForUser(user));
}
