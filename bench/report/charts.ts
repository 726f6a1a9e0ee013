/** The charts of a run, as SVG; each drawn for a wide page and for a narrow one. */
import type { Results } from "../results.ts";
import { clients, dropIn, fromMemory, headline, jwt, requests, slides, weights } from "./charts/contenders.ts";
import { draw } from "./charts/drawing.ts";
import { byLoad, cluster, growth, quantiles } from "./charts/lookup.ts";
import { NARROW, type Plan, WIDE } from "./charts/plan.ts";
import { accepted, durations } from "./charts/revocation.ts";

export interface Chart extends Omit<Plan, "spec"> {
  readonly wide: string;
  readonly narrow: string;
}

/** In the order of the page. */
const PLANS = [
  headline,
  byLoad,
  quantiles,
  growth,
  slides,
  clients,
  fromMemory,
  dropIn,
  jwt,
  requests,
  durations,
  accepted,
  weights,
  cluster,
];

/** All charts that a run has figures for. */
export async function chartsOf(results: Results): Promise<Chart[]> {
  const plans = PLANS.flatMap((plan) => plan(results) ?? []);
  return Promise.all(
    plans.map(async ({ spec, ...plan }) => ({
      ...plan,
      wide: await draw(spec(WIDE), `${plan.id}-wide`, `${plan.title}. ${plan.caption}`),
      narrow: await draw(spec(NARROW), `${plan.id}-narrow`, `${plan.title}. ${plan.caption}`),
    })),
  );
}
