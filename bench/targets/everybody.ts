/** What `revokeAll` has promised: that nobody waits for it. Pure. */
import { differenceOf, highestOf } from "../estimates.ts";
import { type Figure, select } from "../figures.ts";
import { everybody, IDLE } from "../scenarios/revocation-everybody.ts";
import { say, shown, type Target } from "./target.ts";

const SESSIONS = 100_000;

const waitBeside = (figures: readonly Figure[], contender: string): Figure | undefined =>
  select(figures, { scenario: "revocation", contender, metric: "stall", at: { sessions: SESSIONS } })[0];

const show = (value: number) => `${value.toFixed(1)} ms`;
const crowds = everybody.filter(({ ours }) => ours).map(({ name }) => name);

export const everybodyTargets: readonly Target[] = [
  {
    scenario: "revocation",
    target: "revokeAll of 100 000 sessions: the longest PING beside it takes at most 10 ms more than without it",
    measure: (figures) => {
      const idle = waitBeside(figures, IDLE);
      const waits = crowds.map((crowd) => waitBeside(figures, crowd));
      // All of them, or it says nothing of the worst.
      if (idle === undefined || !waits.every((wait) => wait !== undefined)) return undefined;
      return highestOf(waits.map((wait) => differenceOf(wait, idle)));
    },
    beside: (figures) => [
      ...crowds.map((crowd) => say`${crowd}: ${shown(waitBeside(figures, crowd)?.value, show)}.`),
      say`With ${IDLE}: ${shown(waitBeside(figures, IDLE)?.value, show)}.`,
    ],
    limit: 10,
    reached: "at most",
    show,
  },
];
