/** How figures are written for people. Pure. */
import { METRICS, type Metric } from "../figures.ts";
import type { Spread } from "../statistics.ts";

/** A number with three significant digits, and thin groups of thousands. */
export function digits(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const places = Math.max(0, 2 - Math.floor(Math.log10(size)));
  const rounded = size >= 1000 ? Number(value.toPrecision(3)) : Number(value.toFixed(Math.min(places, 6)));
  return rounded
    .toLocaleString("en", { maximumFractionDigits: Math.min(places, 6), useGrouping: true })
    .replaceAll(",", " ");
}

/** A median with its spread in percent, such as `41 200 ± 3 %`. */
export function withSpread({ value, mad, rounds }: Spread): string {
  if (rounds < 2 || value === 0) return digits(value);
  return `${digits(value)} ± ${Math.round((mad / value) * 100)} %`;
}

/** A multiple, such as `1.23 ×`. */
export function multiple(value: number): string {
  return `${value >= 10 ? digits(value) : value.toFixed(2)} ×`;
}

export function unitOf(metric: Metric): string {
  return METRICS[metric].unit;
}

/** Bytes in the unit that suits them. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const step = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${digits(value / 1000 ** step)} ${units[step]}`;
}
