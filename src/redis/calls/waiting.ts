/**
 * Calls that wait for Redis, each until its deadline. All of one line have the same time, so they end in the order in
 * which they began, and one timer watches them all: a timer for each took a tenth of what a read costs. It knows no Redis.
 *
 * If the process itself was held up, the event loop comes to its timers before it reads what has arrived meanwhile. So
 * nothing is given up before that was read, too: on an immediate, which comes after it.
 */

/** One that waits. */
export class Wait {
  before: Wait | undefined;
  after: Wait | undefined;
  over = false;

  constructor(
    readonly due: number,
    readonly giveUp: () => void,
  ) {}
}

export class WaitingLine {
  readonly #timeout: number;
  #first: Wait | undefined;
  #last: Wait | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `timeout` is how long each may wait, ms. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Lets something wait. `giveUp` is called, on its own tick, unless it ends in time. */
  begin(giveUp: () => void): Wait {
    const wait = new Wait(performance.now() + this.#timeout, giveUp);
    wait.before = this.#last;
    if (this.#last === undefined) this.#first = wait;
    else this.#last.after = wait;
    this.#last = wait;
    if (this.#timer === undefined) this.#watch(this.#timeout);
    else if (wait.before === undefined) this.#timer.ref();
    return wait;
  }

  /** Ends a wait. `false`: it had ended, or was given up. */
  end(wait: Wait): boolean {
    if (wait.over) return false;
    wait.over = true;
    const { before, after } = wait;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    // The timer goes on, as another wait is likely; but the process need not go on for it.
    if (this.#first === undefined) this.#timer?.unref();
    return true;
  }

  #watch(delay: number): void {
    this.#timer = setTimeout(() => {
      const now = performance.now();
      setImmediate(() => this.#look(now));
    }, delay);
  }

  #look(now: number): void {
    while (this.#first !== undefined && this.#first.due <= now) {
      const { giveUp } = this.#first;
      this.end(this.#first);
      process.nextTick(giveUp);
    }
    this.#timer = undefined;
    if (this.#first !== undefined) this.#watch(Math.max(1, Math.ceil(this.#first.due - performance.now())));
  }
}

/** Lets something wait by itself, for a time of its own, ms. What this returns ends the wait. */
export function waitAlone(time: number, giveUp: () => void): () => void {
  let end: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    end = setImmediate(giveUp);
  }, time);
  return () => {
    clearTimeout(timer);
    clearImmediate(end);
  };
}
