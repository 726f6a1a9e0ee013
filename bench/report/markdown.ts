/** What of a run goes into the README: the headline, one table, the targets, and the command that made them. Pure. */
import { type Circumstances, type Metric, select } from "../figures.ts";
import type { Results } from "../results.ts";
import { fasterThanOurs, judge } from "../targets.ts";
import { digits, multiple } from "./numbers.ts";

export const BEGIN = "<!-- bench:begin -->";
export const END = "<!-- bench:end -->";

/** Puts a text between the markers of a document. Throws a sentence where they are not there once, in order. */
export function between(document: string, text: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin === -1 || end < begin || document.indexOf(BEGIN, begin + 1) !== -1) {
    throw new Error(`The document has no place for it: it needs the line ${BEGIN} once, and after it the line ${END}.`);
  }
  return `${document.slice(0, begin + BEGIN.length)}\n${text.trim()}\n${document.slice(end)}`;
}

/** The summary of a run. `from` is the file of its results, as seen from the document. */
export function summaryOf(results: Results, from: string): string {
  return [
    "![Authenticated requests per second of each contender](bench/headline.svg)",
    "",
    sourceOf(results, from),
    "",
    ...peersTable(results),
    "",
    ...fasterLines(results),
    "",
    "Whole requests under autocannon, of the same handler:",
    "",
    ...requestsTable(results),
    "",
    "What a session weighs in Redis, its share of the index included:",
    "",
    ...memoryTable(results),
    "",
    ...targetTable(results),
  ].join("\n");
}

/** What the choice between a session and a JWT needs of it: the price of each, and how long a log-out takes. */
export function comparisonOf(results: Results, from: string): string {
  return [
    sourceOf(results, from),
    "",
    ...peersTable(results),
    "",
    "And this is how long a user who has logged out was still let in, while a slow request was under way:",
    "",
    ...acceptedTable(results),
  ].join("\n");
}

function sourceOf({ machine, versions, startedAt, commit, settings }: Results, from: string): string {
  const where = `${machine.cpu}, ${machine.cores} cores, ${versions["server"]}, Node.js ${versions["node"]}, ioredis ${versions["ioredis"]}`;
  return `Measured by \`npm run bench${settings.quick ? " -- --quick" : ""}\` on ${startedAt.slice(0, 10)}${commit === null ? "" : `, commit ${commit.id}`}: ${where}. All on one machine, so without a network; trust the ratios. Every figure is in [the results](${from}).`;
}

function acceptedTable({ figures }: Results): string[] {
  const rows = select(figures, { scenario: "revocation", metric: "still accepted" }).map(
    ({ contender, ours, value, atLeast }) =>
      `| ${ours ? `**${contender}**` : contender} | ${atLeast ? "at least " : ""}${digits(value)} |`,
  );
  return ["| | seconds |", "|---|---|", ...rows];
}

function requestsTable({ figures }: Results): string[] {
  const rows = select(figures, { scenario: "http", metric: "requests" }).map(
    ({ contender, ours, value, ratio, at }) => {
      const p99 = select(figures, { scenario: "http", contender, metric: "p99", at })[0];
      const cells = [digits(value), multiple(ratio?.value ?? 1), p99 === undefined ? "–" : digits(p99.value / 1000)];
      return `| ${ours ? `**${contender}**` : contender} | ${cells.join(" | ")} |`;
    },
  );
  return ["| | requests/s | of no authentication | p99, ms |", "|---|---|---|---|", ...rows];
}

function memoryTable({ figures }: Results): string[] {
  const weighed = select(figures, { scenario: "memory", metric: "memory" });
  const cell = (contender: string, perUser: number) => {
    const own = weighed.filter((figure) => figure.contender === contender);
    const figure = own.find(({ at }) => at["perUser"] === perUser) ?? own.find(({ at }) => at["perUser"] === "any");
    return figure === undefined ? "–" : digits(figure.value);
  };
  const rows = [...new Set(weighed.map(({ contender }) => contender))].map((contender) => {
    const ours = weighed.some((figure) => figure.contender === contender && figure.ours);
    const cells = [1, 3, 100].map((perUser) => cell(contender, perUser));
    return `| ${ours ? `**${contender}**` : contender} | ${cells.join(" | ")} |`;
  });
  return ["| bytes per session | 1 per user | 3 per user | 100 per user |", "|---|---|---|---|", ...rows];
}

function peersTable(results: Results): string[] {
  const contenders = results.scenarios.find(({ name }) => name === "peers")?.contenders ?? [];
  const cell = (contender: string, metric: Metric, at: Circumstances, ratio = false) => {
    const figure = select(results.figures, { scenario: "peers", contender, metric, at })[0];
    if (figure === undefined) return "–";
    return ratio ? multiple(figure.ratio?.value ?? Number.NaN) : digits(figure.value);
  };
  const rows = contenders
    .filter(({ name }) => cell(name, "throughput", { inFlight: 128 }) !== "–")
    .map(({ name, ours, givesUp = "" }) => {
      const cells = [
        cell(name, "p50", { inFlight: 1 }),
        cell(name, "throughput", { inFlight: 128 }),
        cell(name, "throughput", { inFlight: 128 }, true),
        givesUp,
      ];
      return `| ${ours ? `**${name}**` : name} | ${cells.join(" | ")} |`;
    });
  return [
    "| one authenticated request | p50, one at a time, µs | calls/s, 128 in flight | of `touch` | what it gives up |",
    "|---|---|---|---|---|",
    ...rows,
  ];
}

function fasterLines(results: Results): string[] {
  const peers = results.scenarios.find(({ name }) => name === "peers");
  const faster = fasterThanOurs(results.figures, peers?.contenders ?? [], 128);
  return faster.map(
    ({ contender, times, givesUp }) => `- ${contender} is faster (${multiple(times)}) and gives up ${givesUp}.`,
  );
}

function targetTable({ figures }: Results): string[] {
  const verdicts = judge(figures).filter(({ measured }) => measured !== null);
  return [
    "| target | measured | |",
    "|---|---|---|",
    ...verdicts.map(
      ({ target, measured, reached }) => `| ${target} | ${measured} | ${reached ? "reached" : "**missed**"} |`,
    ),
  ];
}
