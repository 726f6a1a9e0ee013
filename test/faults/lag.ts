/** How late this process itself is: on a busy machine a timer fires late, and nobody else is to blame. */
const INTERVAL = 5;

export class Lag {
  #sum = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => {
    this.#sum += this.#sinceLast();
    this.#last = performance.now();
  }, INTERVAL).unref();

  #sinceLast(): number {
    return Math.max(0, performance.now() - this.#last - INTERVAL);
  }

  /** For how long, ms, this process has not come to its timers in time; it only grows. */
  get stolen(): number {
    // The timer may be due itself.
    return this.#sum + this.#sinceLast();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
