/** How late this process itself is: on a busy machine a timer fires late, and nobody else is to blame. */
const INTERVAL = 5;
/** By so much a timer is late on any machine, ms; summed up over a call it would hide that the call is late. */
const USUAL = 2;

export class Lag {
  #sum = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => {
    this.#sum += this.#sinceLast();
    this.#last = performance.now();
  }, INTERVAL).unref();

  #sinceLast(): number {
    const late = performance.now() - this.#last - INTERVAL;
    return late > USUAL ? late : 0;
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
