/** The form of a target, and how its figures are written. It knows no scenario. */
import type { Estimate } from "../estimates.ts";
import type { Figure } from "../figures.ts";

/**
 * A target is a multiple of what something else takes in the same run, so that a slower machine is no worse contender. The
 * exceptions are bytes, of which every machine takes as many, and what docs/near.md and docs/operations.md promise in so many words.
 */
export interface Target {
  readonly scenario: string;
  readonly target: string;
  /** A sentence or two made from the figures of the run; what it did not measure is left out. */
  readonly beside: (figures: readonly Figure[]) => readonly (string | undefined)[];
  /** The worst of all figures that the target speaks of. `undefined`: not measured. */
  readonly measure: (figures: readonly Figure[]) => Estimate | undefined;
  readonly limit: number;
  /** On which side of the limit it is reached; the limit itself is. */
  readonly reached: "at least" | "at most";
  readonly show: (value: number) => string;
  /** Whether neighbours and rounds make no difference. */
  readonly isTimeless?: true;
}

export const milliseconds = (value: number) => `${(value / 1000).toFixed(3)} ms`;
export const times = (value: number) => `${value.toFixed(2)} ×`;
export const bytes = (value: number) => `${Math.round(value)} bytes`;
export const nanos = (value: number) => `${Math.round(value)} ns`;
export const micros = (value: number) => `${value.toFixed(1)} µs`;

/** A part of a sentence with figures in it; nothing where one of them was not measured. */
export function say(parts: TemplateStringsArray, ...values: (string | undefined)[]): string | undefined {
  if (values.includes(undefined)) return undefined;
  return parts.map((part, at) => part + (values[at] ?? "")).join("");
}

/** A value as it is printed. */
export function shown(value: number | undefined, show: (value: number) => string): string | undefined {
  return value === undefined ? undefined : show(value);
}
