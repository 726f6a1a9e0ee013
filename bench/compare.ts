/** What got slower from one run to another, beyond what the rounds of a run differ among themselves. Pure. */
import { type Figure, keyOf, METRICS } from "./figures.ts";

export interface Change {
  readonly key: string;
  /** What was compared: the ratio to the run's own baseline where there is one, else the figure itself. */
  readonly by: "ratio" | "value";
  readonly unit: string;
  readonly before: number;
  readonly after: number;
  /** How many times worse: above 1 is slower, whichever direction is better. */
  readonly worse: number;
  readonly verdict: "slower" | "faster" | "same";
}

export interface Comparison {
  readonly changes: readonly Change[];
  /** Keys of figures of ours that only one of the runs has. */
  readonly missing: readonly string[];
  readonly added: readonly string[];
}

/** Below this, a difference is not worth a word, however steady the rounds are. */
const NOTICEABLE = 0.05;
/** A normal distribution has its standard deviation at 1.4826 median absolute deviations, and 95 % within two of those. */
const WIDTH = 2 * 1.4826;

/**
 * Compares our own figures. Two runs are two states of a machine, so wherever a run has measured a baseline beside a
 * figure, the two ratios are compared and not the figures.
 */
export function compare(before: readonly Figure[], after: readonly Figure[]): Comparison {
  const ours = (figures: readonly Figure[]) =>
    new Map(figures.filter((figure) => figure.ours && isSteady(figure)).map((figure) => [keyOf(figure), figure]));
  const [old, now] = [ours(before), ours(after)];
  const changes: Change[] = [];
  for (const [key, figure] of now) {
    const former = old.get(key);
    if (former !== undefined) changes.push(changeOf(key, former, figure));
  }
  return {
    changes,
    missing: [...old.keys()].filter((key) => !now.has(key)),
    added: [...now.keys()].filter((key) => !old.has(key)),
  };
}

/** The rarest latencies are one number for a whole run: they have no spread to judge them by. */
function isSteady({ metric }: Figure): boolean {
  return metric !== "p99.9" && metric !== "max" && metric !== "stall";
}

function changeOf(key: string, former: Figure, figure: Figure): Change {
  const byRatio = former.ratio !== undefined && former.ratio.to === figure.ratio?.to;
  const [a, b] = byRatio ? [former.ratio, figure.ratio as NonNullable<Figure["ratio"]>] : [former, figure];
  const { unit, better } = METRICS[figure.metric];
  const worse = better === "lower" ? quotient(b.value, a.value) : quotient(a.value, b.value);
  const spread = WIDTH * Math.hypot(a.mad, b.mad);
  const isBeyond = Math.abs(b.value - a.value) > spread && Math.abs(worse - 1) > NOTICEABLE;
  return {
    key,
    by: byRatio ? "ratio" : "value",
    unit: byRatio ? `× ${figure.ratio?.to}` : unit,
    before: a.value,
    after: b.value,
    worse,
    verdict: !isBeyond ? "same" : worse > 1 ? "slower" : "faster",
  };
}

function quotient(a: number, b: number): number {
  if (b === 0) return a === 0 ? 1 : Number.POSITIVE_INFINITY;
  return a / b;
}
