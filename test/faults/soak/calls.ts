/**
 * The calls of a soak, counted: how many, which errors, how long each client went without an answer. It knows nothing of
 * what the calls are for.
 */
import { setTimeout as wait } from "node:timers/promises";
import { isSessionError, StoreUnavailableError } from "../../../src/index.js";

/** What a call came to that Redis did not answer: it may have run, or may still. */
export const UNSURE = Symbol("unsure");

/** One of the clients that make calls. */
export interface Line {
  readonly name: string;
  /** When a call last got an answer, by `performance.now()`. */
  answeredAt: number;
  /** How many connections it has lost: where this grows during a call, its script may have run twice. */
  losses: number;
}

export class Calls {
  operations = 0;
  /** ms that the slowest call took. */
  slowest = 0;
  readonly errors: Record<string, number> = {};
  readonly broken: string[] = [];
  #pending = 0;

  /** Calls that have not settled. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Makes a call. Gives what it resolves with, or an error of the `expected` kinds, or `UNSURE` where Redis gave no answer.
   * Any other error breaks P8: the library does not know such an end of a call.
   */
  async make<T, E extends Error = never>(
    line: Line,
    name: string,
    run: () => Promise<T>,
    expected: readonly (abstract new (...args: never[]) => E)[] = [],
  ): Promise<T | E | typeof UNSURE> {
    this.operations++;
    this.#pending++;
    const begun = performance.now();
    try {
      const value = await run();
      line.answeredAt = performance.now();
      return value;
    } catch (error) {
      const code = isSessionError(error) ? error.code : String(error);
      this.errors[code] = (this.errors[code] ?? 0) + 1;
      for (const kind of expected) {
        if (!(error instanceof kind)) continue;
        line.answeredAt = performance.now();
        return error;
      }
      if (!(error instanceof StoreUnavailableError)) this.breaks(`${name} rejected with ${code} (P8)`);
      // Nobody sends the next request in the same instant.
      await wait(20);
      return UNSURE;
    } finally {
      this.#pending--;
      this.slowest = Math.max(this.slowest, performance.now() - begun);
    }
  }

  /** Notes that a promise was broken. */
  breaks(what: string): void {
    // The first few tell what is wrong; a hundred thousand of the same would only fill the memory.
    if (this.broken.length < 25) this.broken.push(what);
  }
}
