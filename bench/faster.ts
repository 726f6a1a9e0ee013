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
    .filter(({ ours: own, value }) => !own && value > ours.value)
    .toSorted((a, b) => b.value - a.value)
    .map(({ contender, value }) => ({
      contender,
      times: value / ours.value,
      givesUp: contenders.find(({ name }) => name === contender)?.givesUp ?? "",
    }));
}
