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
const MOST_HELD = 8;

/** What one client sends in one turn of the event loop. */
export class Corking {
  #stream: Corkable | undefined;
  #held = 0;

  /**
   * Announces something that is about to be written to a stream. Several in the same step of the program, as when many
   * replies arrive together, are sent as soon as the step is over. One that comes alone, as in a server whose requests
   * arrive each on its own, waits for others to the end of the turn.
   */
  gather(stream: Corkable): void {
    if (this.#stream !== undefined && (this.#held === MOST_HELD || this.#stream !== stream)) this.#release();
    this.#held++;
    if (this.#stream !== undefined) return;
    this.#stream = stream;
    stream.cork();
    const release = () => {
      // What was held by then has gone already, where others came that were too many.
      if (this.#stream === stream) this.#release();
    };
    process.nextTick(() => (this.#held > 1 ? release() : setImmediate(release)));
  }

  #release(): void {
    this.#stream?.uncork();
    this.#stream = undefined;
    this.#held = 0;
  }
}
