/**
 * Confirmation by replicas. A revocation is made at once; then a `WAIT` on the same connection tells how many replicas have it.
 * `WAIT` covers everything that its connection has written before, so one `WAIT` confirms all revocations before it. It knows
 * nothing of what is confirmed.
 *
 * `WAIT` holds up the commands that come behind it on its connection: lookups, and other revocations. So there is one at a
 * time. The first is short and each further one is longer, and other calls pass between two of them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { NotReplicatedError } from "../leaves/errors.js";

/** How many replicas must confirm a revocation, and for how long to wait for them. */
export interface ReplicaOptions {
  /** At least this many replicas. */
  readonly count: number;
  /**
   * How long to wait for them, ms, in addition to the `timeout` of the store. If one wait fails, the replicas count as missing
   * for five times as long: in this time each revocation is made as usual, and then rejects with `NotReplicatedError` after a
   * wait of 1 ms.
   */
  readonly timeout: number;
}

/** Resolves to `null` when enough replicas have the revocation, or to the error that the call must throw. It never rejects. */
export type Shortfall = Promise<NotReplicatedError | null>;

/** The first `WAIT`, ms: far longer than a healthy replica needs. Each further one is twice as long. */
const FIRST = 20;

/** After a wait that failed, the replicas count as missing for this many times the timeout. */
const REST = 5;

/** How long to wait for replicas that count as missing, ms. */
const LOOK = 1;

/** What a confirmation needs of one connection. */
export interface Wire {
  /** Sends a `WAIT`, and gives how many replicas have confirmed. Rejects in bounded time if Redis does not answer. */
  wait(count: number, timeout: number): Promise<number>;
  /** How often the connection was lost. A `WAIT` after a loss does not cover what ran before it. */
  readonly losses: number;
}

interface Waiter {
  readonly ticket: number;
  readonly losses: number;
  readonly due: number;
  readonly release: (shortfall: NotReplicatedError | null) => void;
}

/** The confirmations of what one connection writes. */
export class Confirmations {
  readonly #wire: Wire;
  readonly #count: number;
  readonly #timeout: number;
  readonly #longest: number;
  readonly #waiters = new Set<Waiter>();
  /** How many revocations were sent. The number is the ticket of the latest. */
  #sent = 0;
  /** The latest ticket that replicas have confirmed, and how often the connection had been lost by then. */
  #confirmed = { ticket: 0, losses: 0 };
  #isRunning = false;
  /** Until when replicas count as missing, by `performance.now()`. */
  #missingUntil = 0;

  /** `longest` bounds one `WAIT`, ms. */
  constructor(wire: Wire, { count, timeout }: ReplicaOptions, longest: number) {
    this.#wire = wire;
    this.#count = count;
    this.#timeout = timeout;
    this.#longest = Math.max(1, Math.min(timeout, longest));
  }

  /**
   * Announces a revocation that is sent in this turn of the event loop. A `WAIT` follows behind all revocations of this turn.
   * Gives the ticket for `confirm`.
   */
  announce(): number {
    this.#start();
    return ++this.#sent;
  }

  /** Waits until the replicas have a revocation. Call it as soon as Redis has answered that the revocation is made. */
  confirm(ticket: number): Shortfall {
    const { losses } = this.#wire;
    if (ticket <= this.#confirmed.ticket && losses === this.#confirmed.losses) return Promise.resolve(null);
    return new Promise((release) => {
      this.#waiters.add({ ticket, losses, due: performance.now() + this.#timeout, release });
      this.#start();
    });
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // In the next phase of the event loop, so that all revocations of this one are sent before.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    let longest = FIRST;
    do {
      const ticket = this.#sent;
      const isMissing = performance.now() < this.#missingUntil;
      const time = isMissing ? LOOK : Math.min(longest, this.#longest, this.#timeLeft());
      longest *= 2;
      const begun = performance.now();
      try {
        const confirmed = await this.#wire.wait(this.#count, time);
        this.#note(ticket, confirmed, isMissing);
        // A server may answer too early, for example one that knows no replicas. It is not asked again before the time is over.
        const left = time - (performance.now() - begun);
        if (this.#waiters.size > 0 && left > 0) await sleep(left);
      } catch (cause) {
        // The revocations have been made, but nobody can tell any more which replicas have them.
        this.#releaseAll(() => new NotReplicatedError(0, this.#count, { cause }));
      }
    } while (this.#waiters.size > 0);
    this.#isRunning = false;
  }

  /** The time that is left for the oldest waiter, in whole ms. Redis takes 0 for "for ever". */
  #timeLeft(): number {
    const [oldest] = this.#waiters;
    return oldest === undefined ? this.#timeout : Math.max(1, Math.ceil(oldest.due - performance.now()));
  }

  /** Notes an answer: how many replicas have everything that was sent up to a ticket. */
  #note(ticket: number, confirmed: number, wasMissing: boolean): void {
    const { losses } = this.#wire;
    if (confirmed >= this.#count) {
      this.#confirmed = { ticket, losses };
      this.#missingUntil = 0;
    }
    for (const waiter of this.#waiters) {
      if (waiter.losses !== losses) {
        // The connection that made it is gone, and a WAIT on another one does not cover it.
        this.#release(waiter, new NotReplicatedError(0, this.#count));
      } else if (waiter.ticket <= this.#confirmed.ticket && losses === this.#confirmed.losses) {
        this.#release(waiter, null);
      }
    }
    const now = performance.now();
    const [oldest] = this.#waiters;
    const isVain = oldest !== undefined && oldest.ticket <= ticket && (wasMissing || now >= oldest.due);
    if (!isVain) return;
    if (!wasMissing) this.#missingUntil = now + REST * this.#timeout;
    // Later waiters would wait for nothing too.
    this.#releaseAll((waiter) =>
      waiter.ticket <= ticket ? new NotReplicatedError(confirmed, this.#count) : undefined,
    );
  }

  #releaseAll(shortfallOf: (waiter: Waiter) => NotReplicatedError | undefined): void {
    for (const waiter of this.#waiters) {
      const shortfall = shortfallOf(waiter);
      if (shortfall !== undefined) this.#release(waiter, shortfall);
    }
  }

  #release(waiter: Waiter, shortfall: NotReplicatedError | null): void {
    this.#waiters.delete(waiter);
    waiter.release(shortfall);
  }
}
