/**
 * The charts, as SVG made in Node.js from Vega-Lite. Colours are names of CSS variables, so that one drawing is readable in
 * light and in dark; each chart is drawn for a wide page and for a narrow one.
 */
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { type Figure, select } from "../figures.ts";
import type { Results } from "../results.ts";
import { digits } from "./numbers.ts";

export interface Chart {
  readonly id: string;
  readonly scenario: string;
  readonly title: string;
  /** What a reader should see, for those who cannot see it, too. */
  readonly caption: string;
  readonly wide: string;
  readonly narrow: string;
}

/** Widths in px, without margins. */
const WIDE = 680;
const NARROW = 350;

/** Vega wants colours; each of these stands for a CSS variable of the page. */
export const COLOURS = {
  "#010101": "--ink",
  "#020202": "--muted",
  "#030303": "--grid",
  "#040404": "--ours",
  "#050505": "--server",
  "#060606": "--stateless",
  "#070707": "--ours-2",
  "#080808": "--ours-3",
  "#090909": "--raw-2",
  "#0a0a0a": "--raw-3",
  "#0b0b0b": "--ours-4",
} as const;

const INK = "#010101";
const MUTED = "#020202";
const GRID = "#030303";
const OURS = "#040404";
const SERVER = "#050505";
const STATELESS = "#060606";

const KINDS = { ours: "coatcheck", server: "asks a server", stateless: "trusts the token alone" } as const;
const BY_KIND = { domain: Object.values(KINDS), range: [OURS, SERVER, STATELESS] };
/** Lines: ours are strong, what they are compared with is not. */
const LINES = [OURS, "#070707", "#080808", "#0b0b0b", SERVER, "#090909", "#0a0a0a"];

type Spec = (width: number) => object;
interface Plan {
  readonly id: string;
  readonly scenario: string;
  readonly title: string;
  readonly caption: string;
  readonly spec: Spec;
}

/** All charts that a run has figures for. */
export async function chartsOf(results: Results): Promise<Chart[]> {
  const all = [headline, byLoad, quantiles, growth, dropIn, jwt, requests, durations, accepted, weights, cluster];
  const plans = all.flatMap((plan) => plan(results) ?? []);
  return Promise.all(
    plans.map(async ({ spec, ...plan }) => ({
      ...plan,
      wide: await draw(spec(WIDE), `${plan.id}-wide`, `${plan.title}. ${plan.caption}`),
      narrow: await draw(spec(NARROW), `${plan.id}-narrow`, `${plan.title}. ${plan.caption}`),
    })),
  );
}

interface TextItem {
  readonly fontSize?: number;
  readonly text?: unknown;
}

/** The width of a character of the page's fonts, on average, as a part of the font's size. */
const CHARACTER = 0.58;

// Without a canvas, Vega guesses widths, too large by a third, and leaves margins for them. It exports what it guesses with,
// and its types do not know.
const { textMetrics } = vega as unknown as { textMetrics: { width: (item: TextItem, text?: unknown) => number } };
textMetrics.width = ({ fontSize = 11, text: own }, text) => String(text ?? own ?? "").length * fontSize * CHARACTER;

async function draw(spec: object, id: string, label: string): Promise<string> {
  const compiled = compile({ ...spec, config: THEME, background: null } as unknown as TopLevelSpec).spec;
  const svg = await new vega.View(vega.parse(compiled), { renderer: "none" }).toSVG();
  return withVariables(svg, id, label);
}

/** Puts CSS variables in place of colours, and makes ids unlike those of other charts on the page. */
export function withVariables(svg: string, id: string, label: string): string {
  const coloured = Object.entries(COLOURS).reduce(
    (text, [colour, variable]) => text.replaceAll(`"${colour}"`, `"var(${variable})"`),
    svg,
  );
  return (
    coloured
      // One picture with one name: a reader who hears it should not be read every point.
      .replace(/ (?:aria-\w+|role)="[^"]*"/g, "")
      .replace(/\b(id="|url\(#)(clip|gradient)/g, `$1${id}-$2`)
      .replace("<svg ", `<svg role="img" aria-label="${escapeAttribute(label)}" `)
  );
}

const FONT = 'system-ui, -apple-system, "Segoe UI", sans-serif';
const THEME = {
  font: FONT,
  view: { stroke: null },
  axis: {
    labelColor: INK,
    titleColor: MUTED,
    gridColor: GRID,
    domainColor: GRID,
    tickColor: GRID,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
    labelLimit: 230,
  },
  header: { labelColor: INK, titleColor: MUTED },
  legend: {
    labelColor: INK,
    titleColor: MUTED,
    labelFontSize: 12,
    labelLimit: 260,
    symbolOpacity: 1,
    orient: "top",
    direction: "horizontal",
    // Names may be wider than what they leave for the drawing: the legend then reaches over to them.
    layout: { top: { anchor: "end" } },
  },
  text: { color: INK, fontSize: 11 },
};

/** The frame of a chart: it fits its labels into the width, and long names are cut on a narrow page. */
function frame(width: number, height: number, rest: object): object {
  return {
    width: width - (width === NARROW ? 8 : 16),
    height,
    autosize: { type: "fit-x", contains: "padding" },
    padding: 4,
    ...rest,
  };
}

/** The names in the order of their values, the largest first; where a name comes several times, by its largest. */
function namesBy(values: readonly { readonly value: number; readonly contender: string }[]): string[] {
  const sorted = values.toSorted((a, b) => b.value - a.value);
  return [...new Set(sorted.map(({ contender }) => contender))];
}

/** The legend in columns, as many as the width has room for. */
function legend(width: number, columns: number) {
  return { title: null, columns: width === NARROW ? 1 : columns, symbolStrokeWidth: 2 };
}

function nameAxis(width: number) {
  const axis = { title: null, ticks: false, domain: false, labelLimit: 0 };
  if (width !== NARROW) return axis;
  // Cut here and not by a limit, for which Vega would leave the room of the whole name.
  const labelExpr = "length(datum.label) > 28 ? slice(datum.label, 0, 27) + '…' : datum.label";
  return { ...axis, labelFontSize: 10, labelExpr };
}

function headline(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "peers", metric: "throughput", at: { inFlight: 128 } });
  if (figures.length === 0) return undefined;
  const contenders = results.scenarios.find(({ name }) => name === "peers")?.contenders ?? [];
  const values = figures.map((figure) => {
    const stateless = contenders.find(({ name }) => name === figure.contender)?.stateless;
    const kind = figure.ours ? KINDS.ours : stateless ? KINDS.stateless : KINDS.server;
    return {
      contender: figure.ours ? `▸ ${figure.contender}` : figure.contender,
      kind,
      value: figure.value,
      low: figure.low,
      high: figure.high,
      text: digits(figure.value),
    };
  });
  const y = { field: "contender", type: "nominal", sort: namesBy(values) };
  const domain = [Math.min(...values.map(({ low }) => low)), Math.max(...values.map(({ high }) => high))] as const;
  return {
    id: "headline",
    scenario: "peers",
    title: "Authenticated requests that one Node.js process answers in a second",
    caption: `128 in flight, same user and claims, without HTTP; the point is the median, the line goes from the slowest to the fastest of ${figures[0]?.rounds} rounds. Logarithmic.`,
    spec: (width) =>
      frame(width, 22 * values.length, {
        data: { values },
        encoding: {
          y: { ...y, axis: nameAxis(width) },
          color: { field: "kind", type: "nominal", scale: BY_KIND, legend: legend(width, 3) },
        },
        layer: [
          {
            mark: { type: "rule", strokeWidth: 3, opacity: 0.45 },
            encoding: { x: logAxis("low", "calls per second", domain), x2: { field: "high" } },
          },
          {
            mark: { type: "point", filled: true, size: 90, opacity: 1 },
            encoding: { x: logAxis("value", "calls per second", domain) },
          },
          {
            mark: { type: "text", dy: -9, align: "center", fontSize: 10 },
            encoding: {
              x: logAxis("value", "calls per second", domain),
              text: { field: "text" },
              color: { value: INK },
            },
          },
        ],
      }),
  };
}

function logAxis(field: string, title: string, domain: readonly [number, number]) {
  return {
    field,
    type: "quantitative",
    // Room for what is written beside the outermost points.
    scale: { type: "log", nice: false, domain: [domain[0] * 0.8, domain[1] * 1.4] },
    axis: { title, format: "~s", values: powersOfTen },
  };
}

/** Where a logarithmic axis has its lines: more of them would be a barcode. */
const powersOfTen = Array.from({ length: 13 }, (_, at) => 10 ** (at - 3));

/** Lines of several contenders over one quantity. */
function lines(
  figures: readonly Figure[],
  x: { value: (figure: Figure) => number | string; title: string; log?: boolean; ordinal?: boolean },
  yTitle: string,
  log: boolean,
): Spec {
  const names = [...new Set(figures.map(({ contender }) => contender))];
  const ordered = names.toSorted((a, b) => Number(isOurs(figures, b)) - Number(isOurs(figures, a)));
  const colours = colourOf(figures, ordered);
  const values = figures.map((figure) => ({ contender: figure.contender, x: x.value(figure), y: figure.value }));
  return (width) =>
    frame(width, 280, {
      data: { values },
      mark: { type: "line", point: { filled: true, size: 40 }, strokeWidth: 2 },
      encoding: {
        x: {
          field: "x",
          type: x.ordinal ? "ordinal" : "quantitative",
          ...(x.ordinal ? { sort: null } : { scale: { type: x.log ? "log" : "linear", nice: false } }),
          axis: {
            title: x.title,
            labelAngle: 0,
            labelOverlap: "greedy",
            ...(x.ordinal ? {} : { format: "~s", values: [...new Set(values.map((value) => value.x))] }),
          },
        },
        y: {
          field: "y",
          type: "quantitative",
          scale: log ? { type: "log", nice: true } : { zero: true },
          axis: { title: yTitle, format: log ? ",~g" : "~s", ...(log ? { values: powersOfTen } : { tickCount: 5 }) },
        },
        color: {
          field: "contender",
          type: "nominal",
          scale: { domain: ordered, range: colours },
          legend: { ...legend(width, 3), symbolType: "stroke", symbolSize: 250 },
        },
        strokeDash: {
          field: "contender",
          type: "nominal",
          scale: { domain: ordered, range: ordered.map((name) => (isOurs(figures, name) ? [1, 0] : [5, 3])) },
          // The same as the colours', so that the two are one legend.
          legend: { ...legend(width, 3), symbolType: "stroke", symbolSize: 250 },
        },
      },
    });
}

function isOurs(figures: readonly Figure[], contender: string): boolean {
  return figures.find((figure) => figure.contender === contender)?.ours ?? false;
}

function colourOf(figures: readonly Figure[], names: readonly string[]): string[] {
  const [own, other] = [LINES.slice(0, 4), LINES.slice(4)];
  return names.map((name) => (isOurs(figures, name) ? own.shift() : other.shift()) ?? MUTED);
}

/** The largest population of `lookup`. */
function largest(results: Results): number | undefined {
  const sizes = select(results.figures, { scenario: "lookup" }).map(({ at }) => Number(at["sessions"]));
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

function byLoad(results: Results): Plan | undefined {
  const sessions = largest(results);
  if (sessions === undefined) return undefined;
  const figures = select(results.figures, { scenario: "lookup", metric: "throughput", at: { sessions } }).filter(
    ({ at }) => "inFlight" in at,
  );
  return {
    id: "load",
    scenario: "lookup",
    title: "Lookups per second by calls in flight",
    caption: `Among ${digits(sessions)} live sessions. Raw ioredis is dashed.`,
    spec: lines(
      figures,
      { value: ({ at }) => Number(at["inFlight"]), title: "calls in flight (logarithmic)", log: true },
      "calls per second",
      false,
    ),
  };
}

const QUANTILES = ["p50", "p90", "p99", "p99.9", "max"] as const;

function quantiles(results: Results): Plan | undefined {
  const sessions = largest(results);
  if (sessions === undefined) return undefined;
  const figures = QUANTILES.flatMap((metric) =>
    select(results.figures, { scenario: "lookup", metric, at: { sessions, inFlight: 16 } }),
  );
  return {
    id: "quantiles",
    scenario: "lookup",
    title: "Latency at 16 in flight",
    caption: `Among ${digits(sessions)} live sessions; p99.9 and max over all rounds. Logarithmic. Raw ioredis is dashed.`,
    spec: lines(figures, { value: ({ metric }) => metric, title: "quantile", ordinal: true }, "latency, µs", true),
  };
}

function growth(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "lookup", metric: "p50", at: { inFlight: 1 } });
  if (new Set(figures.map(({ at }) => at["sessions"])).size < 2) return undefined;
  return {
    id: "growth",
    scenario: "lookup",
    title: "A lookup costs the same among a thousand sessions and among many more",
    caption: "Median latency of one call after another. Raw ioredis is dashed.",
    spec: lines(
      figures,
      { value: ({ at }) => Number(at["sessions"]), title: "live sessions (logarithmic)", log: true },
      "p50, µs",
      false,
    ),
  };
}

function dropIn(results: Results): Plan | undefined {
  return throughputs(results, {
    scenario: "drop-in",
    title: "Our store in the place of connect-redis, on the same client",
    caption: "Calls per second at 16 in flight; what express-session asks for a request that changes nothing.",
    inFlight: 16,
  });
}

function jwt(results: Results): Plan | undefined {
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
  const contenders = results.scenarios.find(({ name }) => name === scenario)?.contenders ?? [];
  const values = figures.map(({ contender, ours, value }) => {
    const stateless = contenders.find(({ name }) => name === contender)?.stateless;
    const kind = stateless ? KINDS.stateless : ours ? KINDS.ours : KINDS.server;
    return { contender: ours ? `▸ ${contender}` : contender, kind, value, text: digits(value) };
  });
  const order = values.map(({ contender }) => contender);
  const shown = BY_KIND.domain.filter((kind) => values.some((value) => value.kind === kind));
  const colours = { domain: shown, range: shown.map((kind) => BY_KIND.range[BY_KIND.domain.indexOf(kind)] as string) };
  return {
    id: scenario,
    scenario,
    title,
    caption,
    spec: (width) => bars(width, values, { title: "calls per second", format: "~s", colours, order }),
  };
}

function requests(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "http", metric: "requests" });
  if (figures.length === 0) return undefined;
  const values = figures.map(({ contender, ours, value }) => {
    const isOpen = contender.endsWith("no authentication");
    const kind = ours ? KINDS.ours : /JWT/.test(contender) ? KINDS.stateless : isOpen ? OPEN : KINDS.server;
    return { contender: ours ? `▸ ${contender}` : contender, kind, value, text: digits(value) };
  });
  const colours = { domain: [...BY_KIND.domain, OPEN], range: [...BY_KIND.range, "#0a0a0a"] };
  return {
    id: "http",
    scenario: "http",
    title: "Whole requests per second",
    caption: "autocannon, 50 connections; the same handler on three frameworks.",
    spec: (width) =>
      bars(width, values, {
        title: "requests per second",
        format: "~s",
        colours,
        // Each framework stays together, as it is compared with itself.
        order: values.map(({ contender }) => contender),
      }),
  };
}

const OPEN = "no authentication";

interface Bar {
  readonly contender: string;
  readonly kind: string;
  readonly value: number;
  readonly text: string;
}

/** Bars from zero, so that lengths compare, with their figures beside them. */
function bars(
  width: number,
  values: readonly Bar[],
  axis: {
    readonly title: string;
    readonly format?: string;
    readonly colours: { readonly domain: readonly string[]; readonly range: readonly string[] };
    readonly order: readonly string[];
  },
): object {
  const longest = Math.max(...values.map(({ value }) => value));
  return frame(width, 24 * values.length, {
    data: { values },
    encoding: {
      y: { field: "contender", type: "nominal", sort: axis.order, axis: nameAxis(width) },
      x: {
        field: "value",
        type: "quantitative",
        // Room for the figure beside the longest bar.
        scale: { domain: [0, longest * (width === NARROW ? 1.35 : 1.2)], nice: false },
        axis: { title: axis.title, tickCount: 4, labelOverlap: "greedy", ...(axis.format && { format: axis.format }) },
      },
    },
    layer: [
      {
        mark: { type: "bar", height: 15 },
        encoding: {
          color: {
            field: "kind",
            type: "nominal",
            scale: axis.colours,
            legend: legend(width, axis.colours.domain.length),
          },
        },
      },
      { mark: { type: "text", align: "left", dx: 4 }, encoding: { text: { field: "text" } } },
    ],
  });
}

function durations(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "revocation", metric: "duration" });
  if (new Set(figures.map(({ at }) => at["sessions"])).size < 2) return undefined;
  return {
    id: "durations",
    scenario: "revocation",
    title: "What ending sessions takes",
    caption:
      "By how many sessions the user has; both axes are logarithmic. Raw DEL, which must know every key, is dashed.",
    spec: lines(
      figures,
      { value: ({ at }) => Number(at["sessions"]), title: "sessions of the user", log: true },
      "duration, ms (logarithmic)",
      true,
    ),
  };
}

function accepted(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "revocation", metric: "still accepted" });
  if (figures.length === 0) return undefined;
  const watched = figures[0]?.at["watched"];
  const values = figures.map(({ contender, ours, value, atLeast }) => ({
    contender: ours ? `▸ ${contender}` : contender,
    kind: ours ? KINDS.ours : contender === "stateless JWT" ? KINDS.stateless : KINDS.server,
    value,
    text: atLeast ? `≥ ${digits(value)} s` : `${digits(value)} s`,
  }));
  return {
    id: "accepted",
    scenario: "revocation",
    title: "For how long a logged-out user is still let in",
    caption: `Watched for ${watched} s. A JWT here expires before that; usually it lives 5 to 30 minutes.`,
    spec: (width) =>
      bars(width, values, { title: "seconds after the log-out", colours: BY_KIND, order: namesBy(values) }),
  };
}

function weights(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "memory", metric: "memory" });
  if (figures.length === 0) return undefined;
  const values = figures
    .filter(({ at }) => !("server" in at) && (at["perUser"] === 3 || at["perUser"] === "any"))
    .map(({ contender, ours, value }) => ({
      contender: ours ? `▸ ${contender}` : contender,
      kind: ours ? KINDS.ours : "others",
      value,
      text: digits(value),
    }));
  return {
    id: "memory",
    scenario: "memory",
    title: "What a session weighs",
    caption: "At three sessions per user, its share of the index included; connect-redis keeps no index.",
    spec: (width) =>
      bars(width, values, {
        title: "bytes per session",
        colours: { domain: [KINDS.ours, "others"], range: [OURS, SERVER] },
        order: namesBy(values).toReversed(),
      }),
  };
}

function cluster(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "scale", metric: "throughput" });
  if (figures.length === 0) return undefined;
  const values = select(figures, { at: { inFlight: 128 } }).map(({ contender, ours, at, value }) => ({
    contender: ours ? `▸ ${contender}` : contender,
    nodes: at["nodes"] === 1 ? "one server" : `${at["nodes"]} nodes`,
    value,
  }));
  return {
    id: "cluster",
    scenario: "scale",
    title: "The same lookup on one server and on a cluster of three nodes",
    caption: "128 in flight, one client; all nodes share the cores of one machine.",
    spec: (width) =>
      frame(width, 15 * values.length, {
        data: { values },
        mark: { type: "bar" },
        encoding: {
          y: { field: "contender", type: "nominal", axis: nameAxis(width) },
          yOffset: { field: "nodes" },
          x: {
            field: "value",
            type: "quantitative",
            axis: { title: "calls per second", format: "~s", tickCount: 4 },
          },
          color: {
            field: "nodes",
            type: "nominal",
            scale: { domain: ["one server", "3 nodes"], range: [SERVER, OURS] },
            legend: legend(width, 2),
          },
        },
      }),
  };
}

function escapeAttribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
