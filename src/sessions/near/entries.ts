/**
 * The sessions in the memory of this process, by their public ids. An entry holds the hash of the secret, and never the token. It
 * knows neither Redis nor the lease.
 */
import { LRUCache } from "lru-cache";
import type { Session, StoredSession } from "../session.js";
import type { Moment } from "./lease.js";

/** One session, as Redis has given it. */
export interface Entry<Claims extends object> {
  readonly session: Session<Claims>;
  readonly secretHash: string;
  /** The end of the session by both clocks of the process, ms: when its read was sent, and what it had left when it was read. */
  readonly until: number;
  readonly wallUntil: number;
  /** When its next slide is due, by the clock that only grows. */
  readonly slideAt: number;
  /** From when on a lookup waits for a slide that is due, because the session could end before it. */
  readonly waitAt: number;
  /** When the read was sent. */
  readonly sent: Moment;
  /** When Redis read it, by the clock of Redis. */
  readonly readAt: number;
  /** The id of the session that it has replaced in a rotation with grace. */
  readonly predecessor: string | undefined;
}

/** How entries slide. */
export interface SlidePace {
  /** `touchInterval` of the store, ms. */
  readonly touchInterval: number;
  /** How long before the end of a session a lookup waits for a slide that is due, ms: the deadline of a call. */
  readonly margin: number;
}

/**
 * Makes the entry of a session, whose read was sent at `sent`. It is made of durations alone, counted from that instant: the read
 * happened later, so the entry ends no later than the session. The slide is due as touch.lua has it.
 */
export function entryOf<Claims extends object>(
  { session, readAt, idleTimeout, predecessor }: StoredSession<Claims>,
  secretHash: string,
  sent: Moment,
  { touchInterval, margin }: SlidePace,
): Entry<Claims> {
  const left = session.expiresAt - readAt;
  const interval = Math.min(touchInterval, idleTimeout / 2);
  const sinceSight = readAt - session.lastSeenAt;
  return {
    session,
    secretHash,
    until: sent.now + left,
    wallUntil: sent.wall + left,
    // A touch that could have slid and has not, because the slot is moving or the clock has gone back, is not repeated at once.
    slideAt: sent.now + (sinceSight < interval ? interval - sinceSight : interval),
    waitAt: sent.now + left - margin,
    sent,
    readAt,
    predecessor,
  };
}

/** The entries, of which the least recently used one makes room if there are too many. */
export class Entries<Claims extends object> {
  readonly #byId: LRUCache<string, Entry<Claims>>;

  constructor(most: number) {
    this.#byId = new LRUCache({ max: most });
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Entry<Claims> | undefined {
    return this.#byId.get(id);
  }

  set(entry: Entry<Claims>): void {
    this.#byId.set(entry.session.id, entry);
  }

  delete(id: string): void {
    this.#byId.delete(id);
  }

  clear(): void {
    this.#byId.clear();
  }

  /**
   * Deletes what a call could have changed whose outcome is not known: a session, the one that has replaced it in a rotation with
   * grace, and all sessions of a user. It looks at every entry.
   */
  deleteAround(id: string | undefined, userId: string | undefined): void {
    for (const [key, { session, predecessor }] of this.#byId.entries()) {
      const isOne = id !== undefined && (key === id || predecessor === id);
      if (isOne || (userId !== undefined && session.userId === userId)) this.#byId.delete(key);
    }
  }
}
