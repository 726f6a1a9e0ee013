/**
 * Calls that wait for Redis, each until its deadline. All waits of one line last equally long, so they end in the order in
 * which they began, and one timer is enough: a timer for each took a tenth of the time of a read. It knows no Redis.
 *
 * If the process was held up, the event loop runs its timers before it reads the replies that have arrived meanwhile. So a wait
 * is given up in an immediate, which runs after these replies are read.
 */

/** One wait. */
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

  /** `timeout`: how long each wait may last, ms. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Begins a wait. `giveUp` is called, on its own tick, if the wait does not end in time. */
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

  /** Ends a wait. `false`: it had ended already, or was given up. */
  end(wait: Wait): boolean {
    if (wait.over) return false;
    wait.over = true;
    const { before, after } = wait;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    // The timer goes on, because another wait is likely, but it does not keep the process alive.
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

/**
 * Begins a wait with a time of its own, ms. The function that it returns ends the wait. A timer counts from the beginning of a turn
 * of the event loop, and in whole ms, so it may fire too early: then the wait goes on.
 */
export function waitAlone(time: number, giveUp: () => void): () => void {
  const due = performance.now() + time;
  let timer: NodeJS.Timeout | undefined;
  let end: NodeJS.Immediate | undefined;
  const watch = (delay: number) => {
    timer = setTimeout(() => {
      const left = due - performance.now();
      if (left > 0) watch(Math.ceil(left));
      else end = setImmediate(giveUp);
    }, delay);
  };
  watch(time);
  return () => {
    clearTimeout(timer);
    clearImmediate(end);
  };
}
