/** What a run leaves behind: everything that a report, a comparison or a page is made from. */
import { access, constants, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Figure } from "./figures.ts";
import type { Commit, Machine } from "./machine.ts";
import type { Calm } from "./neighbours.ts";
import type { Settings } from "./settings.ts";

export const FORMAT = 1;

export interface Results {
  readonly format: typeof FORMAT;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly settings: Settings;
  readonly machine: Machine;
  /** Of Node.js, the servers and the packages. */
  readonly versions: Readonly<Record<string, string>>;
  readonly commit: Commit | null;
  /** What a quick run goes without. */
  readonly leftOut?: readonly string[];
  readonly scenarios: readonly ScenarioResult[];
  readonly figures: readonly Figure[];
}

export interface ScenarioResult {
  readonly name: string;
  readonly shows: string;
  readonly method: readonly string[];
  readonly limits: readonly string[];
  readonly contenders: readonly ContenderResult[];
  /** What went wrong: a contender, or the whole scenario. */
  readonly failures: readonly { readonly what: string; readonly reason: string }[];
  /** What the machine was like meanwhile; older runs have not looked. */
  readonly calm?: Calm;
  /** What was left out. */
  readonly skipped: readonly { readonly what: string; readonly reason: string }[];
}

export interface ContenderResult {
  readonly name: string;
  readonly does: string;
  readonly givesUp?: string;
  readonly ours?: true;
  readonly stateless?: true;
}

/** What holds for every scenario. */
export const METHOD: readonly string[] = [
  "All contenders of a scenario are measured in one run, in turns, round by round, in changing order; a first one, half as long, warms up and does not count.",
  "Each has a Node.js process of its own. coatcheck is the built package, as it is published.",
  "A figure is the median of its rounds; ± is the median absolute deviation. p99.9 and max are over all rounds together. A ratio is the median of the ratios round by round.",
  "Before, between and after the rounds the run looks at what other processes and other guests of the host take of the machine, and how long work of its own waits for a core. If that is more than a tenth of the cores or a quarter of the time, there is no verdict on speed; nor is there one if the rounds differ too much to tell on which side of its limit a figure is.",
  '"In flight" is a closed loop: so many callers, each asks again when it has its answer. Such callers wait out a stall together with the server and so leave out whom it would have kept waiting (coordinated omission). Therefore lookups are also measured on a timetable, each timed from the instant it was due.',
];

export const LIMITS: readonly string[] = [
  "Client and server share one machine: there is no network in these figures, and yours comes on top of every contender that asks a server.",
  "Absolute figures are this machine's and move from run to run. The ratios are the result.",
  "A benchmark looks up sessions that exist. What misses costs is not measured.",
  "Only lookups are measured on a timetable. All other latencies, and those of whole HTTP requests, are of closed loops: good for telling contenders apart, and too kind to all of them in their rarest quantiles.",
  "Each contender has one process and, apart from PostgreSQL's pool, one connection. Redis has no replica, and no TLS. Where it writes to the disk, the scenario says so.",
];

/** Makes the folder for a file of results. Throws a sentence where no file can be written there. */
export async function expectWritable(file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
    if (found?.isDirectory()) throw Object.assign(new Error("a folder"), { code: "EISDIR" });
    await access(found === null ? dirname(file) : file, constants.W_OK);
  } catch (error) {
    throw new Error(`${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? error}).`);
  }
}

export async function writeResults(file: string, results: Results): Promise<void> {
  const { figures, ...rest } = results;
  // A figure a line, and no more digits than a measurement has: a run is kept in the repository.
  const lines = figures.map((figure) => JSON.stringify(figure, toSixDigits));
  const head = JSON.stringify(rest, null, 1).slice(0, -2);
  await writeFile(file, `${head},\n "figures": [\n${lines.join(",\n")}\n ]\n}\n`);
}

function toSixDigits(_name: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}

/** Reads a run. Throws a sentence where the file is none. */
export async function readResults(file: string): Promise<Results> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? error}).`);
  }
  let results: Partial<Results>;
  try {
    results = JSON.parse(text) as Partial<Results>;
  } catch {
    throw new Error(`${file} is not JSON, so it is not the results of a run.`);
  }
  if (results.format !== FORMAT || !Array.isArray(results.figures)) {
    throw new Error(`${file} is not the results of a run of this benchmark (format ${FORMAT}).`);
  }
  return results as Results;
}
