/**
 * Puts commands that are sent through one connection at the same time into few writes: a system call is the most expensive part
 * of a lookup, and ioredis makes one for each command. It knows a stream, but not what goes through it.
 */

/** The part of a `net.Socket` that holds writes back. */
export interface Corkable {
  cork(): void;
  uncork(): void;
}

/** How many commands are held back at most. With more, the server would idle while this process works, and the reverse. */
const MOST_HELD = 8;

/** What one client sends in one turn of the event loop. */
export class Corking {
  #stream: Corkable | undefined;
  #held = 0;

  /**
   * Announces a command that is about to be written to a stream. Several commands of the same step of the program, as when many
   * replies arrive together, are sent when the step is over. A single command, as in a server whose requests arrive one by one,
   * waits for others until the end of the turn.
   */
  gather(stream: Corkable): void {
    if (this.#stream !== undefined && (this.#held === MOST_HELD || this.#stream !== stream)) this.#release();
    this.#held++;
    if (this.#stream !== undefined) return;
    this.#stream = stream;
    stream.cork();
    const release = () => {
      // Others may have come and made the number too large: then this stream has been released already.
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
