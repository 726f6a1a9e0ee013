/**
 * Hints at values that are allowed and nearly always a mistake: a process warning, once in a process for each option. It is no
 * error, because a test may need such a value: `node --disable-warning=COATCHECK_UNIT` silences it. A leaf.
 */
import { emitWarning } from "node:process";

const given = new Set<string>();

/** Numbers that look like minutes or hours, and hardly ever are a number of ms, even in a test. */
const MINUTES_OR_HOURS: readonly number[] = [8, 12, 15, 24, 30, 45];
/** The same for seconds: for the timeout of a call, or a grace. */
const SECONDS: readonly number[] = [1, 2, 3, 5, 10, 15, 20, 30, 60];

/** Hints at a mistake, once in a process for each `subject`. */
export function hint(code: `COATCHECK_${string}`, subject: string, message: string): void {
  if (given.has(subject)) return;
  given.add(subject);
  emitWarning(message, { type: "CoatcheckWarning", code });
}

/** Hints if a lifetime in ms looks like a usual number of seconds, minutes or hours. */
export function hintAtUnit(name: string, ms: number | undefined): void {
  if (ms === undefined) return;
  // 900 is a quarter of an hour in seconds. 86 400 is a day in seconds, and nobody wants 86.4 seconds.
  const isMinutes = ms >= 60 && ms < 3600 && ms % 60 === 0 && ms % 500 !== 0;
  const isHours = ms >= 3600 && ms % 3600 === 0 && ms % 30_000 !== 0;
  if (isMinutes || isHours || MINUTES_OR_HOURS.includes(ms)) hintAtMilliseconds(name, ms);
}

/** The same for a time of a few seconds at most. */
export function hintAtShortUnit(name: string, ms: number | undefined): void {
  if (ms !== undefined && SECONDS.includes(ms)) hintAtMilliseconds(name, ms);
}

/** Hints if a time to live in seconds looks like a usual number of ms. */
export function hintAtSeconds(name: string, seconds: number): void {
  // 1 800 000 is half an hour in ms. In seconds it would be 20 days and 20 hours, and 86 400 000 would be 1000 days.
  const isRound = seconds % 86_400 === 0 && seconds < 86_400_000;
  if (seconds < 60_000 || seconds % 60_000 !== 0 || isRound) return;
  const message = `${name} is ${seconds} seconds, not ms; ${seconds} ms are ${seconds / 1000}`;
  hint("COATCHECK_UNIT", `${name}, seconds`, message);
}

function hintAtMilliseconds(name: string, ms: number): void {
  const minutes = ms < 60 ? `, ${ms} minutes are ${ms * 60_000}` : "";
  hint("COATCHECK_UNIT", name, `${name} is ${ms} ms; ${ms} seconds are ${ms * 1000}${minutes}`);
}
