/**
 * What is left in Redis when a load is over, against what its ledger knows: read through the store, and past it from the keys
 * themselves.
 */
import type { Cluster, Redis } from "ioredis";
import { type SessionStore, StoreUnavailableError } from "../../src/index.js";
import { Keys } from "../../src/sessions/keys.js";
import { keysUnder } from "../harness/fixtures.js";
import { latestBound } from "../harness/indexes.js";
import type { Ledger } from "./ledger.js";

/** A moved key lives longer by the time of its journey, and clocks differ, ms. */
const SLACK = 1000;
/** How often the keys are looked at where something is wrong. */
const LOOKS = 3;

/** Looks every session up that the ledger knows to be dead. For the middle of a load, too: what it finds is ended again. */
export async function sweep(ledger: Ledger, store: SessionStore): Promise<void> {
  const dead = ledger.users.flatMap((user) => user.dead);
  await each(dead, async (known) => {
    const begun = performance.now();
    const session = await patient(() => store.get(known.token ?? ""));
    if (known.token !== null) ledger.saw(known, session, { begun, ended: performance.now() });
  });
}

/** Compares all that is left, after the load has ended, with the ledger. `redis` has no `keyPrefix`. */
export async function audit(
  ledger: Ledger,
  store: SessionStore,
  redis: Redis | Cluster,
  prefix: string,
): Promise<void> {
  await auditSessions(ledger, store);
  await auditKeys(ledger, redis, prefix);
}

/** Looks every session up that the ledger knows, after the load has ended. */
export async function auditSessions(ledger: Ledger, store: SessionStore): Promise<void> {
  await sweep(ledger, store);
  const known = ledger.users.filter(({ retired }) => !retired).flatMap((user) => [...user.sessions.values()]);
  await each(known, async (one) => {
    if (one.token === null) return;
    const begun = performance.now();
    const session = await patient(() => store.get(one.token));
    ledger.saw(one, session, { begun, ended: performance.now() }, "the audit");
  });
}

/** P4 and P5, from the keys alone. */
export async function auditKeys(ledger: Ledger, redis: Redis | Cluster, prefix: string): Promise<void> {
  // One key is read after the other, and what calls without an answer have left under way may still run in between: what is
  // wrong is wrong every time.
  const died = new Map(ledger.users.flatMap(({ dead }) => dead.map(({ id, died }) => [id, died?.by] as const)));
  let found = await contradictions(redis, prefix, died);
  for (let look = 1; found.size > 0 && look < LOOKS; look++) {
    const again = await contradictions(redis, prefix, died);
    found = new Map([...again].filter(([where]) => found.has(where)));
  }
  for (const [promise, what] of found.values()) ledger.accuse(promise, what);
}

/** What is wrong with the keys, by where it is: the promise, and a sentence. */
async function contradictions(
  redis: Redis | Cluster,
  prefix: string,
  died: ReadonlyMap<string, string | undefined>,
): Promise<Map<string, [string, string]>> {
  const found = new Map<string, [promise: string, what: string]>();
  const keys = new Keys(prefix);
  const sessions = new Map<string, number>();
  const owners = new Map<string, string>();
  const times = new Map<string, string>();
  const latest = (id: string, expires: number) => latestBound(times.get(id) ?? "", expires);
  const indexes: string[] = [];
  await each(await keysUnder(redis, prefix), async (key) => {
    const [, kind, rest = ""] = /^\{[^{}]*\}:([sub]):(.*)$/s.exec(key.slice(prefix.length)) ?? [];
    const expires = await redis.pexpiretime(key);
    if (expires === -2) return;
    if (expires === -1 && kind !== "b") found.set(key, ["P5", `${key} has no end`]);
    if (kind === "u") indexes.push(key);
    if (kind !== "s") return;
    sessions.set(rest, expires);
    const [owner = null, written] = await redis.hmget(key, "u", "t");
    times.set(rest, written ?? "");
    if (owner !== null) owners.set(rest, keys.indexes(rest) + owner);
  });

  const named = new Map<string, string>();
  await each(indexes, async (index) => {
    const members = await redis.zrange(index, 0, -1, "WITHSCORES");
    let last = 0;
    for (let at = 0; at < members.length; at += 2) {
      const [id, score] = [members[at] as string, Number(members[at + 1])];
      last = Math.max(last, score);
      named.set(id, index);
      const expires = sessions.get(id);
      // What expired stays for at most one idle timeout; what a verb ended goes with it.
      const expired = died.get(id) === "expiry";
      if (expires === undefined && !expired && score > Date.now() + SLACK) {
        found.set(`${index} dead ${id}`, [
          "P4",
          `${index} names ${id}, which is dead, for ${score - Date.now()} ms to come`,
        ]);
      } else if (expires !== undefined && (expires > score + SLACK || score > latest(id, expires) + SLACK)) {
        found.set(`${index} ${id}`, ["P4", `${index} has ${score} for ${id}, and it ends at ${expires}`]);
      }
    }
    const expires = await redis.pexpiretime(index);
    if (expires > 0 && Math.abs(expires - last) > SLACK) {
      found.set(index, ["P4", `${index} ends at ${expires}, and its last member at ${last}`]);
    }
  });
  for (const [id, index] of owners) {
    if (named.get(id) !== index && (sessions.get(id) ?? 0) > Date.now() + SLACK) {
      found.set(`${index} lacks ${id}`, ["P4", `${index} lacks the live session ${id}`]);
    }
  }
  return found;
}

/** Does something for each of many, a hundred at a time. */
async function each<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += 100) await Promise.all(all.slice(at, at + 100).map(work));
}

/** The answer of a call that is repeated while the servers recover. */
async function patient<T>(call: () => Promise<T>): Promise<T> {
  const end = performance.now() + 60_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || performance.now() > end) throw error;
    }
  }
}
