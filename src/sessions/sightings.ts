/**
 * How the HTTP kit looks sessions up: with the instant at which Redis read them, which the public verbs do not give.
 * Internal: no entry of the package exports it.
 */
import type { Session } from "./session.js";
import type { SessionStore } from "./store.js";

/** A session, and when Redis read it. */
export interface Sighting<Claims extends object> {
  readonly session: Session<Claims>;
  /** Epoch ms by the clock of Redis; 0 if that is not known. */
  readonly readAt: number;
}

/** The verbs of a store that look a token up, as the HTTP kit calls them. */
export interface Sightings<Claims extends object> {
  /** Like `touch` of the store. */
  touch(token: string): Promise<Sighting<Claims> | null>;
}

/** Where a store keeps its sightings. */
export const sightings: unique symbol = Symbol("coatcheck.sightings");

/** A store as `createSessionStore` makes it. */
export interface SightingStore<Claims extends object> extends SessionStore<Claims> {
  readonly [sightings]: Sightings<Claims> & {
    /** The public verb that these sightings are those of. */
    readonly verb: SessionStore<Claims>["touch"];
  };
}

/**
 * The sightings of a store. If somebody has wrapped the store and put a `touch` of their own in the place of ours, that
 * one is asked, and `readAt` is not known.
 */
export function sightingsOf<Claims extends object>(store: SessionStore<Claims>): Sightings<Claims> {
  return {
    touch(token) {
      if (isSightingStore(store) && store[sightings].verb === store.touch) return store[sightings].touch(token);
      return touchThroughWrapping(store, token);
    },
  };
}

function isSightingStore<Claims extends object>(store: SessionStore<Claims>): store is SightingStore<Claims> {
  return sightings in store;
}

async function touchThroughWrapping<Claims extends object>(store: SessionStore<Claims>, token: string) {
  const session = await store.touch(token);
  return session === null ? null : { session, readAt: 0 };
}
