/** Runs the command line as its user does: built, in a process of its own, with or without a terminal. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, type Options } from "tsup";
import configurations from "../../tsup.config.js";
import { afterFile } from "../harness/fixtures.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const [, ofProgram] = configurations as [Options, Options];

// In a folder of this test file's own, beside the package's own modules.
const folder = `${root}.cache/cli-${process.pid}`;
await build({ ...ofProgram, config: false, outDir: folder, silent: true });
afterFile(() => rm(folder, { recursive: true, force: true }));

/** The built program. */
export const PROGRAM = `${folder}/cli.js`;

export interface Finished {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface Running {
  /** What it has written so far, to both. */
  said(): string;
  /** Waits until it has written something. */
  until(said: string | ((said: string) => boolean)): Promise<void>;
  type(text: string): void;
  interrupt(): void;
  readonly finished: Promise<Finished>;
}

export interface Setting {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Modules to load before it. */
  readonly imports?: readonly string[];
  /** Gives it a terminal, by `script` of util-linux. */
  readonly terminal?: boolean;
  /** Its standard error is closed before it writes to it. */
  readonly deaf?: boolean;
}

/** Starts `coatcheck` with arguments. Nothing of the environment of the tests leads it to a Redis. */
export function start(
  args: readonly string[],
  { env = {}, imports = [], input, terminal = false, deaf = false }: Setting = {},
): Running {
  const { REDIS_URL: _url, REDIS_PASSWORD: _password, REDIS_USERNAME: _username, ...rest } = process.env;
  const argv = [...imports.flatMap((each) => ["--import", each]), PROGRAM, ...args];
  const quoted = [process.execPath, ...argv].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  // `exec`, so that the program itself has the process id that `script` passes signals on to.
  const [command, words] = terminal ? ["script", ["-qefc", `exec ${quoted}`, "/dev/null"]] : [process.execPath, argv];
  const child = spawn(command, words, { cwd: root, env: { ...rest, ...env, NO_COLOR: "1", COLUMNS: "200" } });
  afterFile(() => child.kill("SIGKILL"));
  let [output, errors] = ["", ""];
  const heard = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    for (const hear of heard) hear();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    for (const hear of heard) hear();
  });
  if (deaf) child.stderr.destroy();
  // It may have ended before it has read its input.
  child.stdin.on("error", () => {});
  if (input !== undefined) child.stdin.end(input);
  else if (!terminal) child.stdin.end();
  const finished = once(child, "close").then(([status]) => ({ status: status as number | null, output, errors }));
  const said = () => output + errors;
  return {
    said,
    finished,
    type: (text) => child.stdin.write(text),
    // On a terminal Ctrl-C is a character that is typed.
    interrupt: () => (terminal ? child.stdin.write("\u0003") : child.kill("SIGINT")),
    async until(text) {
      const is = () => (typeof text === "string" ? said().includes(text) : text(said()));
      while (!is()) {
        let hear = () => {};
        const next = new Promise<void>((resolve) => {
          hear = resolve;
          heard.add(hear);
        });
        const ended = await Promise.race([next.then(() => false), finished.then(() => true)]);
        heard.delete(hear);
        if (ended && !is()) throw new Error(`It ended without saying ${text}:\n${said()}`);
      }
    },
  };
}

/** Runs it to its end. */
export function run(args: readonly string[], setting?: Setting): Promise<Finished> {
  return start(args, setting).finished;
}
