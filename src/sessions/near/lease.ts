/**
 * The lease: until when this process may answer from its memory without having heard from Redis again. Pure: it knows two clocks,
 * and neither beats nor sessions.
 */
import type { ProcessClock } from "./process-clock.js";

/** An instant by both clocks of the process. */
export interface Moment {
  readonly now: number;
  readonly wall: number;
}

/** This instant. */
export function momentOf(clock: ProcessClock): Moment {
  return { now: clock.now(), wall: clock.wall() };
}

/** A time for which something holds, from the sending of a question on. It ends as soon as one of the two clocks says so. */
export class Lease {
  /** How long it lasts, ms. */
  readonly length: number;
  #until = Number.NEGATIVE_INFINITY;
  #wallUntil = Number.NEGATIVE_INFINITY;

  constructor(length: number) {
    this.length = length;
  }

  /** Whether it holds at an instant that is given by both clocks. */
  holds(now: number, wall: number): boolean {
    return now < this.#until && wall < this.#wallUntil;
  }

  /**
   * Something was heard that answers what was sent at `sent`. The lease runs from there, because Redis may have answered at once.
   * Answers out of order do not shorten it.
   */
  extend(sent: Moment): void {
    if (sent.now + this.length <= this.#until) return;
    this.#until = sent.now + this.length;
    this.#wallUntil = sent.wall + this.length;
  }

  /** Ends it now. */
  end(): void {
    this.#until = Number.NEGATIVE_INFINITY;
    this.#wallUntil = Number.NEGATIVE_INFINITY;
  }
}
