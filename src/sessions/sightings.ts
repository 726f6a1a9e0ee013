/**
 * How the HTTP kit looks sessions up: with the instant at which Redis read them, which the public verbs do not give.
 * Internal: no entry of the package exports it.
 */
import type { EndedSession } from "./ending.js";
import type { Session } from "./session.js";
import type { SessionStore } from "./store.js";
import type { Timeouts } from "./timeouts.js";

/** A session, and when Redis read it. */
export interface Sighting<Claims extends object> {
  readonly session: Session<Claims>;
  /**
   * Epoch ms by the clock of Redis; 0 if that is not known; the time of this process if the session may have been idle for
   * long.
   */
  readonly readAt: number;
  /** The id of the session that a rotation with grace has put in its place; absent if there is none, or if that is not known. */
  readonly successor?: string | undefined;
  readonly ended?: undefined;
}

/** The sessions in the memory of this process, as the HTTP kit asks for them. */
export interface SessionMemory<Claims extends object> {
  /** What the memory knows of a token; `undefined` if nothing. It does not slide the session. */
  glance(token: string): Sighting<Claims> | undefined;
  /**
   * Slides the session of a glance behind the request, if that is due. `false`: the session is so near to its end that the request
   * must wait for that, by `touch`.
   */
  slide(id: string): boolean;
}

/** The verbs of a store that look a token up, as the HTTP kit calls them. */
export interface Sightings<Claims extends object> {
  /** Like `touch` of the store. With the option `endings` it tells why a session has ended. */
  touch(token: string): Promise<Sighting<Claims> | EndedSession | null>;
  /** The same for `get` of the store. */
  get(token: string): Promise<Sighting<Claims> | EndedSession | null>;
  /** The same, never from the memory of this process. */
  ask(token: string): Promise<Sighting<Claims> | EndedSession | null>;
  /** The sessions in the memory of this process; `undefined` if it keeps none, or may not be asked. */
  memory(): SessionMemory<Claims> | undefined;
  /** The timeouts of a log-in that sets none; `undefined` if they are not known. */
  readonly timeouts: Timeouts | undefined;
}

/** Where a store keeps its sightings. */
export const sightings: unique symbol = Symbol("coatcheck.sightings");

/** A store as `createSessionStore` makes it. */
export interface SightingStore<Claims extends object> extends SessionStore<Claims> {
  readonly [sightings]: Pick<Sightings<Claims>, "touch" | "get" | "ask" | "timeouts"> & {
    /** The public verbs of the same store. */
    readonly verbs: Pick<SessionStore<Claims>, "touch" | "get" | "peek">;
    /** `undefined` if the store has no `near`. */
    readonly memory: SessionMemory<Claims> | undefined;
  };
}

/**
 * The sightings of a store. If somebody has wrapped the store and replaced a verb, their verb is called, and `readAt` is not
 * known.
 */
export function sightingsOf<Claims extends object>(store: SessionStore<Claims>): Sightings<Claims> {
  const isOwn = (verb: "touch" | "get" | "peek") =>
    isSightingStore(store) && store[sightings].verbs[verb] === store[verb] ? store[sightings] : undefined;
  const asked = (verb: "touch" | "get", name: "touch" | "get" | "ask") => (token: string) => {
    const own = isOwn(verb);
    return own === undefined ? askThroughWrapping(store, verb, token) : own[name](token);
  };
  return {
    touch: asked("touch", "touch"),
    get: asked("get", "get"),
    ask: asked("get", "ask"),
    memory() {
      // Somebody who has replaced a verb that looks tokens up wants to be asked for each of them.
      return isOwn("touch") === undefined || isOwn("get") === undefined ? undefined : isOwn("peek")?.memory;
    },
    timeouts: isSightingStore(store) ? store[sightings].timeouts : undefined,
  };
}

function isSightingStore<Claims extends object>(store: SessionStore<Claims>): store is SightingStore<Claims> {
  return sightings in store;
}

async function askThroughWrapping<Claims extends object>(
  store: SessionStore<Claims>,
  verb: "touch" | "get",
  token: string,
) {
  const session = await store[verb](token);
  // What a touch has seen was used within its interval. A lookup that slides nothing says no more than that it is live, so a
  // log-in could be taken for fresh long after: then this process's clock is better than none.
  return session === null ? null : { session, readAt: verb === "touch" ? 0 : Date.now() };
}
