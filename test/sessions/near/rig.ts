/** A near cache without Redis, on clocks that a test sets: it decides what is heard, what is read, and when. */
import type { Session } from "../../../src/index.js";
import { mintToken, randomBucket } from "../../../src/leaves/token.js";
import { Deadline } from "../../../src/redis/calls/deadline.js";
import { NearCache } from "../../../src/sessions/near/near-cache.js";
import { Pulse } from "../../../src/sessions/near/pulse.js";
import type { BeatStatus } from "../../../src/sessions/scripts/beat.js";
import type { StoredSession } from "../../../src/sessions/session.js";

/** Both clocks of a process. */
export class SetClock {
  #now = 0;
  #wall = 1_700_000_000_000;
  readonly now = () => this.#now;
  readonly wall = () => this.#wall;

  /** Goes to an instant, ms from the beginning. */
  at(ms: number): void {
    this.#wall += ms - this.#now;
    this.#now = ms;
  }

  /** The machine sleeps, or somebody sets the clock: only the wall clock moves. */
  jump(ms: number): void {
    this.#wall += ms;
  }
}

/** A beat that was sent. */
interface SentBeat {
  readonly number: number;
  readonly known: number;
  readonly answer: (status: BeatStatus) => Promise<void>;
  readonly fail: () => Promise<void>;
}

/** A read that was sent, of a touch or of a slide behind a hit. */
interface SentRead {
  readonly kind: "touch" | "slide";
  readonly id: string;
  readonly answer: (stored: StoredSession<object> | null) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export class NearRig {
  readonly clock = new SetClock();
  readonly beats: SentBeat[] = [];
  readonly reads: SentRead[] = [];
  readonly states: string[] = [];
  /** How often the subscription was told to reconnect. */
  reconnections = 0;
  losses = 0;
  isListening = false;
  readonly pulse: Pulse;
  readonly cache: NearCache<object>;

  constructor({ lease = 1000, touchInterval = 60_000, margin = 1000, maxEntries = 100 } = {}) {
    this.pulse = new Pulse({
      clock: this.clock,
      lease,
      channels: { feed: "p:near", own: "p:near:me" },
      subscription: {
        add: () => {
          this.isListening = true;
        },
        remove: () => {
          this.isListening = false;
        },
        reconnect: () => {
          this.reconnections++;
          this.pulse.lost();
        },
      },
      losses: () => this.losses,
      beat: (number, known) =>
        new Promise((resolve, reject) => {
          this.beats.push({
            number,
            known,
            answer: (status) => {
              resolve(status);
              return settled();
            },
            fail: () => {
              reject(new Error("no answer"));
              return settled();
            },
          });
        }),
      pushed: (message) => this.cache.push(message),
      missed: () => this.cache.flush(),
      changed: (state, reason) => this.states.push(`${state}: ${reason}`),
    });
    const read = (kind: SentRead["kind"]) => (target: { readonly id: string }) =>
      new Promise<StoredSession<object> | null>((resolve, reject) => {
        this.reads.push({
          kind,
          id: target.id,
          answer: (stored) => {
            resolve(stored);
            return settled();
          },
          fail: (error) => {
            reject(error);
            return settled();
          },
        });
      });
    this.cache = new NearCache<object>(
      {
        losses: () => this.losses,
        deadline: () => new Deadline(1000),
        touch: read("touch"),
        slide: read("slide"),
        malformed: () => null,
      },
      this.pulse,
      this.clock,
      { touchInterval, margin, maxEntries },
    );
  }

  /** Begins, and hears its subscription confirmed. The first beat is sent. */
  start(): this {
    this.pulse.wake();
    this.pulse.ready();
    return this;
  }

  /** The last beat that was sent. */
  get beat(): SentBeat {
    return this.beats.at(-1) ?? fail("No beat was sent.");
  }

  /** The last read that was sent. */
  get read(): SentRead {
    return this.reads.at(-1) ?? fail("No read was sent.");
  }

  /** Lets the process hear a beat. */
  hear(number = this.beat.number): void {
    this.pulse.message("p:near:me", String(number));
  }

  /** Sends a beat at an instant, which is heard at once. */
  serveFrom(ms: number): void {
    this.clock.at(ms);
    this.pulse.isAsked = true;
    this.pulse.tick();
    this.hear();
  }

  /** Looks a session up that is not in memory, and lets Redis answer. */
  async fill(made: Made, stored: StoredSession<object> | null = made.stored()): Promise<void> {
    const looking = this.cache.touch(made.token);
    await this.read.answer(stored);
    await looking;
  }
}

/** A session as Redis has it. */
export interface Made {
  readonly token: string;
  readonly id: string;
  /** What a read gives so many ms after the creation. */
  readonly stored: (changes?: Changes) => StoredSession<object>;
}

interface Changes {
  readonly age?: number;
  readonly seen?: number;
  readonly userId?: string | null;
  readonly successor?: string | undefined;
  readonly predecessor?: string | undefined;
}

/** The clock of Redis, which has nothing to do with those of the process. */
export const CREATED = 5_000_000_000_000;

export function makeSession({ idleTimeout = 1_800_000, absoluteTimeout = 43_200_000 } = {}): Made {
  const { id, token } = mintToken(randomBucket());
  const stored = ({ age = 0, seen = 0, userId = null, successor, predecessor }: Changes = {}) => {
    const absoluteExpiresAt = CREATED + absoluteTimeout;
    const session: Session<object> = Object.freeze({
      ...{ id, userId, claims: {}, client: {}, createdAt: CREATED, authenticatedAt: null },
      lastSeenAt: CREATED + seen,
      expiresAt: Math.min(CREATED + seen + idleTimeout, absoluteExpiresAt),
      absoluteExpiresAt,
    });
    return { session, version: "0", successor, predecessor, readAt: CREATED + age, idleTimeout };
  };
  return { id, token, stored };
}

function fail(message: string): never {
  throw new Error(message);
}
