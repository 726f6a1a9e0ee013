/** Starts an example as its README says, in a process of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ensureBuilt } from "../harness/dist.js";
import { afterFile } from "../harness/fixtures.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const quickScrypt = new URL("quick-scrypt.ts", import.meta.url).href;

export interface Program {
  /** The address that it has printed. */
  readonly url: string;
  /** What it has printed to both of its outputs so far. */
  output(): string;
  /** Ends it by its process id. Returns the exit code. */
  stop(): Promise<number | null>;
}

/** Builds the package if need be, and starts `examples/<name>/server.ts` on a free port. */
export async function startExample(name: string, env: Readonly<Record<string, string>> = {}): Promise<Program> {
  await ensureBuilt();
  // The command `tsx` is a process before the process, and kills a program that does not take up a signal within 60 ms.
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const { REDIS_URL: _redis, DATA_DIR: _data, ...rest } = process.env;
  const imports = ["--import", tsx, "--import", quickScrypt];
  const child = spawn(process.execPath, [...imports, `examples/${name}/server.ts`], {
    cwd: root,
    env: { ...rest, TSX_TSCONFIG_PATH: join(root, "examples/tsconfig.json"), PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let [announce, fail] = [(_url: string) => {}, (_error: Error) => {}];
  const address = new Promise<string>((resolve, reject) => {
    [announce, fail] = [resolve, reject];
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? [];
      if (url !== undefined) announce(url);
    });
  }
  const closed = once(child, "close") as Promise<[code: number | null]>;
  const stop = async () => {
    child.kill("SIGTERM");
    return (await closed)[0];
  };
  afterFile(stop);
  closed.then(([code]) => fail(new Error(`examples/${name} ended at once, with ${code}:\n${output}`)), fail);
  return { url: await address, output: () => output, stop };
}
