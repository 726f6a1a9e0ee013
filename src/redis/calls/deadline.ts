/** The time that Redis has for one call with all its round trips. A leaf. */
export class Deadline {
  #at: number;

  /** A time that is too long for `setTimeout` counts as the longest one: `setTimeout` would take it for 1 ms. */
  constructor(timeout: number) {
    this.#at = performance.now() + Math.min(timeout, 2 ** 31 - 1);
  }

  /** The time that is left, ms; never negative. */
  get left(): number {
    return Math.max(0, this.#at - performance.now());
  }

  /** Runs the caller's own function or schema: the time that it takes does not count. */
  async exclude<T>(work: () => T | Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      return await work();
    } finally {
      this.#at += performance.now() - begun;
    }
  }
}
