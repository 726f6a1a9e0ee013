/**
 * Putting the changes of one request on top of what another has stored meanwhile, property by property and only at the
 * top level. (connect-redis tried a deep merge, lost data and took it back: a cart emptied here and added to there has no
 * right answer below the top level.) Pure: it knows records as plain objects, and no store.
 */
import { isDeepStrictEqual } from "node:util";

/** A session as it is stored. */
export type Fields = Readonly<Record<string, unknown>>;

/** Where a framework keeps the times of a session in its record. Every response moves them, so they are no mere change. */
export interface Lifetime {
  /** The properties of the record that hold it. */
  readonly properties: readonly string[];
  /** What these are to be, when `mine` goes on top of `current` and both come from `base`. */
  merge(base: Fields, mine: Fields, current: Fields): Fields;
  /** What the time to live of a key can tell of them; absent if it says nothing of what is in the record. */
  readonly told?: ToldLifetime;
}

/** Times whose end is that of the key, so that a touch need not write it into the record. */
export interface ToldLifetime {
  /** Tells a session that was loaded until when it lives, from the ms that it has left. */
  tell(session: object, left: number): void;
  /** By how many ms the end in `mine` is later than in `base`; `undefined` if anything else differs. */
  later(base: Fields, mine: Fields): number | undefined;
}

/** What `mine` has changed or deleted since `base`, on top of `current`. */
export function mergeChanges(base: Fields, mine: Fields, current: Fields, lifetime: Lifetime): Fields {
  return { ...overlay(base, mine, current, lifetime.properties), ...lifetime.merge(base, mine, current) };
}

/** connect-redis rounds the time to live up to a second: by that a key may outlive its record, and nobody has touched it. */
const ROUNDED = 1000;

/** Express-session and @fastify/session keep the times in `cookie`: how long it lives, and until when. */
export const cookieLifetime: Lifetime = {
  properties: ["cookie"],
  merge(base, mine, current) {
    if (mine["cookie"] === undefined) return current["cookie"] === undefined ? {} : { cookie: current["cookie"] };
    const [from, own, there] = [asFields(base["cookie"]), asFields(mine["cookie"]), asFields(current["cookie"])];
    const times = ["expires", "originalMaxAge", "originalExpires"];
    const lasting = lastingOf(from, own, there, ["originalMaxAge"], ({ expires }) => endOf(expires));
    return { cookie: { ...overlay(from, own, there, times), ...pick(lasting, times) } };
  },
  told: {
    tell(session, left) {
      const { cookie } = session as { cookie?: { expires?: unknown } | null };
      const expires = cookie?.expires;
      if (!cookie || !(typeof expires === "string" || expires instanceof Date)) return;
      const end = Date.now() + left;
      if (end - timeOf(expires) > ROUNDED)
        cookie.expires = typeof expires === "string" ? new Date(end).toISOString() : new Date(end);
    },
    later(base, mine) {
      let missing = Object.keys(base).length;
      // Without a copy or a deep comparison, because nearly every request asks this.
      for (const name in mine) {
        const value = mine[name];
        if (value === undefined) continue;
        if (name === "expires" ? !Object.hasOwn(base, name) : value !== base[name]) return undefined;
        missing--;
      }
      if (missing !== 0) return undefined;
      const [before, after] = [base["expires"], mine["expires"]];
      if (before === after) return 0;
      const by = timeOf(after) - timeOf(before);
      return Number.isNaN(by) ? undefined : by;
    },
  },
};

/** Epoch ms; `NaN` for what is no time. */
function timeOf(time: unknown): number {
  if (typeof time === "string") return Date.parse(time);
  return time instanceof Date ? time.getTime() : Number.NaN;
}

/** The same where the time to live is no business of the cookie: a function `ttl` says it, or there is none. */
export const apartFromCookie: Lifetime = { properties: cookieLifetime.properties, merge: cookieLifetime.merge };

/** Koa-session keeps them in properties of the session whose names begin with an underscore. */
export const koaLifetime: Lifetime = {
  properties: ["_expire", "_maxAge", "_session"],
  merge(base, mine, current) {
    const lasting = lastingOf(base, mine, current, ["_maxAge", "_session"], ({ _expire }) => endOf(_expire));
    return pick(lasting, koaLifetime.properties);
  },
};

/**
 * Whose times count: those of whoever has changed how long the session lives, such as by "remember me", this request
 * before the others; if nobody has, the later end of those that were moved.
 */
function lastingOf(
  base: Fields,
  mine: Fields,
  current: Fields,
  length: readonly string[],
  end: (times: Fields) => number,
): Fields {
  const differs = (times: Fields) => length.some((name) => !isDeepStrictEqual(times[name], base[name]));
  if (differs(mine)) return mine;
  if (differs(current)) return current;
  return end(current) !== end(base) && end(current) > end(mine) ? current : mine;
}

/** Epoch ms; what has no end is later than all that has one. */
function endOf(time: unknown): number {
  return typeof time === "string" || typeof time === "number" ? new Date(time).getTime() : Number.POSITIVE_INFINITY;
}

function overlay(base: Fields, mine: Fields, current: Fields, except: readonly string[]): Fields {
  // A Map, because assigning to a property named __proto__ would not make one.
  const merged = new Map(Object.entries(current));
  for (const name of new Set([...Object.keys(base), ...Object.keys(mine)])) {
    if (except.includes(name) || isDeepStrictEqual(own(base, name), own(mine, name))) continue;
    if (Object.hasOwn(mine, name)) merged.set(name, mine[name]);
    else merged.delete(name);
  }
  for (const name of except) merged.delete(name);
  return Object.fromEntries(merged);
}

/** A property, or `undefined`, which no JSON value is; never what is inherited under that name. */
function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.flatMap((name) => (Object.hasOwn(fields, name) ? [[name, fields[name]]] : [])));
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
