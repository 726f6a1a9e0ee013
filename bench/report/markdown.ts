/** What of a run goes into the documents: the headline, tables, the targets, and the command that made them. Pure. */
import { markdownTable } from "markdown-table";
import { fasterThanOurs } from "../faster.ts";
import { type Circumstances, type Figure, type Metric, select } from "../figures.ts";
import type { Results } from "../results.ts";
import { judge, wordFor } from "../targets.ts";
import { memoryInBrief, nearParts } from "./near-page.ts";
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

const CHART = "Authenticated requests per second of each contender";

/** What the README says of a run: the chart, on what it was measured, and which targets it missed. */
export function briefOf(results: Results): string {
  const { machine, startedAt, versions } = results;
  const verdicts = judge(results).filter(({ measured }) => measured !== null);
  const missed = verdicts.filter(({ reached }) => reached === false);
  const open = verdicts.filter(({ reached }) => reached === null);
  // Which, and why, is in docs/benchmark.md.
  const doubt =
    open.length === 0
      ? ""
      : ` On ${open.length} there is no verdict: the machine was busy, or the rounds differ too much.`;
  const reached = verdicts.length - missed.length - open.length;
  const where = `${machine.cpu}, ${machine.cores} cores, ${versions["server"]}, Node.js ${versions["node"]}`;
  const speed = [lookupInBrief(results), memoryInBrief(results)].filter((sentence) => sentence !== null);
  return [
    `![${CHART}](bench/headline.svg)`,
    "",
    ...speed,
    ...(speed.length === 0 ? [] : [""]),
    `Measured on ${startedAt.slice(0, 10)}, ${where}, all on one machine. Of ${verdicts.length} targets it reached ${reached}.${doubt}`,
    // A list, because the losses are to be seen.
    ...(missed.length === 0 ? [] : [""]),
    ...missed.map(({ target, measured }) => `- Missed: ${target}; it was ${measured}.`),
  ].join("\n");
}

/** The lookup in Redis in a sentence, beside those that a reader would weigh. `null`: not measured. */
function lookupInBrief({ figures }: Results): string | null {
  const one = (contender: string, metric: Metric, inFlight: number) =>
    select(figures, { scenario: "peers", contender, metric, at: { inFlight } })[0];
  const [alone, crowd] = [one("coatcheck touch", "p50", 1), one("coatcheck touch", "throughput", 128)];
  if (alone === undefined || crowd === undefined) return null;
  const than = ["connect-redis get + touch", "jose HS256"].flatMap((name) => {
    const ratio = one(name, "throughput", 128)?.ratio;
    return ratio === undefined ? [] : `${multiple(1 / ratio.value)} the rate of ${name}`;
  });
  return `A lookup in Redis that keeps the session alive: ${digits(alone.value / 1000)} ms (p50, one at a time). One process makes ${digits(crowd.value)} a second (128 in flight)${than.length === 0 ? "" : `: ${than.join(", ")}`}.`;
}

/** The summary of a run for docs/benchmark.md. `from` is the file of its results, as seen from the document. */
export function summaryOf(results: Results, from: string): string {
  return [
    `![${CHART}](../bench/headline.svg)`,
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
    ...nearLines(results, "The option `near`, with which a process answers from its memory. "),
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
    "And this is for how long a user who has logged out was still let in, while a slow request was under way. Of the rows with `near`, the log-out happened in another process; the one that was cut off heard nothing from just before it:",
    "",
    ...acceptedTable(results),
  ].join("\n");
}

/** What docs/jwt.md says of service tokens: how long each is accepted, and what it saves. `null`: not measured. */
export function serviceTokensOf(results: Results, from: string): string | null {
  const calls = select(results.figures, { scenario: "jwt", metric: "throughput" });
  const outlived = select(results.figures, { scenario: "jwt", metric: "still accepted" });
  if (calls.length === 0 || outlived.length === 0) return null;
  return [
    sourceOf(results, from, "jwt"),
    "",
    "A revoked session's service token was accepted for this long after `revoke` had resolved:",
    "",
    ...gridOf(outlived, "ttl", "clockTolerance", {
      row: (ttl) => `\`ttl\` of ${ttl} s`,
      column: (tolerance) => `with \`clockTolerance: ${Number(tolerance) * 1000}\``,
      cell: ({ value }) => `${digits(value)} s`,
    }),
    "",
    "Calls per second, as multiples of `store.get` in the same round:",
    "",
    ...contenderGrid(calls, ({ ratio }) => multiple(ratio?.value ?? Number.NaN)),
  ].join("\n");
}

/** What docs/drop-in.md says of the price: calls per second as multiples of connect-redis's. `null`: not measured. */
export function dropInOf(results: Results, from: string): string | null {
  const calls = select(results.figures, { scenario: "drop-in", metric: "throughput" }).filter(({ ours }) => ours);
  if (calls.length === 0) return null;
  return [
    sourceOf(results, from, "drop-in"),
    "",
    "Calls per second, as multiples of connect-redis's (7 on ioredis, 9 on node-redis) on the same client in the same round:",
    "",
    ...contenderGrid(calls, ({ ratio }) => multiple(ratio?.value ?? Number.NaN)),
  ].join("\n");
}

/** What docs/clients.md says of the price: calls per second as multiples of the raw command. `null`: not measured. */
export function clientsOf(results: Results, from: string): string | null {
  const calls = select(results.figures, { scenario: "clients", metric: "throughput" });
  if (calls.length === 0) return null;
  return [
    sourceOf(results, from, "clients"),
    "",
    "Calls per second, as multiples of the raw HGETALL of a record on the same client in the same round:",
    "",
    ...contenderGrid(calls, ({ ratio }) => multiple(ratio?.value ?? Number.NaN)),
  ].join("\n");
}

/** What docs/near.md says of it. `null`: not measured. */
export function nearOf(results: Results, from: string): string | null {
  const lines = nearLines(results);
  return lines.length === 0 ? null : [sourceOf(results, from, "near", "http", "revocation"), "", ...lines].join("\n");
}

function nearLines(results: Results, before = ""): string[] {
  return nearParts(results).flatMap((part, at) => {
    if (typeof part === "string") return [`${at === 0 ? before : ""}${part}`, ""];
    const [head = [], ...rows] = part;
    return [...tableLines(head, rows), ""];
  });
}

/** A row for each contender, a column for each number of calls in flight. */
function contenderGrid(figures: readonly Figure[], cell: (figure: Figure) => string): string[] {
  const named = figures.map((figure) => ({ ...figure, at: { ...figure.at, contender: figure.contender } }));
  return gridOf(named, "contender", "inFlight", {
    row: (contender) => (named.find((one) => one.contender === contender)?.ours ? `**${contender}**` : `${contender}`),
    column: (inFlight) => (inFlight === 1 ? "one at a time" : `${inFlight} in flight`),
    cell,
  });
}

/** A table over two circumstances. */
function gridOf(
  figures: readonly Figure[],
  down: string,
  across: string,
  show: {
    row: (value: string | number) => string;
    column: (value: string | number) => string;
    cell: (figure: Figure) => string;
  },
): string[] {
  const valuesOf = (name: string) => [...new Set(figures.flatMap(({ at }) => at[name] ?? []))];
  const columns = valuesOf(across);
  const rows = valuesOf(down).map((row) => {
    const cells = columns.map((column) => {
      const [figure] = select(figures, { at: { [down]: row, [across]: column } });
      return figure === undefined ? "–" : show.cell(figure);
    });
    return [show.row(row), ...cells];
  });
  return tableLines(["", ...columns.map(show.column)], rows);
}

/** Which run it was; `only` are the scenarios that measure what is shown. */
function sourceOf(results: Results, from: string, ...only: readonly string[]): string {
  const { machine, versions, startedAt, commit, settings } = results;
  const where = `${machine.cpu}, ${machine.cores} cores, ${versions["server"]}, Node.js ${versions["node"]}, ioredis ${versions["ioredis"]}`;
  const part = only.map((name) => ` --only ${name}`).join("");
  const alone = part === "" ? "" : ` \`npm run bench --${part}\` measures this part on your machine.`;
  return `Measured by \`npm run bench${settings.quick ? " -- --quick" : ""}\` on ${startedAt.slice(0, 10)}${commit === null ? "" : `, commit ${commit.id}`}: ${where}. All on one machine, so without a network; trust the ratios. Every figure is in \`${from.replace("../", "")}\`.${alone}`;
}

function acceptedTable({ figures }: Results): string[] {
  const rows = select(figures, { scenario: "revocation", metric: "still accepted" }).map(
    ({ contender, ours, value, atLeast }) => [
      ours ? `**${contender}**` : contender,
      `${atLeast ? "at least " : ""}${digits(value)}`,
    ],
  );
  return tableLines(["", "seconds"], rows);
}

function requestsTable({ figures }: Results): string[] {
  const rows = select(figures, { scenario: "http", metric: "requests" }).map(
    ({ contender, ours, value, ratio, at }) => {
      const p99 = select(figures, { scenario: "http", contender, metric: "p99", at })[0];
      const cells = [digits(value), multiple(ratio?.value ?? 1), p99 === undefined ? "–" : digits(p99.value / 1000)];
      return [ours ? `**${contender}**` : contender, ...cells];
    },
  );
  return tableLines(["", "requests/s", "of no authentication", "p99, ms"], rows);
}

function memoryTable({ figures, versions }: Results): string[] {
  const all = select(figures, { scenario: "memory", metric: "memory" });
  const servers = [...new Set(all.map(({ at }) => at["server"]))];
  const rows = servers.flatMap((server) => {
    const own = memoryRows(all.filter(({ at }) => at["server"] === server));
    return servers.length === 1 ? own : [[`*${server ?? versions["server"]}*`, "", "", ""], ...own];
  });
  return tableLines(["bytes per session", "1 per user", "3 per user", "100 per user"], rows);
}

function memoryRows(weighed: readonly Figure[]): string[][] {
  const cell = (contender: string, perUser: number) => {
    const own = weighed.filter((figure) => figure.contender === contender);
    const figure = own.find(({ at }) => at["perUser"] === perUser) ?? own.find(({ at }) => at["perUser"] === "any");
    return figure === undefined ? "–" : digits(figure.value);
  };
  return [...new Set(weighed.map(({ contender }) => contender))].map((contender) => {
    const ours = weighed.some((figure) => figure.contender === contender && figure.ours);
    const cells = [1, 3, 100].map((perUser) => cell(contender, perUser));
    return [ours ? `**${contender}**` : contender, ...cells];
  });
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
      return [ours ? `**${name}**` : name, ...cells];
    });
  const head = ["p50, one at a time, µs", "calls/s, 128 in flight", "of `touch`", "what it gives up"];
  return tableLines(["one authenticated request", ...head], rows);
}

function fasterLines(results: Results): string[] {
  const peers = results.scenarios.find(({ name }) => name === "peers");
  const faster = fasterThanOurs(results.figures, peers?.contenders ?? [], 128);
  return faster.map(
    ({ contender, times, givesUp }) => `- ${contender} is faster (${multiple(times)}) and gives up ${givesUp}.`,
  );
}

function targetTable(results: Results): string[] {
  const verdicts = judge(results).filter(({ measured }) => measured !== null);
  const rows = verdicts.map((verdict) => {
    const { target, measured, withheld, beside } = verdict;
    const word = wordFor(verdict);
    const why = withheld === null ? [] : [`No verdict: ${withheld}.`];
    return [target, measured ?? "", word === "reached" ? word : `**${word}**`, [...why, beside ?? ""].join(" ").trim()];
  });
  return tableLines(["target", "measured", "", "beside it, in the same run"], rows);
}

function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return markdownTable([head, ...rows], { alignDelimiters: false }).split("\n");
}
