/**
 * Gathers what is sent through one connection at one time into few writes: a system call is the dearest part of a lookup,
 * and ioredis makes one for each command. It knows a stream, and nothing of what goes through it.
 */

/** The part of a `net.Socket` that holds writes back. */
export interface Corkable {
  cork(): void;
  uncork(): void;
}

/** So many are held back at most before the server gets to see them: else one of the two would idle while the other works. */
const MOST = 8;

/** What one client sends in one turn of the event loop. */
export class Corking {
  /** Whether something has been sent in this turn already. */
  #begun = false;
  /** What is held back, and how much that is. */
  #corked: Corkable | undefined;
  #held = 0;

  /**
   * Announces something that is about to be written to a stream. The first of a turn is sent at once, for the server to
   * begin with. What follows in the same step of the program, as when many replies arrive together, is sent as soon as the
   * step is over; what comes one by one, as in a server whose requests arrive each on its own, at the end of the turn.
   */
  gather(stream: Corkable): void {
    if (!this.#begun) {
      this.#begun = true;
      setImmediate(() => {
        this.#release();
        this.#begun = false;
      });
      return;
    }
    if (this.#corked !== undefined && (this.#held === MOST || this.#corked !== stream)) this.#release();
    this.#held++;
    if (this.#corked !== undefined) return;
    this.#corked = stream;
    stream.cork();
    process.nextTick(() => this.#held > 1 && this.#release());
  }

  #release(): void {
    this.#corked?.uncork();
    this.#corked = undefined;
    this.#held = 0;
  }
}
