/** The process of the command line: its arguments, its signals and its exit status. */
import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { addressOf } from "./address.js";
import { DONE, describeFailure, STOPPED, WRONG_USAGE } from "./failure.js";
import { printable } from "./printable.js";
import { makeProgram, type Run } from "./program.js";
import { Terminal } from "./terminal.js";
import { type Opened, open } from "./work.js";

/** How long to wait for what is under way when the process is stopped, ms. */
const PATIENCE = 3000;

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // A second Ctrl-C means that nobody wants to wait for the step that is under way.
      if (stop.signal.aborted) process.exit(STOPPED);
      stop.abort(new Error("Stopped"));
    });
  }
  // The reader of the output may stop early, as `head` does. That is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) =>
    process.exit(error.code === "EPIPE" ? DONE : WRONG_USAGE),
  );
  // Nobody hears what is said beside the result, and what was begun goes on.
  process.stderr.on("error", () => {});

  let status = DONE;
  const run: Run = async (options, command) => {
    const { stdin: input, stdout: output, stderr: errors } = process;
    const terminal = new Terminal({ input, output, errors }, options.json === true);
    let say = () => "Stopped. Nothing was changed.";
    const onStop = (next: () => string) => {
      say = next;
    };
    let opened: Opened | undefined;
    const stopped = new Promise<never>((_, reject) => {
      const onAbort = () => setTimeout(() => reject(stop.signal.reason), PATIENCE).unref();
      stop.signal.addEventListener("abort", onAbort, { once: true });
    });
    const work = async () => {
      opened = await open(options, process.env, { terminal, signal: stop.signal, onStop });
      return command(opened.work);
    };
    try {
      status = await Promise.race([work(), stopped]);
    } catch (error) {
      if (stop.signal.aborted) {
        terminal.note(say());
        status = STOPPED;
      } else {
        const described = describeFailure(error, addressOf(options, process.env));
        terminal.note(described.message);
        status = described.status;
      }
    }
    await opened?.close();
  };

  try {
    await makeProgram(versionOfPackage(), run).parseAsync();
  } catch (error) {
    // commander has said what is wrong, or has shown the help or the version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE;
    const { message, status } = describeFailure(error, "");
    process.stderr.write(`${printable(message)}\n`);
    return status;
  }
  return status;
}

function versionOfPackage(): string {
  // Both dist/cli.js and src/cli/main.ts find it.
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as Record<
        string,
        string
      >;
      if (name === "coatcheck" && version !== undefined) return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new Error("The package.json of coatcheck is missing: install the package again");
}

// If nothing is left to wait for before it has a status, it has not done what it should.
process.exitCode = WRONG_USAGE;

/** Resolves when the process has its exit status. */
export const done: Promise<void> = main().then((status) => {
  // The streams are written to the end, which process.exit() does not wait for.
  process.exitCode = status;
  process.stdin.unref?.();
});
