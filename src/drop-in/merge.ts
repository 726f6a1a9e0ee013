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
}

/** What `mine` has changed or deleted since `base`, on top of `current`. */
export function mergeChanges(base: Fields, mine: Fields, current: Fields, lifetime: Lifetime): Fields {
  return { ...overlay(base, mine, current, lifetime.properties), ...lifetime.merge(base, mine, current) };
}

/** Express-session and @fastify/session keep the times in `cookie`: how long it lives, and until when. */
export const cookieLifetime: Lifetime = {
  properties: ["cookie"],
  merge(base, mine, current) {
    if (mine["cookie"] === undefined) return current["cookie"] === undefined ? {} : { cookie: current["cookie"] };
    const [from, own, there] = [fieldsOf(base["cookie"]), fieldsOf(mine["cookie"]), fieldsOf(current["cookie"])];
    const times = ["expires", "originalMaxAge", "originalExpires"];
    const lasting = lastingOf(from, own, there, ["originalMaxAge"], ({ expires }) => endOf(expires));
    return { cookie: { ...overlay(from, own, there, times), ...pick(lasting, times) } };
  },
};

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
 * before the others; where nobody has, the later end of those that were moved.
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

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
