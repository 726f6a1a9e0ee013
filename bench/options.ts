/** The command line. Pure: it reads no file, and starts nothing. */
import { parseArgs } from "node:util";
import { closest, distance } from "fastest-levenshtein";

export interface RunOptions {
  readonly command: "run";
  readonly quick: boolean;
  /** Names of scenarios; all where empty. */
  readonly only: readonly string[];
  readonly redis: string | undefined;
  readonly json: string | undefined;
  readonly publish: boolean;
  /** Whether to wait before each scenario until the machine is calm. */
  readonly wait: boolean;
  readonly rounds: number | undefined;
  readonly roundMilliseconds: number | undefined;
  readonly mostSessions: number | undefined;
}

export type Options =
  | RunOptions
  | { readonly command: "list" | "help" }
  | { readonly command: "compare"; readonly before: string; readonly after: string }
  | { readonly command: "publish"; readonly results: string };

/** The user's mistake, said in a sentence. */
export class UsageError extends Error {}

const FLAGS = {
  quick: { type: "boolean", default: false },
  only: { type: "string", multiple: true, default: [] as string[] },
  redis: { type: "string" },
  json: { type: "string" },
  publish: { type: "boolean", default: false },
  wait: { type: "boolean", default: false },
  rounds: { type: "string" },
  "round-ms": { type: "string" },
  sessions: { type: "string" },
  list: { type: "boolean", default: false },
  compare: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

export const HELP = `
Usage: npm run bench -- [options]

Measures coatcheck against every alternative that a user would weigh, and writes a report. About twelve minutes.

  --quick               about one minute on a calm machine: shorter rounds, fewer sessions and contenders; the report says what is left out
  --only <scenario>     this scenario alone; may be given several times
  --wait                waits before each scenario until the machine is calm, 10 minutes at most. On a busy one there is
                        no verdict on speed, because a neighbour does not slow all contenders down alike
  --redis <url>         a server of your own; its keys are left alone, and what the run writes is deleted in the end.
                        Without it, private servers are started and stopped.
  --json <file>         where the results go. By default a whole run writes bench/results/<date>.json and
                        bench/report.html, and a quick or partial one does so in .cache/bench.
  --publish [file]      also writes bench/headline.svg, docs/scale.md, and the figures in the documents (between the lines
                        <!-- bench:begin --> and <!-- bench:end -->); with a file of results, does so for that run
                        and measures nothing
  --compare <a> <b>     what got slower from one file of results to another; exit code 1 where something did
  --rounds <n>          rounds that count (7; quick: 3), after half a round that warms up
  --round-ms <n>        how long each contender is under load in a round (160; quick: 50)
  --sessions <n>        no scenario makes more sessions than this
  --list                the scenarios and their contenders
  --help                this text

Exit code: 0 when all was measured, 1 when a contender failed or something got slower, 2 for a wrong option, 130 for Ctrl-C.
`.trim();

/** Reads the command line. Throws `UsageError`. */
export function parseOptions(args: readonly string[], scenarios: readonly string[]): Options {
  const { values, positionals } = parse(args);
  if (values.help) return { command: "help" };
  if (values.list) return { command: "list" };
  if (values.compare) {
    const [before, after, ...rest] = positionals;
    if (before === undefined || after === undefined || rest.length > 0) {
      throw new UsageError("--compare takes two files of results: the one before and the one after.");
    }
    return { command: "compare", before, after };
  }
  if (values.publish && positionals.length > 0) {
    const [results, ...rest] = positionals;
    if (results === undefined || rest.length > 0) throw new UsageError("--publish takes one file of results, or none.");
    return { command: "publish", results };
  }
  if (positionals.length > 0) {
    throw new UsageError(`${JSON.stringify(positionals[0])} is not an option. For one scenario: --only <scenario>.`);
  }
  for (const name of values.only) {
    if (!scenarios.includes(name)) {
      throw new UsageError(
        `There is no scenario ${JSON.stringify(name)}${hint(name, scenarios)}; there are ${scenarios.join(", ")}.`,
      );
    }
  }
  return {
    command: "run",
    quick: values.quick,
    only: [...new Set(values.only)],
    redis: values.redis === undefined ? undefined : checkUrl(values.redis),
    json: values.json,
    publish: values.publish,
    wait: values.wait,
    rounds: checkCount("--rounds", values.rounds),
    roundMilliseconds: checkCount("--round-ms", values["round-ms"]),
    mostSessions: checkCount("--sessions", values.sessions),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const wrong = /'(--?[^' ]+)/.exec(message)?.[1] ?? "";
    if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
      const names = Object.keys(FLAGS).map((name) => `--${name}`);
      throw new UsageError(`There is no option ${wrong}${hint(wrong, names)}. --help lists them all.`);
    }
    if (code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE") {
      const takesOne = /argument missing|ambiguous/.test(message);
      throw new UsageError(`${wrong} ${takesOne ? "needs a value" : "takes no value"}. --help says which.`);
    }
    throw error;
  }
}

/** What was probably meant. */
function hint(wrong: string, names: readonly string[]): string {
  const nearest = closest(wrong, names);
  return distance(wrong, nearest) <= 2 ? ` (did you mean ${nearest}?)` : "";
}

function checkCount(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new UsageError(`${name} must be a whole number from 1 on, not ${JSON.stringify(text)}.`);
  }
  return count;
}

function checkUrl(text: string): string {
  if (/mock/i.test(text)) {
    throw new UsageError(
      "ioredis-mock runs scripts in a Lua interpreter written in JavaScript, in the process of its client: its times say nothing about Redis. Without --redis, the benchmark starts a real redis-server of its own.",
    );
  }
  const protocol = URL.canParse(text) ? new URL(text).protocol : undefined;
  if (protocol !== "redis:" && protocol !== "rediss:") {
    throw new UsageError(`--redis must be a URL such as redis://127.0.0.1:6379, not ${JSON.stringify(text)}.`);
  }
  return text;
}
