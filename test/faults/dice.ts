/** Chance that can be had again: the same seed gives the same throws. It knows nothing of what is thrown for. */

/** The seed of this run: `COATCHECK_SEED`, or a new one. */
export function seedOfRun(): number {
  const given = process.env["COATCHECK_SEED"];
  if (given === undefined) return Math.floor(Math.random() * 2 ** 32);
  const seed = Number(given);
  if (!Number.isInteger(seed)) throw new RangeError(`COATCHECK_SEED must be an integer, got ${JSON.stringify(given)}`);
  return seed >>> 0;
}

export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1: one step of mulberry32, which passes the usual tests of randomness and keeps 32 bits of state. */
  throw(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.throw() * bound);
  }

  /** An integer within the bounds, both included. */
  within(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  chance(probability: number): boolean {
    return this.throw() < probability;
  }

  pick<T>(of: readonly T[]): T {
    if (of.length === 0) throw new RangeError("There is nothing to pick from");
    return of[this.below(of.length)] as T;
  }

  /** One of some names, each as often as its weight says. */
  weighed<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][];
    let left = this.throw() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    return (entries.at(-1) as [Name, number])[0];
  }

  /** Dice of their own for one of several who throw at once: whose turn it is then changes nobody's throws. */
  split(): Dice {
    return new Dice(this.below(2 ** 32));
  }
}
