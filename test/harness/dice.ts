/** Chance that can be had again: the same seed gives the same throws. It knows nothing of what is thrown for. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** The seed of this run: `COATCHECK_SEED`, or a new one. */
export function seedOfRun(): number {
  const given = process.env["COATCHECK_SEED"];
  if (given === undefined) return Math.floor(Math.random() * 2 ** 32);
  const seed = Number(given);
  if (!Number.isInteger(seed)) throw new RangeError(`COATCHECK_SEED must be an integer, got ${JSON.stringify(given)}`);
  return seed >>> 0;
}

export class Dice {
  readonly #generator: RandomGenerator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /** From 0 to below 1. */
  throw(): number {
    return uniformFloat64(this.#generator);
  }

  /** An integer from 0 to below `bound`. */
  below(bound: number): number {
    return this.within(0, bound - 1);
  }

  /** An integer within the bounds, both included. */
  within(min: number, max: number): number {
    return uniformInt(this.#generator, min, max);
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
