/** Before a run: whether the machine is calm enough for it, how long it will take, and waiting until it is. */
import { setTimeout as sleep } from "node:timers/promises";
import { busyness, type Look, Watch } from "./neighbours.ts";

/** How long one look before a run takes, ms. */
const GLANCE = 1_500;
/** For how many looks one after another the machine has to be calm. */
const CALM_LOOKS = 3;
/** How long a run waits at most before a scenario, ms. */
export const PATIENCE = 10 * 60_000;

export interface Waiting {
  /** What the machine is like over the next moment. */
  readonly look: () => Promise<Look>;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  /** How long to wait at most, ms. Default: 10 minutes. */
  readonly patience?: number;
}

/** Looks at the machine for a moment, in which this process does nothing. */
export async function glance(roots: readonly number[], signal: AbortSignal): Promise<Look> {
  const watch = await Watch.begin(roots);
  await sleep(GLANCE, undefined, { signal });
  return watch.look();
}

/** Waits until the machine is calm, and says so. Goes on after `patience` even if it is not. */
export async function calmDown({ look, say, signal, patience = PATIENCE }: Waiting): Promise<void> {
  const began = performance.now();
  let calm = 0;
  let saidWhy = "";
  while (calm < CALM_LOOKS) {
    signal.throwIfAborted();
    const why = busyness(await look());
    calm = why === null ? calm + 1 : 0;
    if (why !== null && performance.now() - began > patience) {
      say(`  not calm after ${Math.round(patience / 60_000)} minutes (${why}): going on, and there will be no verdict`);
      return;
    }
    if (why !== null && saidWhy === "") say(`  waiting until the machine is calm: ${why}`);
    saidWhy ||= why ?? "";
  }
  if (saidWhy !== "") say(`  calm after ${Math.round((performance.now() - began) / 1000)} s`);
}

/** What a user should know before a run: how long it will take as things are, and whether they will get verdicts. */
export function forecast(look: Look, usualSeconds: number | undefined): string[] {
  const why = busyness(look);
  const left = Math.max(look.cores - (look.others ?? 0) - (look.stolen ?? 0), look.cores / 4);
  const seconds = (usualSeconds ?? 0) * Math.max(look.cores / left, look.waiting);
  return [
    ...(usualSeconds === undefined ? [] : [`This will take about ${inWords(why === null ? usualSeconds : seconds)}.`]),
    ...(why === null
      ? []
      : [
          `The machine is busy: ${why}. As long as that is so, there is no verdict on speed. --wait waits until it is calm.`,
        ]),
  ];
}

function inWords(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return minutes <= 1 ? "one minute" : `${minutes} minutes`;
}
