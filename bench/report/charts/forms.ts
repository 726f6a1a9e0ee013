/**
 * The forms that charts have: lines over a quantity, bars from zero, and points on a logarithmic axis. They take figures as they
 * are, and know no scenario.
 */
import type { Figure } from "../../figures.ts";
import { digits } from "../numbers.ts";
import { INK, MUTED, OURS, SERVER, STATELESS } from "./drawing.ts";
import { NARROW, type Spec } from "./plan.ts";

/** Names, and the colour of each. */
export interface Colours {
  readonly domain: readonly string[];
  readonly range: readonly string[];
}

/** Whose answer it is, and the colour of it on every chart. */
export const KINDS = { ours: "coatcheck", server: "asks a server", stateless: "trusts the token alone" } as const;
export const BY_KIND: Colours = { domain: Object.values(KINDS), range: [OURS, SERVER, STATELESS] };
/** Lines: ours are strong, what they are compared with is not. */
const LINES = [OURS, "#070707", "#080808", "#0b0b0b", SERVER, "#090909", "#0a0a0a"];

/** One contender on a chart. */
export interface Mark {
  readonly contender: string;
  readonly kind: string;
  readonly value: number;
  readonly text: string;
}

/** The mark of a figure. Ours have a sign before their names, for those who cannot tell colours apart. */
export function markOf({ contender, ours, value }: Figure, kind: string, text = digits(value)): Mark {
  return { contender: ours ? `▸ ${contender}` : contender, kind, value, text };
}

/** The frame of a chart: it fits its labels into the width. */
export function frame(width: number, height: number, rest: object): object {
  return {
    width: width - (width === NARROW ? 8 : 16),
    height,
    autosize: { type: "fit-x", contains: "padding" },
    padding: 4,
    ...rest,
  };
}
/** The names in the order of their values, the largest first; where a name comes several times, by its largest. */
export function namesBy(values: readonly { readonly value: number; readonly contender: string }[]): string[] {
  const sorted = values.toSorted((a, b) => b.value - a.value);
  return [...new Set(sorted.map(({ contender }) => contender))];
}

/** The legend in columns, as many as the width has room for. */
export function legend(width: number, columns: number) {
  return { title: null, columns: width === NARROW ? 1 : columns, symbolStrokeWidth: 2 };
}

/** How many characters of a name have room on a line of a narrow page. */
const LINE = 29;

/** The axis of the names of contenders. */
export function nameAxis(width: number) {
  const axis = { title: null, ticks: false, domain: false, labelLimit: 0 };
  if (width !== NARROW) return axis;
  // Long names take two lines: if they were cut, two of them could read alike.
  const space = `lastindexof(slice(datum.label, 0, ${LINE}), ' ')`;
  const inTwo = `[slice(datum.label, 0, ${space}), slice(datum.label, ${space} + 1)]`;
  const labelExpr = `length(datum.label) > ${LINE} && ${space} > 0 ? ${inTwo} : datum.label`;
  return { ...axis, labelFontSize: 10, labelLineHeight: 10, labelExpr };
}

/** Points on a logarithmic axis, with a line from the lowest to the highest round and the figure above each. */
export function dots(values: readonly (Mark & { readonly low: number; readonly high: number })[], title: string): Spec {
  const y = { field: "contender", type: "nominal", sort: namesBy(values) };
  const domain = [Math.min(...values.map(({ low }) => low)), Math.max(...values.map(({ high }) => high))] as const;
  return (width) => {
    const x = (field: string) => logAxis(field, title, domain, width);
    return frame(width, 22 * values.length, {
      data: { values },
      encoding: {
        y: { ...y, axis: nameAxis(width) },
        color: { field: "kind", type: "nominal", scale: BY_KIND, legend: legend(width, 3) },
      },
      layer: [
        { mark: { type: "rule", strokeWidth: 3, opacity: 0.45 }, encoding: { x: x("low"), x2: { field: "high" } } },
        { mark: { type: "point", filled: true, size: 90, opacity: 1 }, encoding: { x: x("value") } },
        {
          mark: { type: "text", dy: -9, align: "center", fontSize: 10 },
          encoding: { x: x("value"), text: { field: "text" }, color: { value: INK } },
        },
      ],
    });
  };
}

function logAxis(field: string, title: string, [low, high]: readonly [number, number], width: number) {
  // Room for what is written at the outermost points: a part of the axis, however far it goes.
  const room = Math.max(1.4, (high / low) ** (width === NARROW ? 0.2 : 0.12));
  return {
    field,
    type: "quantitative",
    scale: { type: "log", nice: false, domain: [low / room, high * room] },
    axis: { title, format: "~s", values: powersOfTen },
  };
}

/** Where a logarithmic axis has its lines: more of them would be a barcode. */
const powersOfTen = Array.from({ length: 13 }, (_, at) => 10 ** (at - 3));

/** What lines go over. */
interface Across {
  readonly value: (figure: Figure) => number | string;
  readonly title: string;
  readonly log?: boolean;
  readonly ordinal?: boolean;
}

/** Over one of the circumstances, on a logarithmic axis. */
export function over(circumstance: string, title: string): Across {
  return { value: ({ at }) => Number(at[circumstance]), title, log: true };
}

/** Lines of several contenders over one quantity. */
export function lines(figures: readonly Figure[], x: Across, yTitle: string, log: boolean): Spec {
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
            labelSeparation: 8,
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

/** Bars from zero, so that lengths compare, with their figures beside them. */
export function bars(
  values: readonly Mark[],
  axis: {
    readonly title: string;
    readonly format?: string;
    readonly colours: Colours;
    readonly order: readonly string[];
  },
): Spec {
  const longest = Math.max(...values.map(({ value }) => value));
  return (width) =>
    frame(width, 24 * values.length, {
      data: { values },
      encoding: {
        y: { field: "contender", type: "nominal", sort: axis.order, axis: nameAxis(width) },
        x: {
          field: "value",
          type: "quantitative",
          // Room for the figure beside the longest bar.
          scale: { domain: [0, longest * (width === NARROW ? 1.6 : 1.2)], nice: false },
          axis: {
            title: axis.title,
            tickCount: width === NARROW ? 2 : 4,
            labelOverlap: "greedy",
            // The last number must not stand out of the drawing.
            labelFlush: 20,
            ...(axis.format && { format: axis.format }),
          },
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
