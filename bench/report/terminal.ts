/** The report on a terminal. */
import { styleText } from "node:util";
import CliTable from "cli-table3";
import type { Comparison } from "../compare.ts";
import { fasterThanOurs } from "../faster.ts";
import { busyness } from "../neighbours.ts";
import type { Results } from "../results.ts";
import { judge, wordFor } from "../targets.ts";
import { digits, multiple } from "./numbers.ts";
import { overviewOf, type Table } from "./tables.ts";

export interface TerminalOptions {
  /** Whether to mark our rows by colour, besides the sign before their names. */
  readonly colour: boolean;
}

/** All tables of a run, what reached its target, and who was faster. */
export function terminalReport(results: Results, options: TerminalOptions): string {
  const parts = results.scenarios.flatMap(({ name }) =>
    overviewOf(results, name).map((table) => {
      return `${bold([name, table.title].filter(Boolean).join(": "), options)}\n${draw(table, options)}`;
    }),
  );
  const verdicts = judge(results).filter(({ measured }) => measured !== null);
  if (verdicts.length > 0) {
    const words = { reached: "pass", missed: "MISS", "no verdict": "?" };
    const rows = verdicts.map((verdict) => {
      return { cells: [words[wordFor(verdict)], verdict.target, verdict.measured ?? ""], ours: false };
    });
    parts.push(`${bold("Targets", options)}\n${draw({ title: "", head: ["", "target", "measured"], rows }, options)}`);
    for (const { target, reached, withheld, beside } of verdicts) {
      if (withheld !== null) parts.push(`No verdict on "${target}": ${withheld}.`);
      if (reached === false && beside !== null) parts.push(`MISS ${target}\n     ${beside}`);
    }
    if (results.scenarios.some(({ calm }) => calm && busyness(calm) !== null)) {
      parts.push("The machine was busy. --wait waits until it is calm, before each scenario.");
    }
  }
  const peers = results.scenarios.find(({ name }) => name === "peers");
  for (const { contender, times, givesUp } of fasterThanOurs(results.figures, peers?.contenders ?? [], 128)) {
    parts.push(
      `Faster than coatcheck touch at 128 in flight: ${contender}, ${multiple(times)}. It gives up ${givesUp}.`,
    );
  }
  for (const { name, failures } of results.scenarios) {
    for (const { what, reason } of failures) parts.push(`FAILED in ${name}: ${what}: ${reason}`);
  }
  const { leftOut = [] } = results;
  if (leftOut.length > 0) parts.push(`${bold("Left out", options)}\n${leftOut.map((what) => `  ${what}`).join("\n")}`);
  return parts.join("\n\n");
}

/** What a comparison found, the worst first. */
export function terminalComparison(comparison: Comparison, options: TerminalOptions): string {
  const { changes, missing, added, incomparable, differences } = comparison;
  const notable = changes.filter(({ verdict }) => verdict !== "same").toSorted((a, b) => b.worse - a.worse);
  const rows = notable.map(({ key, verdict, before, after, unit, worse }) => ({
    cells: [verdict, key, digits(before), digits(after), unit, worse >= 1 ? multiple(worse) : multiple(1 / worse)],
    ours: verdict === "slower",
  }));
  const head = ["", "figure", "before", "after", "unit", "by"];
  const slower = notable.filter(({ verdict }) => verdict === "slower").length;
  return [
    ...(rows.length > 0 ? [draw({ title: "", head, rows }, options)] : []),
    `${changes.length} figures of ours compared: ${slower} slower, ${notable.length - slower} faster, the rest within the spread.`,
    ...differences,
    ...(incomparable.length > 0
      ? [`${incomparable.length} have nothing beside them in their run, so they say nothing on another machine.`]
      : []),
    ...(missing.length > 0 ? [`${missing.length} are in the first file only.`] : []),
    ...(added.length > 0 ? [`${added.length} are in the second file only.`] : []),
  ].join("\n");
}

function draw({ head, rows }: Table, options: TerminalOptions): string {
  const table = new CliTable({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, column) => (column === 0 ? "left" : "right")),
  });
  for (const { cells, ours } of rows) {
    const [name = "", ...others] = cells;
    const marked = ours ? [`▸ ${name}`, ...others] : [`  ${name}`, ...others];
    table.push(ours && options.colour ? marked.map((cell) => styleText("green", cell)) : marked);
  }
  return table.toString();
}

function bold(text: string, { colour }: TerminalOptions): string {
  return colour ? styleText("bold", text) : text;
}
