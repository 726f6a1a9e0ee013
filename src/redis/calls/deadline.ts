/** The time that Redis has for one call, over all of its round trips. A leaf. */
export class Deadline {
  #at: number;

  /** More than what `setTimeout` can do counts as that: it would take it for 1 ms. */
  constructor(timeout: number) {
    this.#at = performance.now() + Math.min(timeout, 2 ** 31 - 1);
  }

  /** What is left of it, ms; never negative. */
  get left(): number {
    return Math.max(0, this.#at - performance.now());
  }

  /** Runs what is not Redis's doing, such as the caller's own function or schema: the time it takes does not count. */
  async exclude<T>(work: () => T | Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      return await work();
    } finally {
      this.#at += performance.now() - begun;
    }
  }
}
