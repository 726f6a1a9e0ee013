/** The charts that put contenders beside one another: the headline, the drop-in stores, JWTs, whole requests, and what a session weighs. */
import { select } from "../../figures.ts";
import type { Results } from "../../results.ts";
import { HOT } from "../../scenarios/near.ts";
import { OURS, SERVER, STATELESS } from "./drawing.ts";
import { BY_KIND, bars, dots, KINDS, markOf, namesBy } from "./forms.ts";
import type { Plan } from "./plan.ts";

export function headline(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "peers", metric: "throughput", at: { inFlight: 128 } });
  if (figures.length === 0) return undefined;
  const stateless = statelessOf(results, "peers");
  const values = figures.map((figure) => {
    const { contender, ours, low, high } = figure;
    const kind = ours ? KINDS.ours : stateless.has(contender) ? KINDS.stateless : KINDS.server;
    return { ...markOf(figure, kind), low, high };
  });
  return {
    id: "headline",
    scenario: "peers",
    title: "Authenticated requests that one Node.js process answers in a second",
    caption: `128 in flight, same user and claims, without HTTP; the point is the median, the line goes from the slowest to the fastest of ${figures[0]?.rounds} rounds. Logarithmic.`,
    spec: dots(values, "calls per second"),
  };
}

export function clients(results: Results): Plan | undefined {
  return throughputs(results, {
    scenario: "clients",
    title: "A lookup on ioredis and on node-redis",
    caption: "Calls per second at 16 in flight, beside a raw HGETALL on the same client.",
    inFlight: 16,
  });
}

/** What a lookup from memory takes, beside the verification of a token. */
export function fromMemory(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "near", metric: "time", at: { sessions: HOT } });
  if (figures.length === 0) return undefined;
  const stateless = statelessOf(results, "near");
  const least = "least";
  const values = figures.map((figure) => {
    const kind = figure.ours ? KINDS.ours : stateless.has(figure.contender) ? KINDS.stateless : least;
    return markOf(figure, kind);
  });
  return {
    id: "near",
    scenario: "near",
    title: "A lookup from the memory of the process, beside the verification of a JWT",
    caption: `${HOT} sessions; without the making of the token's text. What trusts the token alone cannot be taken back.`,
    spec: bars(values, {
      title: "ns of a call",
      colours: { domain: [KINDS.ours, KINDS.stateless, least], range: [OURS, STATELESS, SERVER] },
      order: values.map(({ contender }) => contender),
    }),
  };
}

export function dropIn(results: Results): Plan | undefined {
  return throughputs(results, {
    scenario: "drop-in",
    title: "Our store in the place of connect-redis, on the same client",
    caption: "Calls per second at 16 in flight; what express-session asks for a request that changes nothing.",
    inFlight: 16,
  });
}

export function jwt(results: Results): Plan | undefined {
  return throughputs(results, {
    scenario: "jwt",
    title: "A lookup, a service token, and a session token in a JWT",
    caption: "Calls per second, one after another; what asks nobody cannot be taken back.",
    inFlight: 1,
  });
}

/** The throughput of all contenders of a scenario, in its order. */
function throughputs(
  results: Results,
  { scenario, title, caption, inFlight }: Omit<Plan, "id" | "spec"> & { readonly inFlight: number },
): Plan | undefined {
  const figures = select(results.figures, { scenario, metric: "throughput", at: { inFlight } });
  if (figures.length === 0) return undefined;
  const stateless = statelessOf(results, scenario);
  const values = figures.map((figure) => {
    const kind = stateless.has(figure.contender) ? KINDS.stateless : figure.ours ? KINDS.ours : KINDS.server;
    return markOf(figure, kind);
  });
  const order = values.map(({ contender }) => contender);
  const shown = BY_KIND.domain.filter((kind) => values.some((value) => value.kind === kind));
  const colours = { domain: shown, range: shown.map((kind) => BY_KIND.range[BY_KIND.domain.indexOf(kind)] as string) };
  return {
    id: scenario,
    scenario,
    title,
    caption,
    spec: bars(values, { title: "calls per second", format: "~s", colours, order }),
  };
}

/** The contenders of a scenario that ask no server. */
function statelessOf(results: Results, scenario: string): ReadonlySet<string> {
  const contenders = results.scenarios.find(({ name }) => name === scenario)?.contenders ?? [];
  return new Set(contenders.filter(({ stateless }) => stateless).map(({ name }) => name));
}

const OPEN = "no authentication";

export function requests(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "http", metric: "requests" });
  if (figures.length === 0) return undefined;
  const values = figures.map((figure) => {
    const { contender, ours } = figure;
    const isOpen = contender.endsWith(OPEN);
    const kind = ours ? KINDS.ours : /JWT/.test(contender) ? KINDS.stateless : isOpen ? OPEN : KINDS.server;
    return markOf(figure, kind);
  });
  const colours = { domain: [...BY_KIND.domain, OPEN], range: [...BY_KIND.range, "#0a0a0a"] };
  return {
    id: "http",
    scenario: "http",
    title: "Whole requests per second",
    caption: "autocannon, 50 connections; the same handler on each framework.",
    spec: bars(values, {
      title: "requests per second",
      format: "~s",
      colours,
      // Each framework stays together, as it is compared with itself.
      order: values.map(({ contender }) => contender),
    }),
  };
}

export function weights(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "memory", metric: "memory" });
  if (figures.length === 0) return undefined;
  const values = figures
    .filter(({ at }) => !("server" in at) && (at["perUser"] === 3 || at["perUser"] === "any"))
    .map((figure) => markOf(figure, figure.ours ? KINDS.ours : "others"));
  return {
    id: "memory",
    scenario: "memory",
    title: "What a session weighs",
    caption: "At three sessions per user, its share of the index included; connect-redis keeps no index.",
    spec: bars(values, {
      title: "bytes per session",
      colours: { domain: [KINDS.ours, "others"], range: [OURS, SERVER] },
      order: namesBy(values).toReversed(),
    }),
  };
}

/** The CPU of Redis that a touch takes, by how many of them slide. */
export function slides(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "slide", metric: "server CPU" });
  if (figures.length === 0) return undefined;
  const values = figures.map((figure) => markOf(figure, figure.ours ? KINDS.ours : "others"));
  return {
    id: "slide",
    scenario: "slide",
    title: "What sliding the deadline costs",
    caption:
      "CPU of Redis for a request, with an append-only file and a replica; connect-redis writes for each request.",
    spec: bars(values, {
      title: "µs of Redis",
      colours: { domain: [KINDS.ours, "others"], range: [OURS, SERVER] },
      order: values.map(({ contender }) => contender),
    }),
  };
}
