/**
 * Makes docs/faults.md of the rows that the faults gave, also of those that broke a promise. A section is written anew if every
 * fault of its folder came to a result, and says when that was and of which commit; the others stay as they are.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { relative } from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import type { FaultRow } from "./fault.ts";
import { sectionOf, withSections } from "./report-page.ts";

const FILE = `${import.meta.dirname}/../../docs/faults.md`;

/** The folder of a test file: "network". */
function folderOf({ moduleId }: TestModule): string {
  return relative(import.meta.dirname, moduleId).split("/")[0] ?? "";
}

export default class FaultReport implements Reporter {
  readonly #rows = new Map<string, FaultRow[]>();
  /** Folders with a test that gave no row: it was left out, or failed before. */
  readonly #partial = new Set<string>();

  onTestCaseResult(test: TestCase): void {
    const folder = folderOf(test.module);
    const row = test.meta().fault;
    if (row === undefined) this.#partial.add(folder);
    else this.#rows.set(folder, [...(this.#rows.get(folder) ?? []), row]);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const run = modules.filter((module) => [...module.children.allTests()].length > 0).map(({ moduleId }) => moduleId);
    const sections = new Map<string, string>();
    for (const [folder, rows] of this.#rows) {
      const files = readdirSync(`${import.meta.dirname}/${folder}`).filter((name) => name.endsWith(".test.ts"));
      // A fault that was left out would be missing in silence.
      const isWhole = files.every((name) => run.includes(`${import.meta.dirname}/${folder}/${name}`));
      const title = rows[0]?.section ?? folder;
      if (isWhole && !this.#partial.has(folder)) sections.set(title, sectionOf(title, rows, measured()));
      else console.log(`docs/faults.md keeps its section "${title}": not every fault of it came to a result.`);
    }
    if (sections.size === 0) return;
    writeFileSync(FILE, withSections(readFileSync(FILE, "utf8"), sections));
    console.log(`docs/faults.md has new sections: ${[...sections.keys()].join(", ")}.`);
  }
}

/** When, of what, and on what. */
function measured(): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  const isChanged = git("status", "--porcelain", "--untracked-files=no", "--", "../../src", "..") !== "";
  return (
    `Measured on ${new Date().toISOString().slice(0, 10)} at commit ${git("rev-parse", "--short=7", "HEAD")}` +
    `${isChanged ? " with changes" : ""}, on ${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"}), ` +
    `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`
  );
}
