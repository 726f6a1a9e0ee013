/** What Redis really holds under a prefix, read without the store, and whether that is in order. */
import { isDeepStrictEqual } from "node:util";
import type { Redis } from "ioredis";
import { Keys } from "../../../src/sessions/keys.js";
import { latestBound } from "../../harness/indexes.js";
import type { ModelSession, State } from "./state.js";

/** Everything under a prefix. The expiries are epoch ms; -1 for none. */
export interface Contents {
  readonly sessions: ReadonlyMap<
    string,
    { readonly record: Readonly<Record<string, string>>; readonly expiry: number }
  >;
  readonly indexes: ReadonlyMap<string, { readonly scores: ReadonlyMap<string, number>; readonly expiry: number }>;
  /** Keys of blocks. */
  readonly blocks: ReadonlyMap<string, number>;
  readonly strays: readonly string[];
}

/** Reads it all in two trips. `redis` must have nobody else's keys, since it looks at each. */
export async function contentsOf(redis: Redis, prefix: string): Promise<Contents> {
  const keys = await redis.keys("*");
  const kinds = keys.map((key) => /^\{[0-9A-Z]{3}\}:([subegmn]):/.exec(key.slice(prefix.length))?.[1]);
  const pipeline = redis.pipeline();
  for (const [at, key] of keys.entries()) {
    pipeline.pexpiretime(key);
    // Raw, because ioredis 5 and 6 give HGETALL and ZRANGE different shapes.
    if (kinds[at] === "s") pipeline.eval("return redis.call('HGETALL', KEYS[1])", 1, key);
    else if (kinds[at] === "u") pipeline.eval("return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')", 1, key);
    else pipeline.exists(key);
  }
  const replies = ((await pipeline.exec()) ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });

  const sessions = new Map<string, { record: Record<string, string>; expiry: number }>();
  const indexes = new Map<string, { scores: Map<string, number>; expiry: number }>();
  const blocks = new Map<string, number>();
  const strays: string[] = [];
  for (const [at, key] of keys.entries()) {
    const expiry = Number(replies[at * 2]);
    const flat = replies[at * 2 + 1] as string[];
    const pairs = () =>
      Array.from({ length: flat.length / 2 }, (_, n) => [flat[n * 2] ?? "", flat[n * 2 + 1] ?? ""] as const);
    if (kinds[at] === "s") sessions.set(key.slice(-26), { record: Object.fromEntries(pairs()), expiry });
    else if (kinds[at] === "u")
      indexes.set(key, { scores: new Map(pairs().map(([id, score]) => [id, Number(score)])), expiry });
    else if (kinds[at] === "b") blocks.set(key, expiry);
    // What log-ins and other calls leave behind goes by itself; it may be gone between the two looks.
    else if (!["e", "g", "m", "n"].includes(kinds[at] ?? "") || expiry === -1) strays.push(key);
  }
  return { sessions, indexes, blocks, strays };
}

/** What is wrong with the keys among themselves, whatever the sessions should be; empty if nothing is. */
export function faultsOf({ sessions, indexes, strays }: Contents, prefix: string): string[] {
  const faults = strays.map((key) => `${key} is nobody's`);
  const names = new Keys(prefix);
  const indexed = new Set<string>();
  for (const [key, { scores, expiry }] of indexes) {
    if (expiry !== Math.max(...scores.values())) faults.push(`${key} does not go with its latest member`);
    for (const [id, score] of scores) {
      const session = sessions.get(id);
      if (session === undefined) faults.push(`${key} names ${id}, which is dead`);
      else if (!(score >= session.expiry && score <= latestBound(session.record["t"] ?? "", session.expiry)))
        faults.push(`${key} has ${score} for ${id}, which ends at ${session.expiry}`);
      if (names.indexes(id) + session?.record["u"] !== key) faults.push(`${key} names ${id}, which is another user's`);
      indexed.add(id);
    }
  }
  for (const [id, { record, expiry }] of sessions) {
    if (expiry < 0) faults.push(`the session ${id} has no end`);
    if (record["h"] === undefined || record["t"] === undefined) faults.push(`the session ${id} is no session`);
    if (record["u"] !== undefined && !indexed.has(id)) faults.push(`no index names ${id}`);
  }
  return faults;
}

/** Whether Redis holds what the model says, no more and no less. */
export function holds(contents: Contents, prefix: string, state: State): boolean {
  const names = new Keys(prefix);
  const blocks = new Set([...state.blocked].map((userId) => names.user(userId).block));
  return (
    contents.sessions.size === state.live.size &&
    isDeepStrictEqual(new Set(contents.blocks.keys()), blocks) &&
    [...state.live.values()].every((session) => holdsSession(contents, session))
  );
}

function holdsSession({ sessions }: Contents, session: ModelSession): boolean {
  const stored = sessions.get(session.id);
  if (stored === undefined) return false;
  const { record, expiry } = stored;
  const [created = "", , idle = ""] = (record["t"] ?? "").split(" ");
  const seenAt = record["s"] === undefined ? expiry - Number(idle) : Number(created) + Number(record["s"]);
  const claims = Object.entries(record).filter(([field]) => field.startsWith(":"));
  return (
    (record["u"] ?? null) === session.userId &&
    (record["n"] ?? null) === session.successor &&
    Number(created) === session.createdAt &&
    seenAt === session.seenAt &&
    isDeepStrictEqual(
      Object.fromEntries(claims.map(([field, text]) => [field.slice(1), JSON.parse(text)])),
      session.claims,
    )
  );
}
