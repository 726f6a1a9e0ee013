/**
 * The sessions in the memory of this process, by their public ids. An entry holds the hash of the secret, and never the token. It
 * knows neither Redis nor the lease.
 */
import { LRUCache } from "lru-cache";
import type { Session, StoredSession } from "../session.js";
import { type Fingerprint, placeOf } from "./fingerprint.js";
import type { Moment } from "./lease.js";

/** One session, as Redis has given it. */
export interface Entry<Claims extends object> {
  readonly session: Session<Claims>;
  readonly fingerprint: Fingerprint;
  /** For the slides behind its hits. */
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
  /** What `touch` answers: the same promise for each hit, because it takes longer to make than a session to find. */
  answer: Promise<Session<Claims>> | undefined;
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
  { fingerprint, secretHash }: Pick<Entry<Claims>, "fingerprint" | "secretHash">,
  sent: Moment,
  { touchInterval, margin }: SlidePace,
): Entry<Claims> {
  const left = session.expiresAt - readAt;
  const interval = Math.min(touchInterval, idleTimeout / 2);
  const sinceSight = readAt - session.lastSeenAt;
  return {
    session,
    fingerprint,
    secretHash,
    until: sent.now + left,
    wallUntil: sent.wall + left,
    // A touch that could have slid and has not, because the slot is moving or the clock has gone back, is not repeated at once.
    slideAt: sent.now + (sinceSight < interval ? interval - sinceSight : interval),
    waitAt: sent.now + left - margin,
    sent,
    readAt,
    predecessor,
    answer: undefined,
  };
}

/** The entries, of which the least recently used one makes room if there are too many. */
export class Entries<Claims extends object> {
  /**
   * By {@link placeOf} of the id, because a number is found faster than a part of a text, which must be cut out and hashed first.
   * If two sessions have the same place, the later one takes it.
   */
  readonly #byPlace: LRUCache<number, Entry<Claims>>;

  constructor(most: number) {
    this.#byPlace = new LRUCache({ max: most });
  }

  get size(): number {
    return this.#byPlace.size;
  }

  /** The entry that a token or an id may belong to. The caller compares. */
  at(place: number): Entry<Claims> | undefined {
    return this.#byPlace.get(place);
  }

  of(id: string): Entry<Claims> | undefined {
    const entry = this.#byPlace.get(placeOf(id));
    return entry?.session.id === id ? entry : undefined;
  }

  set(entry: Entry<Claims>): void {
    this.#byPlace.set(placeOf(entry.session.id), entry);
  }

  delete(id: string): void {
    if (this.of(id) !== undefined) this.#byPlace.delete(placeOf(id));
  }

  clear(): void {
    this.#byPlace.clear();
  }

  /**
   * Forgets whatever may belong to a session or a user: the session itself, the one that replaces it in a rotation with
   * grace, and all sessions of a user. It looks at every entry.
   */
  deleteAround(id: string | undefined, userId: string | undefined): void {
    for (const [place, { session, predecessor }] of this.#byPlace.entries()) {
      const isOne = id !== undefined && (session.id === id || predecessor === id);
      if (isOne || (userId !== undefined && session.userId === userId)) this.#byPlace.delete(place);
    }
  }
}
