/** The charts of the scenario `revocation`: what ending sessions takes, and for how long one who has logged out is let in. */
import { select } from "../../figures.ts";
import type { Results } from "../../results.ts";
import { digits } from "../numbers.ts";
import { BY_KIND, bars, KINDS, lines, markOf, namesBy, over } from "./forms.ts";
import type { Plan } from "./plan.ts";

export function durations(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "revocation", metric: "duration" });
  if (new Set(figures.map(({ at }) => at["sessions"])).size < 2) return undefined;
  return {
    id: "durations",
    scenario: "revocation",
    title: "What ending sessions takes",
    caption:
      "By how many sessions the user has; both axes are logarithmic. Raw DEL, which must know every key, is dashed.",
    spec: lines(figures, over("sessions", "sessions of the user"), "duration, ms (logarithmic)", true),
  };
}

export function accepted(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "revocation", metric: "still accepted" });
  if (figures.length === 0) return undefined;
  const watched = figures[0]?.at["watched"];
  const values = figures.map((figure) => {
    const { contender, ours, value, atLeast } = figure;
    const kind = ours ? KINDS.ours : contender === "stateless JWT" ? KINDS.stateless : KINDS.server;
    return markOf(figure, kind, `${atLeast ? "≥ " : ""}${digits(value)} s`);
  });
  return {
    id: "accepted",
    scenario: "revocation",
    title: "For how long a logged-out user is still let in",
    caption: `Watched for ${watched} s. A JWT here expires before that; usually it lives 5 to 30 minutes.`,
    spec: bars(values, { title: "seconds after the log-out", colours: BY_KIND, order: namesBy(values) }),
  };
}
