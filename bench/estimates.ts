/** What rounds tell of a figure, how sure that is, and the arithmetic with it. Pure; it knows nothing of what was measured. */
import type { Spread } from "./statistics.ts";

/** The median of some rounds, and how far they lie apart. */
export type Estimate = Pick<Spread, "value" | "mad" | "rounds">;

/**
 * Half of the interval in which the true median lies 95 times out of 100: two standard errors of a median, each 1.2533 standard
 * deviations over the root of the rounds, and one of those is 1.4826 median absolute deviations.
 */
const HALF_WIDTH = 2 * 1.2533 * 1.4826;

/** Why the rounds do not tell on which side of the limit a figure is; `null` if they do. */
export function doubtOf(
  { value, mad, rounds }: Estimate,
  limit: number,
  show: (value: number) => string,
): string | null {
  if (rounds < 3) return `${rounds === 1 ? "one round has" : `${rounds} rounds have`} no spread to judge by`;
  const width = (HALF_WIDTH * mad) / Math.sqrt(rounds);
  if (Math.abs(value - limit) >= width) return null;
  return `its rounds differ too much: it may be anything from ${show(value - width)} to ${show(value + width)}`;
}

/** The quotient of two figures, and how far its rounds would lie apart. */
export function quotientOf(a: Estimate, b: Estimate): Estimate {
  const value = a.value / b.value;
  return { value, mad: value * Math.hypot(a.mad / a.value, b.mad / b.value), rounds: Math.min(a.rounds, b.rounds) };
}

/** How much more one figure is than another, and how far its rounds would lie apart. */
export function differenceOf(a: Estimate, b: Estimate): Estimate {
  return { value: a.value - b.value, mad: Math.hypot(a.mad, b.mad), rounds: Math.min(a.rounds, b.rounds) };
}

/** What is exactly one, in any number of rounds. */
export const ONE: Estimate = { value: 1, mad: 0, rounds: Number.POSITIVE_INFINITY };

export function highestOf(estimates: readonly Estimate[]): Estimate | undefined {
  return estimates.toSorted((a, b) => b.value - a.value)[0];
}

export function lowest(estimates: readonly Estimate[]): Estimate | undefined {
  return estimates.toSorted((a, b) => a.value - b.value)[0];
}
