/**
 * Applies the changes of one request to what another has stored meanwhile, property by property and only at the top level.
 * (connect-redis tried a deep merge, lost data and removed it again: if one request empties a cart and another adds to it,
 * there is no right result below the top level.) Pure: it knows records as plain objects, and no store.
 */
import { isDeepStrictEqual } from "node:util";

/** A session as it is stored. */
export type Fields = Readonly<Record<string, unknown>>;

/** Where a framework keeps the times of a session in its record. Every response moves them, so a merge treats them apart. */
export interface Lifetime {
  /** The properties of the record that hold it. */
  readonly properties: readonly string[];
  /** The times after a merge of `mine` into `current`, which both come from `base`. */
  merge(base: Fields, mine: Fields, current: Fields): Fields;
  /** How the time to live of the key tells the times; absent if it has nothing to do with the record. */
  readonly told?: ToldLifetime;
}

/** Times that end with the key, so that a touch need not write them into the record. */
export interface ToldLifetime {
  /** Sets the expiry in a session that was loaded, from the ms that it has left. */
  tell(session: object, left: number): void;
  /** By how many ms the end in `mine` is later than in `base`; `undefined` if anything else differs. */
  later(base: Fields, mine: Fields): number | undefined;
}

/** Applies to `current` what `mine` has changed or deleted since `base`. */
export function mergeChanges(base: Fields, mine: Fields, current: Fields, lifetime: Lifetime): Fields {
  return { ...overlay(base, mine, current, lifetime.properties), ...lifetime.merge(base, mine, current) };
}

/** connect-redis rounds the time to live up to a second: so a key may live longer than its record says, without any touch. */
const ROUNDED = 1000;

/** Express-session and @fastify/session keep the times in `cookie`: how long the session lives, and when it ends. */
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
      // Without a copy or a deep comparison, because nearly every request comes here.
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

/** Epoch ms; `NaN` if it is not a time. */
function timeOf(time: unknown): number {
  if (typeof time === "string") return Date.parse(time);
  return time instanceof Date ? time.getTime() : Number.NaN;
}

/** The same if the time to live does not depend on the cookie: a function `ttl` decides it, or there is none. */
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
 * Whose times are kept. If a request has changed how long the session lives, as "remember me" does, its times are kept; if both
 * have, those of this request. Otherwise the later end is kept.
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

/** Epoch ms. No end is later than any end. */
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

/** A property, but not an inherited one; `undefined` if there is none (no JSON value is `undefined`). */
function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.flatMap((name) => (Object.hasOwn(fields, name) ? [[name, fields[name]]] : [])));
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
