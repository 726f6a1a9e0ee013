/**
 * A recipe: a program in examples/frameworks with packages of its own, and its page in docs/frameworks. The program is installed
 * into a folder under .cache, where it stays installed until its lock file changes, and runs as its user starts it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ensureBuilt } from "../harness/dist.js";
import { afterFile } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
/** Not the program's own: what a run leaves in its folder. */
const LEFT = /^(node_modules|\.\w[\w-]*|build|dist)$/;

/** A program that runs. */
export interface Running {
  /** The address that it has printed. */
  readonly url: string;
  /** What it has printed to both of its outputs so far. */
  output(): string;
  stop(): Promise<void>;
}

export class Recipe {
  readonly name: string;
  /** Where it is installed: as deep as in examples/frameworks, so that `file:../../..` is this package there too. */
  readonly folder: string;
  readonly #source: string;

  private constructor(name: string) {
    this.name = name;
    this.#source = join(root, "examples/frameworks", name);
    this.folder = join(root, ".cache/frameworks", name);
  }

  /** Installs a recipe. For a `beforeAll`. */
  static async install(name: string): Promise<Recipe> {
    const recipe = new Recipe(name);
    await ensureBuilt();
    await recipe.#install();
    return recipe;
  }

  async #install(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    for (const left of readdirSync(this.folder))
      if (!LEFT.test(left)) rmSync(join(this.folder, left), { recursive: true });
    cpSync(this.#source, this.folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
    const lock = readFileSync(join(this.#source, "package-lock.json"));
    const version = createHash("sha256").update(lock).update(process.version).digest("hex");
    const mark = join(this.folder, "node_modules/.coatcheck-lock");
    if (existsSync(mark) && readFileSync(mark, "utf8") === version) return;
    const quiet = ["--no-audit", "--no-fund", "--ignore-scripts"];
    await run("npm", ["ci", ...quiet], { cwd: this.folder, maxBuffer: 1 << 24 });
    writeFileSync(mark, version);
  }

  /**
   * Puts a copy of this package, with the packages that it needs, in the place of the link, as an installation from a registry
   * does: bundlers treat a file in `node_modules` in another way than one that a link leads to.
   */
  copyPackage(): void {
    const to = join(this.folder, "node_modules/coatcheck");
    rmSync(to, { recursive: true, force: true });
    for (const name of ["dist", "package.json"]) cpSync(join(root, name), join(to, name), { recursive: true });
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies: object };
    for (const name of Object.keys(dependencies)) {
      const from = join(root, "node_modules", name);
      cpSync(from, join(to, "node_modules", name), { recursive: true, dereference: true });
    }
  }

  /** Runs a command of Node's to its end, such as a build. Throws what it has printed if it fails. */
  async run(command: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
    const rest = environment();
    await run(process.execPath, command, { cwd: this.folder, env: { ...rest, ...env }, maxBuffer: 1 << 24 });
  }

  /** What the compiler complains of in its folder; "" for nothing. */
  async typeCheck(): Promise<string> {
    const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
    return run(process.execPath, [tsc, "-p", this.folder]).then(
      () => "",
      (error: { stdout?: string }) => error.stdout || String(error),
    );
  }

  /** Starts a file with tsx, or another command of Node's or of `executable`, and waits until it prints its address. */
  async start(
    env: Readonly<Record<string, string>>,
    command: readonly string[] = ["--import", "tsx", "server.ts"],
    executable = process.execPath,
  ) {
    const rest = environment();
    const child = spawn(executable, command, {
      cwd: this.folder,
      env: { ...rest, PORT: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return announced(child, `examples/frameworks/${this.name}`);
  }

  /** The blocks of code of its page that are in none of its files: there must be none. */
  strayCode(languages: readonly string[] = ["ts"]): string[] {
    const page = new MarkdownDocument(new URL(`../../docs/frameworks/${this.name}.md`, import.meta.url));
    const texts = filesIn(this.#source).map((file) => readFileSync(file, "utf8"));
    const blocks = languages.flatMap((language) => page.blocks(language));
    if (blocks.length === 0) return [`docs/frameworks/${this.name}.md has no code`];
    return blocks.map(({ code }) => code).filter((code) => !texts.some((text) => text.includes(code.trim())));
  }
}

/** The environment of a program: ours without what Vitest puts there, which servers take for a reason to be silent. */
function environment(): NodeJS.ProcessEnv {
  const {
    REDIS_URL: _redis,
    NODE_OPTIONS: _options,
    NODE_ENV: _env,
    TEST: _test,
    VITEST: _vitest,
    ...rest
  } = process.env;
  return rest;
}

/** All files of a folder but those of packages: among these is a link to the project, so they have no end. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (LEFT.test(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

async function announced(child: ChildProcess, name: string): Promise<Running> {
  let output = "";
  const closed = once(child, "close");
  const address = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        const [url] = /http:\/\/(127\.0\.0\.1|localhost):\d+/.exec(output) ?? [];
        if (url !== undefined) resolve(url);
      });
    }
    closed.then(([code]) => reject(new Error(`${name} ended at once, with ${code}:\n${output}`)), reject);
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await closed;
  };
  afterFile(stop);
  return { url: await address, output: () => output, stop };
}
