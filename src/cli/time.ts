/** Durations and instants, as people write and read them. A leaf. */
import { Failure } from "./failure.js";

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A duration such as `30m` in ms. */
export function parseDuration(option: string, text: string): number {
  const [, count, unit = ""] = /^(\d+)(ms|s|m|h|d|w)$/.exec(text) ?? [];
  if (count === undefined) {
    throw new Failure(`${option} must be a duration such as 30s, 15m, 2h or 7d, got ${JSON.stringify(text)}.`);
  }
  return Number(count) * (UNITS[unit] as number);
}

/** The last one that a date can be, epoch ms. */
const LAST_INSTANT = 8.64e15;

/** An instant: a duration from `now` on, or a date such as 2031-01-31T12:00Z. Epoch ms. */
export function parseInstant(option: string, text: string, now: number): number {
  const isDuration = /^\d+[a-z]+$/.test(text);
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  const instant = isDuration ? now + parseDuration(option, text) : date;
  if (instant > LAST_INSTANT) throw new Failure(`${option} is too far in the future, got ${JSON.stringify(text)}.`);
  if (Number.isNaN(instant)) {
    const forms = "a duration such as 2h or 7d, or a date such as 2031-01-31T12:00Z";
    throw new Failure(`${option} must be ${forms}, got ${JSON.stringify(text)}.`);
  }
  return instant;
}

/** An instant as a table shows it, in UTC (Z), to the second. */
export function showInstant(instant: number | null): string {
  return instant === null
    ? "–"
    : new Date(instant)
        .toISOString()
        .replace(/\.\d+Z$/, "Z")
        .replace("T", " ");
}
