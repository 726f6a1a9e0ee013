/**
 * Confirmation by replicas. A revocation is made at once, and a `WAIT` on the connection that made it tells afterwards how
 * many replicas have it. `WAIT` speaks of everything that its connection has written before, so one confirms all the
 * revocations that went before it. It knows nothing of what is confirmed.
 *
 * `WAIT` holds up whatever comes behind it on its connection: lookups, and revocations that are still to be made. So there
 * is one at a time, it is short at first and longer each time, and other calls pass between two of them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { NotReplicatedError } from "../leaves/errors.js";

/** How many replicas must confirm a revocation, and for how long to wait for them. */
export interface ReplicaOptions {
  /** At least this many replicas. */
  readonly count: number;
  /**
   * How long to wait for them, ms, on top of the `timeout` of the store. After one wait in vain the replicas are taken to
   * be missing: for five times as long a revocation is made as ever, and rejects with `NotReplicatedError` after a look of
   * 1 ms.
   */
  readonly timeout: number;
}

/** `null` once enough replicas have a revocation; else the error to end with. It never rejects. */
export type Shortfall = Promise<NotReplicatedError | null>;

/** The first `WAIT`, ms: far longer than a healthy replica needs. Each further one is twice as long. */
const FIRST = 20;

/** For so many times the timeout the replicas are taken to be missing after a wait in vain. */
const REST = 5;

/** How long a look at replicas takes that are taken to be missing, ms. */
const LOOK = 1;

/** One connection, as far as a confirmation needs it. */
export interface Wire {
  /** Sends a `WAIT`, and gives how many replicas have confirmed. Rejects in bounded time where Redis does not answer. */
  wait(count: number, timeout: number): Promise<number>;
  /** How often the connection was lost. What ran before a loss is beyond a `WAIT` after it. */
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
  /** Until when replicas are taken to be missing, by `performance.now()`. */
  #missingUntil = 0;

  /** `longest` bounds one `WAIT`, ms. */
  constructor(wire: Wire, { count, timeout }: ReplicaOptions, longest: number) {
    this.#wire = wire;
    this.#count = count;
    this.#timeout = timeout;
    this.#longest = Math.max(1, Math.min(timeout, longest));
  }

  /**
   * Announces a revocation that is sent in this turn of the event loop: a `WAIT` follows it on its heels, and all others
   * of this turn. Gives the ticket for `confirm`.
   */
  announce(): number {
    this.#start();
    return ++this.#sent;
  }

  /** Waits for the replicas to have a revocation. To be called as soon as Redis has answered that it is made. */
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
    // In the next phase of the event loop, so that everything that is revoked in this one is sent before.
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
        // A server that answers before its time, as one that knows no replicas may, is not asked again before.
        const left = time - (performance.now() - begun);
        if (this.#waiters.size > 0 && left > 0) await sleep(left);
      } catch (cause) {
        // They have been made, and nobody can tell any more who has them.
        this.#releaseAll(() => new NotReplicatedError(0, this.#count, { cause }));
      }
    } while (this.#waiters.size > 0);
    this.#isRunning = false;
  }

  /** What is left for the one that waits longest, in whole ms; Redis takes 0 for "for ever". */
  #timeLeft(): number {
    const [oldest] = this.#waiters;
    return oldest === undefined ? this.#timeout : Math.max(1, Math.ceil(oldest.due - performance.now()));
  }

  /** Takes note of an answer: so many replicas have all that was sent up to a ticket. */
  #note(ticket: number, confirmed: number, wasMissing: boolean): void {
    const { losses } = this.#wire;
    if (confirmed >= this.#count) {
      this.#confirmed = { ticket, losses };
      this.#missingUntil = 0;
    }
    for (const waiter of this.#waiters) {
      if (waiter.losses !== losses) {
        // The connection that made it is gone, and a WAIT on another one knows nothing of it.
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
    // Those that came later would wait in vain, too.
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
