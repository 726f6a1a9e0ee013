/** What docs/faults.md looks like. Pure: it knows rows and texts, and neither files nor test runs. */
import type { FaultRow } from "./fault.ts";

/** The sections in the order of the page. */
const ORDER = ["Networks", "Failover", "Near cache", "Soak"];

const INTRODUCTION = [
  "# Faults",
  "",
  "<!-- Made by `npm run test:faults`. Do not edit: run it again. -->",
  "",
  "What happens to sessions when servers die, freeze and fail over and networks break. Every fault is injected under a",
  "running load on real servers; a checker knows each call that was acknowledged, and looks for what contradicts it.",
  "",
  "**Operations** are calls of the store, **errors** those of them that rejected. The **outage** is the longest time from a fault",
  "to the next lookup that succeeded, as one client saw it; the **recovery time** the longest from the end of the fault until every",
  "call succeeded again.",
  "",
  "For the [near cache](near.md), one process has sessions in its memory and looks each of them up every ms, while another one revokes",
  "them. **Served after a revocation** is the longest time from the instant at which the revoking process heard that a session was",
  "revoked to the beginning of the last lookup that still accepted it. The promise is one lease: 1 s.",
  "",
  "The sections were measured on different days. Each names its day and its commit. It shows what coatcheck did at that commit, and",
  "nothing that has changed since. CI injects the same faults for a few minutes at every commit, and fails if a promise is broken.",
  "Everything runs on loopback. `npm run test:faults -- faults/near` measures one folder of `test/faults` alone, and writes its section.",
  "",
];

/** A section: how it was measured, and a row for each fault. */
export function sectionOf(title: string, rows: readonly FaultRow[], measured: string): string {
  const sum = (of: (row: FaultRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  const columns = COLUMNS.filter(({ isIn = () => true }) => rows.some(isIn));
  return [
    `## ${title}`,
    "",
    `${measured}: ${number(sum(({ times }) => times))} faults, ${number(sum(({ operations }) => operations))} calls, ` +
      `**promises broken: ${sum(({ broken }) => broken.length)}**.`,
    "",
    line(columns.map(({ title }) => title)),
    line(columns.map(() => "---")),
    ...rows.map((row) => line(columns.map(({ cell }) => cell(row)))),
    "",
  ].join("\n");
}

/** The page with some of its sections made anew, and the others as they were. */
export function withSections(page: string, made: ReadonlyMap<string, string>): string {
  const kept = page.split(/^(?=## )/m).filter((text) => text.startsWith("## "));
  const sections = new Map(kept.map((text) => [/^## (.*)$/m.exec(text)?.[1] ?? "", text]));
  for (const [title, text] of made) sections.set(title, text);
  const place = (title: string) => (ORDER.includes(title) ? ORDER.indexOf(title) : ORDER.length);
  const ordered = [...sections].sort(([one], [other]) => place(one) - place(other));
  return [INTRODUCTION.join("\n"), ...ordered.map(([, text]) => `${text.trimEnd()}\n`)].join("\n");
}

interface Column {
  readonly title: string;
  readonly cell: (row: FaultRow) => string;
  /** Whether a row needs it. The column is left out if none does. */
  readonly isIn?: (row: FaultRow) => boolean;
}

const COLUMNS: readonly Column[] = [
  { title: "fault", cell: (row) => row.fault },
  { title: "servers", cell: (row) => row.servers },
  { title: "operations tried", cell: (row) => number(row.operations) },
  { title: "errors by type", cell: (row) => errors(row.errors) },
  {
    title: "promises broken",
    cell: ({ broken }) => (broken.length === 0 ? "0" : `**${broken.length}**: ${broken.join("; ")}`),
  },
  {
    title: "served after a revocation",
    cell: ({ stale }) => (stale === undefined ? "" : duration(stale)),
    isIn: ({ stale }) => stale !== undefined,
  },
  { title: "outage seen", cell: ({ outage }) => (outage === null ? "none" : duration(outage)) },
  { title: "recovery time", cell: ({ recovery }) => (recovery === null ? "" : duration(recovery)) },
  { title: "further figures", cell: further },
];

/** A figure to a line. A fault is injected once unless it says otherwise. */
function further({ times, further = {} }: FaultRow): string {
  const figures = Object.entries(further).filter(([, value]) => value !== "");
  return [...(times === 1 ? [] : ([["injected", `${number(times)} times`]] as const)), ...figures]
    .map(([name, value]) => `${name}: ${typeof value === "number" ? number(value) : value}`)
    .join("<br>");
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** The most frequent first. */
function errors(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, one], [, other]) => other - one);
  return entries.length === 0 ? "none" : entries.map(([code, count]) => `${number(count)} ${code}`).join(", ");
}

function number(value: number): string {
  return value.toLocaleString("en").replaceAll(",", " ");
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
