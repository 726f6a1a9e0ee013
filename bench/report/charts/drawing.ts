/**
 * From a description in Vega-Lite to an SVG, in Node.js. Colours are names of CSS variables, so that one drawing is readable in
 * light and in dark. It knows no figures.
 */
import escapeHtml from "escape-html";
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

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

export const INK = "#010101";
export const MUTED = "#020202";
export const GRID = "#030303";
export const OURS = "#040404";
export const SERVER = "#050505";
export const STATELESS = "#060606";

interface TextItem {
  readonly fontSize?: number;
  readonly text?: unknown;
}

/** The width of a character of the page's fonts, on average, as a part of the font's size. */
const CHARACTER = 0.58;

// Without a canvas, Vega guesses widths, too large by a third, and leaves margins for them. It exports what it guesses with,
// and its types do not know.
const { textMetrics } = vega as unknown as { textMetrics: { width: (item: TextItem, text?: unknown) => number } };
textMetrics.width = ({ fontSize = 11, text: own }, text) => {
  const lines = [text ?? own ?? ""].flat();
  return Math.max(...lines.map((line) => String(line).length)) * fontSize * CHARACTER;
};

/** Draws a chart. `id` tells it apart from others on the page, `label` is read out in its place. */
export async function draw(spec: object, id: string, label: string): Promise<string> {
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
      .replace("<svg ", `<svg role="img" aria-label="${escapeHtml(label)}" `)
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
