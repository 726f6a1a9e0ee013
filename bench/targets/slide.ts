/** What a touch that slides may cost. Pure. */
import { type Figure, type Metric, select } from "../figures.ts";
import { BARE_SLIDING, SLIDING } from "../scenarios/slide.ts";
import { bytes, say, shown, type Target, times } from "./target.ts";

function sliding(figures: readonly Figure[], contender: string, metric: Metric): Figure | undefined {
  return select(figures, { scenario: "slide", contender, metric })[0];
}

export const slideTargets: readonly Target[] = [
  {
    scenario: "slide",
    target: "a touch that slides: at most 1.3 × the CPU of Redis of one that reads",
    measure: (figures) => sliding(figures, SLIDING, "server CPU")?.ratio,
    beside: (figures) => [
      say`It is ${shown(sliding(figures, BARE_SLIDING, "server CPU")?.ratio?.value, times)} of a bare script that reads, where PEXPIREAT comes to HGETALL: that is the price of the write itself, of its file and of its replica.`,
    ],
    limit: 1.3,
    reached: "at most",
    show: times,
  },
  {
    scenario: "slide",
    target: "a touch that slides: at most 100 bytes to a replica, and as many to the append-only file",
    // What goes to the file is the same, but on a busy disk it is counted a step late.
    measure: (figures) => sliding(figures, SLIDING, "replication"),
    beside: (figures) => [
      say`PEXPIREAT in a bare script writes ${shown(sliding(figures, BARE_SLIDING, "replication")?.value, bytes)}.`,
    ],
    limit: 100,
    reached: "at most",
    show: bytes,
    isTimeless: true,
  },
];
