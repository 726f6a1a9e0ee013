/** Who was faster than coatcheck in a run, and what that gives up. Pure. */
import { type Figure, select } from "./figures.ts";

/** A contender that answered faster than ours in the same scenario, and what it gives up for that. */
export interface Faster {
  readonly contender: string;
  readonly times: number;
  readonly givesUp: string;
}

/** Who had a higher throughput than ours in `peers`, at as many calls in flight. */
export function fasterThanOurs(
  figures: readonly Figure[],
  contenders: readonly { readonly name: string; readonly givesUp?: string }[],
  inFlight: number,
): Faster[] {
  const ours = select(figures, {
    scenario: "peers",
    contender: "coatcheck touch",
    metric: "throughput",
    at: { inFlight },
  })[0];
  if (ours === undefined) return [];
  return select(figures, { scenario: "peers", metric: "throughput", at: { inFlight } })
    .map(({ contender, ours: own, value, ratio }) => ({
      contender,
      own,
      // That of the rounds, side by side, as the tables have it: the medians of two contenders may be of different rounds.
      times: ratio?.value ?? value / ours.value,
    }))
    .filter(({ own, times }) => !own && times > 1)
    .toSorted((a, b) => b.times - a.times)
    .map(({ contender, times }) => ({
      contender,
      times,
      givesUp: contenders.find(({ name }) => name === contender)?.givesUp ?? "",
    }));
}
