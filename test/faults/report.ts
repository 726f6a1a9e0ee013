/** Makes docs/faults.md of the rows that the faults of a whole run gave, also of those that broke a promise. */
import { readdir, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import type { FaultRow } from "./fault.ts";

const FILE = `${import.meta.dirname}/../../docs/faults.md`;

export default class FaultReport implements Reporter {
  readonly #rows: FaultRow[] = [];
  readonly #begun = Date.now();
  #whole = true;

  onTestCaseResult(test: TestCase): void {
    const row = test.meta().fault;
    if (row === undefined) this.#whole = false;
    else this.#rows.push(row);
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const files = (await readdir(import.meta.dirname, { recursive: true })).filter((name) => name.endsWith(".test.ts"));
    const run = modules.filter((module) => [...module.children.allTests()].length > 0);
    // A fault that was left out, or failed before it had a row, would be missing in silence.
    if (!this.#whole || run.length < files.length) {
      console.log("docs/faults.md is left as it is: not every fault came to a result.");
      return;
    }
    await writeFile(FILE, page(this.#rows, Date.now() - this.#begun));
    console.log("docs/faults.md was written.");
  }
}

function page(rows: readonly FaultRow[], took: number): string {
  const sections = [...new Set(rows.map(({ section }) => section))];
  const sum = (of: (row: FaultRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  return [
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
    `Made by \`npm run test:faults\` on ${new Date().toISOString().slice(0, 10)} in ${Math.round(took / 60_000)} minutes, on ` +
      `${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
      `Node ${process.versions.node}; everything on loopback.`,
    "",
    `**${sum(({ times }) => times)} faults, ${number(sum(({ operations }) => operations))} calls, ` +
      `${sum(({ broken }) => broken.length)} promises broken.**`,
    "",
    ...sections.flatMap((section) => table(section, rows)),
  ].join("\n");
}

const COLUMNS = [
  "fault",
  "servers",
  "operations tried",
  "errors by type",
  "promises broken",
  "outage seen",
  "recovery time",
  "further figures",
];

function table(section: string, all: readonly FaultRow[]): string[] {
  const rows = all.filter((row) => row.section === section);
  return [
    `## ${section}`,
    "",
    line(COLUMNS),
    line(COLUMNS.map(() => "---")),
    ...rows.map((row) =>
      line([
        row.fault,
        row.servers,
        number(row.operations),
        errors(row.errors),
        row.broken.length === 0 ? "0" : `**${row.broken.length}**: ${row.broken.join("; ")}`,
        row.outage === null ? "none" : duration(row.outage),
        row.recovery === null ? "" : duration(row.recovery),
        further(row),
      ]),
    ),
    "",
  ];
}

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
