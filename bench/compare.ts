/** What got slower from one run to another, beyond what the rounds of a run differ among themselves. Pure. */

import { median } from "simple-statistics";
import { type Figure, keyOf, METRICS } from "./figures.ts";
import type { Results } from "./results.ts";

export interface Change {
  readonly key: string;
  /** In what `before` and `after` are counted. */
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
  /** Keys of figures with nobody else's beside them, which say nothing where the machines differ. */
  readonly incomparable: readonly string[];
  /** In what else the runs differ than in the code, a sentence each. */
  readonly differences: readonly string[];
}

/** The part of a run that a comparison goes by. */
export type Compared = Pick<Results, "figures" | "machine" | "versions" | "settings">;

/** Below this, a difference is not worth a word, however steady the rounds are. */
const NOTICEABLE = 0.05;
/** A normal distribution has its standard deviation at 1.4826 median absolute deviations, and 95 % within two of those. */
const WIDTH = 2 * 1.4826;
/** What no machine is faster at. */
const TIMELESS: readonly string[] = ["memory", "network", "still accepted"];

/** What a figure is measured by. */
interface Measure {
  readonly value: number;
  readonly mad: number;
  readonly unit: string;
  /** Whether it was put beside what others had in the same run, so that the machine cancels out. */
  readonly isRelative: boolean;
}

/**
 * Compares our own figures. Two runs are two states of a machine, or two machines, so wherever a run has measured something
 * of somebody else's beside a figure, multiples of that are compared and not the figures; and where the baseline is one of
 * ours, which may be what got slower, what became of all the others meanwhile is taken off.
 */
export function compare(before: Compared, after: Compared): Comparison {
  const [old, now] = [new Figures(before.figures), new Figures(after.figures)];
  const elsewhere = isElsewhere(before, after);
  const changes: Change[] = [];
  const incomparable: string[] = [];
  for (const figure of now.ours()) {
    const former = old.same(figure);
    if (former === undefined) continue;
    const [a, b] = measuresOf(former, old, figure, now);
    if (elsewhere && !b.isRelative && !TIMELESS.includes(figure.metric)) incomparable.push(keyOf(figure));
    else changes.push(changeOf(figure, a, b));
  }
  const onlyIn = (one: Figures, other: Figures) =>
    one.ours().flatMap((figure) => (other.same(figure) === undefined ? keyOf(figure) : []));
  return {
    changes,
    missing: onlyIn(old, now),
    added: onlyIn(now, old),
    incomparable,
    differences: differencesOf(before, after),
  };
}

/** The figures of a run, without the rarest latencies: one number for a whole run has no spread to judge it by. */
class Figures {
  readonly #byKey: ReadonlyMap<string, Figure>;
  readonly #peers = new Map<string, Figure[]>();
  readonly #ours: ReadonlySet<string>;

  constructor(figures: readonly Figure[]) {
    const steady = figures.filter(({ metric }) => metric !== "p99.9" && metric !== "max" && metric !== "stall");
    this.#byKey = new Map(steady.map((figure) => [keyOf(figure), figure]));
    this.#ours = new Set(steady.flatMap(({ ours, scenario, contender }) => (ours ? `${scenario} ${contender}` : [])));
    for (const figure of steady) {
      if (figure.ours) continue;
      const place = placeOf(figure);
      this.#peers.set(place, [...(this.#peers.get(place) ?? []), figure]);
    }
  }

  ours(): Figure[] {
    return [...this.#byKey.values()].filter(({ ours }) => ours);
  }

  same(figure: Figure): Figure | undefined {
    return this.#byKey.get(keyOf(figure));
  }

  /** The ratio of a figure, unless it is to one of ours: that may be what got slower. */
  ratioOf({ scenario, ratio }: Figure): Figure["ratio"] {
    return ratio === undefined || this.#ours.has(`${scenario} ${ratio.to}`) ? undefined : ratio;
  }

  /** How many times as much the others have in the place of a figure as they had in another run: the machine's doing. */
  driftFrom(other: Figures, figure: Figure): number | undefined {
    const drifts = (this.#peers.get(placeOf(figure)) ?? []).flatMap((peer) => {
      const former = other.same(peer)?.value ?? 0;
      return peer.value > 0 && former > 0 ? peer.value / former : [];
    });
    return drifts.length === 0 ? undefined : median(drifts);
  }
}

/** Scenario, circumstances and metric. */
function placeOf(figure: Figure): string {
  return keyOf({ ...figure, contender: "" });
}

/** What two figures are compared by. */
function measuresOf(former: Figure, old: Figures, figure: Figure, now: Figures): [before: Measure, after: Measure] {
  const [was, is] = [old.ratioOf(former), now.ratioOf(figure)];
  if (was !== undefined && was.to === is?.to) {
    const rest = { unit: `× ${is.to}`, isRelative: true };
    return [
      { ...was, ...rest },
      { ...is, ...rest },
    ];
  }
  const { unit } = METRICS[figure.metric];
  const drift = TIMELESS.includes(figure.metric) ? undefined : now.driftFrom(old, figure);
  if (drift === undefined) {
    return [
      { ...former, unit, isRelative: false },
      { ...figure, unit, isRelative: false },
    ];
  }
  const rest = { unit: `${unit}, less the peers' drift`, isRelative: true };
  return [
    { ...former, ...rest },
    { ...figure, value: figure.value / drift, mad: figure.mad / drift, ...rest },
  ];
}

function changeOf(figure: Figure, a: Measure, b: Measure): Change {
  const { better } = METRICS[figure.metric];
  const worse = better === "lower" ? quotient(b.value, a.value) : quotient(a.value, b.value);
  const spread = WIDTH * Math.hypot(a.mad, b.mad);
  const isBeyond = Math.abs(b.value - a.value) > spread && Math.abs(worse - 1) > NOTICEABLE;
  return {
    key: keyOf(figure),
    unit: b.unit,
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

function isElsewhere(before: Compared, after: Compared): boolean {
  return before.machine.cpu !== after.machine.cpu || before.machine.cores !== after.machine.cores;
}

/** In what two runs differ besides the code that they measure, a sentence each. */
function differencesOf(before: Compared, after: Compared): string[] {
  const machineOf = ({ machine }: Compared) => `${machine.cpu}, ${machine.cores} cores`;
  const versionOf = (name: string) => [before.versions[name], after.versions[name]] as const;
  const sentences = isElsewhere(before, after)
    ? [`The machines differ: ${machineOf(before)}; and ${machineOf(after)}.`]
    : [];
  for (const name of ["server", "node", "ioredis"]) {
    const [was, is] = versionOf(name);
    if (was !== is) sentences.push(`The versions of ${name} differ: ${was} and ${is}.`);
  }
  if (before.settings.quick !== after.settings.quick) {
    sentences.push("One is a quick run: it weighs fewer sessions, and its spreads are wide.");
  }
  return sentences;
}
