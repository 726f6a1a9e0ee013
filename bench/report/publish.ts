/** Writes what a run leaves for readers: the page, and on request what the documentation takes over. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Results } from "../results.ts";
import { headlineSvg } from "./headline.ts";
import { htmlReport } from "./html.ts";
import { between, briefOf, clientsOf, comparisonOf, dropInOf, nearOf, serviceTokensOf, summaryOf } from "./markdown.ts";
import { scalePage } from "./scale-page.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What goes between the markers of each document; `null` where the run has not measured it. `from` is the file of its results. */
export function blocksOf(
  results: Results,
  from: string,
): readonly (readonly [document: string, text: string | null])[] {
  return [
    ["README.md", briefOf(results)],
    ["docs/benchmark.md", summaryOf(results, from)],
    ["docs/sessions-or-jwt.md", comparisonOf(results, from)],
    ["docs/jwt.md", serviceTokensOf(results, from)],
    ["docs/near.md", nearOf(results, from)],
    ["docs/drop-in.md", dropInOf(results, from)],
    ["docs/clients.md", clientsOf(results, from)],
  ];
}

/** Writes the page. Returns the file. */
export async function writeReport(results: Results, file: string): Promise<string> {
  await writeFile(file, await htmlReport(results));
  return file;
}

/**
 * Writes the report, the headline chart, docs/scale.md, and a summary between the markers of each document that shows figures.
 * What the run has not measured stays as it was in the documents.
 * `file` is the run's file of results. Returns the files written. Throws a sentence where the run lacks what a page needs.
 */
export async function publish(results: Results, file: string): Promise<string[]> {
  const from = relative(ROOT, resolve(file)).replaceAll("\\", "/");
  // Whatever can be missing is looked for before the first file is written.
  const headline = await headlineSvg(results);
  if (headline === null)
    throw new Error("There is no headline without the scenario peers: this run has not measured it.");
  const page = scalePage(results, `../${from}`);
  const summaries = blocksOf(results, `../${from}`);

  const files: [name: string, text: string][] = [
    [resolve(ROOT, "bench/headline.svg"), headline],
    [resolve(ROOT, "docs/scale.md"), page],
  ];
  for (const [name, summary] of summaries) {
    if (summary === null) continue;
    const document = await readFile(resolve(ROOT, name), "utf8");
    files.push([resolve(ROOT, name), between(document, summary)]);
  }
  await mkdir(resolve(ROOT, "docs"), { recursive: true });
  const written = [await writeReport(results, resolve(ROOT, "bench/report.html"))];
  for (const [name, text] of files) {
    await writeFile(name, text);
    written.push(name);
  }
  return written;
}
