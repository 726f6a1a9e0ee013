/**
 * The sessions in the memory of this process, by their public ids. An entry holds the hash of the secret, and never the token. It
 * knows neither Redis nor the lease.
 */
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
  /** Whether it has answered since the hand of {@link Entries} was there. */
  isUsed: boolean;
  /** Its seat among the entries. */
  seat: number;
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
    isUsed: false,
    seat: 0,
    answer: undefined,
  };
}

/** So many entries that were used are passed over at most, so that a fill never takes long. */
const MOST_PASSED = 64;

/**
 * The entries. If there are too many, one makes room that was not used of late: a hand goes round, and passes over each that was
 * used since it was there last (the algorithm CLOCK). So a hit only sets a field. In a list in the order of use a hit moves its
 * entry, and that made a lookup among 10 000 sessions take a quarter longer.
 */
export class Entries<Claims extends object> {
  readonly #most: number;
  /** By {@link placeOf} of the id: the later one of two sessions that have the same place takes it. */
  readonly #byPlace = new Map<number, Entry<Claims>>();
  /** The same entries in the order of the hand. A seat is empty if its session was forgotten. */
  readonly #round: (Entry<Claims> | undefined)[] = [];
  readonly #emptySeats: number[] = [];
  #hand = 0;

  constructor(most: number) {
    this.#most = most;
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
    const place = placeOf(entry.session.id);
    const before = this.#byPlace.get(place);
    const seat = before?.seat ?? this.#emptySeats.pop() ?? this.#takeSeat();
    entry.seat = seat;
    entry.isUsed = before !== undefined;
    this.#round[seat] = entry;
    this.#byPlace.set(place, entry);
  }

  delete(id: string): void {
    const entry = this.of(id);
    if (entry !== undefined) this.#remove(entry);
  }

  clear(): void {
    this.#byPlace.clear();
    this.#round.length = 0;
    this.#emptySeats.length = 0;
  }

  /**
   * Deletes what a call could have changed whose outcome is not known: a session, the one that has replaced it in a rotation with
   * grace, and all sessions of a user. It looks at every entry.
   */
  deleteAround(id: string | undefined, userId: string | undefined): void {
    for (const entry of this.#byPlace.values()) {
      const { session, predecessor } = entry;
      const isOne = id !== undefined && (session.id === id || predecessor === id);
      if (isOne || (userId !== undefined && session.userId === userId)) this.#remove(entry);
    }
  }

  #remove({ session, seat }: Entry<Claims>): void {
    this.#byPlace.delete(placeOf(session.id));
    this.#round[seat] = undefined;
    this.#emptySeats.push(seat);
  }

  /** A new seat, or that of an entry that was not used of late. All seats are taken. */
  #takeSeat(): number {
    if (this.#round.length < this.#most) return this.#round.length;
    for (let passed = 0; ; passed++) {
      const seat = this.#hand;
      this.#hand = (seat + 1) % this.#most;
      const entry = this.#round[seat] as Entry<Claims>;
      if (!entry.isUsed || passed === MOST_PASSED) {
        this.#byPlace.delete(placeOf(entry.session.id));
        return seat;
      }
      entry.isUsed = false;
    }
  }
}
