/**
 * What a client knows of one claim that it writes again and again, and what a value that it reads comes to. A call without an
 * answer may have written, or may write yet. It knows nothing of sessions or calls beyond when they were.
 */
import type { Span } from "./user.js";

/** What a value comes to. */
export interface Judgement {
  /** How many acknowledged writes it lacks that may be lost; negative where some of those are back. */
  readonly lost: number;
  /** What is wrong with it; `null` where nothing is. */
  readonly wrong: string | null;
}

type IsLosable = (write: Span) => boolean;

const FINE: Judgement = { lost: 0, wrong: null };

/** A number that calls count up: between what was acknowledged and what was attempted. */
export class Counter {
  /** How many were acknowledged, or seen. */
  #floor = 0;
  #attempted = 0;
  /** Of those attempted, how many were acknowledged and are lost. */
  #lost = 0;
  /** The value beyond which `writes` has them all. */
  #forgotten = 0;
  /** The last acknowledged writes, in order. */
  readonly #writes: (Span & { readonly value: number })[] = [];

  attempt(): void {
    this.#attempted++;
  }

  /** The lowest value that a call which counts up and is answered now can give. */
  get next(): number {
    return this.#floor + 1;
  }

  /** The call that was the last to be acknowledged; `null` for none. */
  get last(): Span | null {
    return this.#writes.at(-1) ?? null;
  }

  judge(value: unknown, span: Span, isLosable: IsLosable): Judgement {
    if (typeof value !== "number") return { lost: 0, wrong: `is ${JSON.stringify(value)} and no number` };
    if (value > this.#attempted) {
      const wrong = `is ${value}, and was counted up ${this.#attempted} times at most`;
      this.#set(value, span);
      this.#attempted = value;
      return { lost: 0, wrong };
    }
    // What is attempted and lost does not count, unless it is back.
    const back = Math.max(0, value - (this.#attempted - this.#lost));
    this.#lost -= back;
    if (value >= this.#floor) {
      this.#set(value, span);
      return { lost: -back, wrong: null };
    }
    const missing = this.#writes.filter((write) => write.value > value);
    const isFine = value >= this.#forgotten && missing.every(isLosable);
    const lost = this.#floor - value;
    const wrong = isFine ? null : `is ${value}, and ${this.#floor} was acknowledged`;
    this.#writes.splice(0, this.#writes.length, ...this.#writes.filter((write) => write.value <= value));
    this.#floor = value;
    this.#lost += lost;
    return wrong === null ? { lost, wrong } : { lost: 0, wrong };
  }

  #set(value: number, { begun, ended }: Span): void {
    if (value > this.#floor) this.#writes.push({ value, begun, ended });
    if (this.#writes.length > 200) this.#forgotten = this.#writes.shift()?.value ?? 0;
    this.#floor = value;
  }
}

interface Write extends Span {
  readonly value: unknown;
  readonly answered: boolean;
}

/** A value that calls set: the last acknowledged one, or any that was set without an answer. */
export class Register {
  #writes: Write[] = [];

  /** What was set by a call, and whether it was answered. */
  set(value: unknown, span: Span, answered: boolean): void {
    this.#writes.push({ value, ...span, answered });
    // Where so many are lost, their value is one that nobody set.
    if (this.#writes.length > 100) this.#writes.shift();
  }

  judge(value: unknown, _: Span, isLosable: IsLosable): Judgement {
    const at = this.#writes.findLastIndex((write) => write.value === value);
    if (at !== -1 && this.#writes[at]?.answered === false) return FINE;
    if (at === -1 && value !== undefined) return { lost: 0, wrong: `is ${JSON.stringify(value)}, which nobody set` };
    const missing = this.#writes.slice(at + 1).filter(({ answered }) => answered);
    if (missing.length === 0) return FINE;
    const wrong = missing.every(isLosable)
      ? null
      : `is ${JSON.stringify(value)}, and ${JSON.stringify(missing.at(-1)?.value)} was acknowledged`;
    // One that may be back some day is as good as one without an answer.
    this.#writes = this.#writes.map((write) => (missing.includes(write) ? { ...write, answered: false } : write));
    return wrong === null ? { lost: missing.length, wrong } : { lost: 0, wrong };
  }
}
