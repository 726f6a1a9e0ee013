/** The headline chart as a file of its own, which brings its colours along: an image has no page to take them from. */
import type { Results } from "../results.ts";
import { chartsOf } from "./charts.ts";
import { paletteCss } from "./html.ts";

/** The chart, or `null` where the run did not measure what it shows. */
export async function headlineSvg(results: Results): Promise<string | null> {
  const chart = (await chartsOf(results)).find(({ id }) => id === "headline");
  if (chart === undefined) return null;
  const end = chart.wide.indexOf(">") + 1;
  const background = '<rect width="100%" height="100%" style="fill:var(--surface)"/>';
  return `${chart.wide.slice(0, end)}<style>${paletteCss()}</style>${background}${chart.wide.slice(end)}\n`;
}
