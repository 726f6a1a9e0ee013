/** `npm run bench`: reads the command line, does what it asks for, and says so in the exit code. */
import { mkdir } from "node:fs/promises";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { compare } from "./compare.ts";
import { HELP, type Options, parseOptions, type RunOptions, UsageError } from "./options.ts";
import { newProgress } from "./progress.ts";
import { publish, writeReport } from "./report/publish.ts";
import { terminalComparison, terminalReport } from "./report/terminal.ts";
import { expectWritable, type Results, readResults, writeResults } from "./results.ts";
import { run } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";
import { briefly, NOT_IN_QUICK, type Settings, settingsFor } from "./settings.ts";

const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;
/** Whole runs are recorded in the repository; the others would only overwrite them with less. */
const RECORDED = fileURLToPath(new URL("./", import.meta.url));
const PASSING = fileURLToPath(new URL("../.cache/bench/", import.meta.url));

class Interrupted extends Error {}

const colour = process.stdout.isTTY === true;
const say = (text: string) => process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const options = parseOptions(
    process.argv.slice(2),
    SCENARIOS.map(({ name }) => name),
  );
  return obey(options);
}

async function obey(options: Options): Promise<number> {
  switch (options.command) {
    case "help":
      say(HELP);
      return EXIT.done;
    case "list":
      for (const { name, shows, contenders } of SCENARIOS) {
        say(`${name}: ${shows}`);
        for (const contender of contenders) say(`  ${contender.ours ? "▸" : " "} ${contender.name}: ${contender.does}`);
      }
      return EXIT.done;
    case "compare": {
      const [before, after] = await Promise.all([readResults(options.before), readResults(options.after)]);
      const comparison = compare(before, after);
      say(terminalComparison(comparison, { colour }));
      return comparison.changes.some(({ verdict }) => verdict === "slower") ? EXIT.failed : EXIT.done;
    }
    case "publish":
      for (const file of await publish(await readResults(options.results), options.results))
        say(`wrote ${shown(file)}`);
      return EXIT.done;
    case "run":
      return measure(options);
  }
}

async function measure(options: RunOptions): Promise<number> {
  const controller = new AbortController();
  let interruptedAt = 0;
  const interrupt = () => {
    if (controller.signal.aborted) {
      // Whoever presses it again does not want to wait for the tidying up; the watchdogs end the servers even so. But the
      // terminal and the programs around this one may both pass on the same key.
      if (performance.now() - interruptedAt > 1000) process.exit(EXIT.interrupted);
      return;
    }
    interruptedAt = performance.now();
    process.stderr.write("\nInterrupted: stopping the servers and deleting the keys …\n");
    controller.abort(new Interrupted());
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, interrupt);

  // Ten minutes later would be a bad moment to learn that they cannot be kept.
  if (options.json !== undefined) await expectWritable(options.json);

  const chosen = SCENARIOS.filter(({ name, notInQuick }) =>
    options.only.length === 0 ? !(options.quick && notInQuick) : options.only.includes(name),
  );
  const settings = settingsFor(options);
  const results = await run({
    scenarios: chosen,
    settings,
    redis: options.redis,
    progress: newProgress(process.stderr),
    signal: controller.signal,
    leftOut: leftOutOf(options, chosen, settings),
    wait: options.wait,
    usualSeconds: options.only.length > 0 ? undefined : options.quick ? 60 : 720,
  });
  say(terminalReport(results, { colour }));

  const isWhole = !options.quick && options.only.length === 0;
  const folder = isWhole || options.publish ? RECORDED : PASSING;
  await mkdir(`${folder}results`, { recursive: true });
  const file = options.json ?? `${folder}results/${nameOf(results)}`;
  await writeResults(file, results);
  const written = [file, await writeReport(results, `${folder}report.html`)];
  if (options.publish) written.push(...(await publish(results, file)));
  for (const name of new Set(written)) say(`wrote ${shown(name)}`);
  return results.scenarios.some(({ failures }) => failures.length > 0) ? EXIT.failed : EXIT.done;
}

/** What a quick run goes without. A run of chosen scenarios goes without the others, which its user knows. */
function leftOutOf({ quick, only }: RunOptions, chosen: readonly Scenario[], settings: Settings): string[] {
  if (!quick) return [];
  const scenarios = SCENARIOS.filter((one) => !chosen.includes(one)).map(({ name }) => name);
  const whole = only.length > 0 ? [] : [`the scenarios ${scenarios.join(" and ")} (--only ${scenarios[0]} has one)`];
  return [...whole, ...chosen.flatMap(({ name }) => NOT_IN_QUICK[name] ?? []), briefly(settings)];
}

/** The name of a file of results: the date, and the time where there may be several a day. */
function nameOf({ startedAt, settings }: Results): string {
  return `${startedAt.slice(0, 10)}-${startedAt.slice(11, 16).replace(":", "")}${settings.quick ? "-quick" : ""}.json`;
}

function shown(file: string): string {
  return relative(process.cwd(), file);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT.usage;
  } else if (error instanceof Interrupted) {
    process.exitCode = EXIT.interrupted;
  } else {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT.failed;
  }
}
// What a library has left open, such as a pool of sockets, must not keep the run from ending.
process.exit();
