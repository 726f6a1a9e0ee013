/**
 * Turns for the writes of one session. A write that was too slow once would be too slow again, if it raced with a hundred
 * others. So it waits for its turn, and the write before it tells it what is stored now. It knows no Redis.
 */
import { StoreUnavailableError } from "../leaves/errors.js";
import type { Deadline } from "../redis/calls/deadline.js";
import type { Version } from "./baseline.js";

/** The result of a write, and what is stored now, as far as the write knows. */
export interface Turn<T> {
  readonly result: T;
  readonly stored: Version | undefined;
}

/** The waiting writes of one process, by session id. */
export class Lanes {
  readonly #last = new Map<string, Promise<Version | undefined>>();

  /** Runs a write when the writes before it are done. `known` is what the last of them has stored. */
  async take<T>(sid: string, write: (known: Version | undefined) => Promise<Turn<T>>): Promise<T> {
    const before = this.#last.get(sid);
    const turn = before === undefined ? write(undefined) : before.then(write);
    const stored = turn.then(
      (done) => done.stored,
      () => undefined,
    );
    this.#last.set(sid, stored);
    try {
      return (await turn).result;
    } finally {
      if (this.#last.get(sid) === stored) this.#last.delete(sid);
    }
  }
}

/**
 * Counts the tries of one write, and ends them at its deadline. The error then says that other requests were faster, and not
 * that Redis did not answer.
 */
export class Tries {
  readonly #deadline: Deadline;
  readonly #timeout: number;
  #lost = 0;

  constructor(deadline: Deadline) {
    this.#deadline = deadline;
    this.#timeout = deadline.left;
  }

  /** Notes that another request was faster. */
  lose(): void {
    this.#lost++;
  }

  /** Runs one try. */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.#lost > 0 && this.#isOver) throw this.#crowded();
    try {
      return await attempt();
    } catch (error) {
      if (this.#lost > 0 && this.#isOver) throw this.#crowded(error);
      throw error;
    }
  }

  /** A wait ends by a time of its own, which is rounded in another way. */
  get #isOver(): boolean {
    return this.#deadline.left < 1;
  }

  #crowded(cause?: unknown): StoreUnavailableError {
    const times = this.#lost === 1 ? "once" : `${this.#lost} times`;
    return new StoreUnavailableError(
      `Too many requests wrote the same session at once: others were faster ${times} within ${Math.round(this.#timeout)} ms` +
        (cause === undefined ? "; this change was not stored" : "; this change may still be stored"),
      cause,
    );
  }
}
