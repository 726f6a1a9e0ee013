/** The way that bytes take to one end of a connection, on which they may be slow, and overtake no others. It knows no proxy. */
import type { Socket } from "node:net";

/** `null` stands for the end of the stream. */
export type Chunk = Buffer | null;

/** How fast bytes travel: `delay` ms late, and no more than `bytes` every `every` ms. */
export interface Pace {
  readonly delay: number;
  readonly bytes: number;
  readonly every: number;
}

export const AT_ONCE: Pace = { delay: 0, bytes: Number.POSITIVE_INFINITY, every: 0 };

/** The way to one end of a connection, on which bytes overtake no others. */
export class Way {
  readonly #to: Socket;
  readonly #line: { chunk: Chunk; readonly due: number; readonly pace: Pace }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Socket) {
    this.#to = to;
  }

  /** What is under way at `AT_ONCE` waits for nobody, so `hurry` comes first. */
  send(chunk: Chunk, pace: Pace): void {
    if (pace === AT_ONCE) {
      this.#arrive(chunk);
      return;
    }
    this.#line.push({ chunk, due: performance.now() + pace.delay, pace });
    if (this.#line.length === 1) this.#wait(pace.delay);
  }

  hurry(): void {
    this.close();
    for (const { chunk } of this.#line.splice(0)) this.#arrive(chunk);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#step(), ms);
  }

  /** Lets the first in line arrive, or as much of it as may travel at a time. */
  #step(): void {
    const [first] = this.#line;
    if (first === undefined) return;
    const { chunk, pace } = first;
    this.#arrive(chunk?.subarray(0, pace.bytes) ?? null);
    if (chunk !== null && chunk.length > pace.bytes) first.chunk = chunk.subarray(pace.bytes);
    else this.#line.shift();
    const [next] = this.#line;
    if (next !== undefined) this.#wait(Math.max(pace.every, next.due - performance.now()));
  }

  #arrive(chunk: Chunk): void {
    if (this.#to.destroyed || this.#to.writableEnded) return;
    if (chunk === null) this.#to.end();
    else this.#to.write(chunk);
  }
}
