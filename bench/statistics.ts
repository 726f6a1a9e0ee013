/** The middle of several rounds, and how far they lie apart. Pure; it knows nothing of what was measured. */
import { max, median, medianAbsoluteDeviation, min } from "simple-statistics";

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

/** Median, extremes and median absolute deviation of the rounds. */
export function spreadOf(numbers: readonly number[]): Spread {
  const rounds = [...numbers];
  return {
    value: median(rounds),
    low: min(rounds),
    high: max(rounds),
    mad: medianAbsoluteDeviation(rounds),
    rounds: rounds.length,
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
