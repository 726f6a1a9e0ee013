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
