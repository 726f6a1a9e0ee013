/**
 * Who may wait for replicas, and for how long. WAIT holds up whatever comes behind it on its connection, lookups too, and
 * where the replicas are gone each one does so for its whole time. So only a few wait at once, and while replicas are
 * known to be missing nobody waits to speak of. It knows nothing of what is confirmed.
 */

/** So many wait at once; more of them would queue in Redis, where nothing can call them back. */
const MOST = 4;

/** For so many times the timeout nobody waits after somebody waited in vain; then one looks whether the replicas are back. */
const REST = 5;

/** The waiting for the replicas of one server. */
export class Confirmations {
  readonly #timeout: number;
  readonly #queue: (() => void)[] = [];
  #waiting = 0;
  /** Until when replicas are taken to be missing, by `performance.now()`. */
  #missingUntil = 0;

  /** `timeout` is how long to wait for replicas that are there, ms. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /**
   * Calls `ask` with how long it may wait, ms, or 0 for not at all, when it is its turn, and gives its answer. A turn ends
   * after `limit` ms, answered or not: a client may never settle what it has lost.
   */
  async seek<T extends { readonly shortfall: object | null }>(
    limit: number,
    ask: (timeout: number) => Promise<T>,
  ): Promise<T> {
    if (this.#waiting < MOST) this.#waiting++;
    else await new Promise<void>((turn) => this.#queue.push(turn));
    const passOn = once(() => {
      const next = this.#queue.shift();
      if (next === undefined) this.#waiting--;
      else next();
    });
    const timer = setTimeout(passOn, limit);
    const waits = performance.now() >= this.#missingUntil;
    // The one that looks whether they are back does so alone.
    if (waits && this.#missingUntil > 0) this.#rest();
    try {
      const reply = await ask(waits ? this.#timeout : 0);
      if (reply.shortfall === null) this.#missingUntil = 0;
      else if (waits) this.#rest();
      return reply;
    } finally {
      clearTimeout(timer);
      passOn();
    }
  }

  #rest(): void {
    this.#missingUntil = performance.now() + REST * this.#timeout;
  }
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}
