/**
 * The clocks of this process, behind one interface, so that a test can set them. It knows nothing of Redis: no instant of
 * these clocks is ever compared with one of its clock.
 */

/** Two clocks, because each has a fault that the other has not. */
export interface ProcessClock {
  /** ms that only grow. Stands still while the machine is suspended. */
  readonly now: () => number;
  /** Epoch ms. Goes on while the machine is suspended, and jumps when somebody sets it. */
  readonly wall: () => number;
}

/** The clocks as Node has them. */
export const processClock: ProcessClock = { now: () => performance.now(), wall: () => Date.now() };

/** By how much more the wall clock must have gone on than the other, ms: less is nothing to wait for. */
const SLEEP = 1000;

/** Notices that the machine may have slept, or that somebody has set the wall clock forward: nobody can tell which. */
export class SleepSense {
  readonly #clock: ProcessClock;
  /** By how much the wall clock is ahead of the other, ms. */
  #ahead: number;

  constructor(clock: ProcessClock) {
    this.#clock = clock;
    this.#ahead = clock.wall() - clock.now();
  }

  /** Whether that has happened since the last call. */
  mayHaveSlept(): boolean {
    const ahead = this.#clock.wall() - this.#clock.now();
    const isLonger = ahead - this.#ahead > SLEEP;
    if (isLonger || ahead < this.#ahead) this.#ahead = ahead;
    return isLonger;
  }
}
