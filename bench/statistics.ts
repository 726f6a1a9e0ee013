/** The middle of several rounds, and how far they lie apart. Pure; it knows nothing of what was measured. */

/** One quantity over all rounds. */
export interface Spread {
  /** The median of the rounds. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Median absolute deviation from the median: half of the rounds lie within this distance. */
  readonly mad: number;
  readonly rounds: number;
}

/** The middle value; the mean of the two middle ones where their number is even. */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) throw new RangeError("There is no median of nothing.");
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}

/** Median, extremes and median absolute deviation of the rounds. */
export function spreadOf(numbers: readonly number[]): Spread {
  const value = median(numbers);
  return {
    value,
    low: Math.min(...numbers),
    high: Math.max(...numbers),
    mad: median(numbers.map((number) => Math.abs(number - value))),
    rounds: numbers.length,
  };
}

/**
 * Ratios round by round. A busy moment of the machine hits neighbours alike, so the median of these is steadier than the
 * ratio of two medians.
 */
export function ratioOf(numbers: readonly number[], baseline: readonly number[]): Spread {
  const pairs = Math.min(numbers.length, baseline.length);
  const ratios = numbers.slice(0, pairs).map((number, round) => number / (baseline[round] as number));
  return spreadOf(ratios);
}
