/**
 * Where the tests take their Redis server from: `REDIS_SERVER`, else `PATH`, else Debian's package, unpacked into a
 * cache folder of the project. Nothing is ever installed, and a machine that has none of the three is told so in one
 * sentence; no test is skipped for want of a server.
 */
import { execFile } from "node:child_process";
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface RedisBinary {
  /** Path of `redis-server` or `valkey-server`. */
  readonly path: string;
  /** What has to be in the environment for it to start, such as the place of unpacked shared libraries. */
  readonly env: Readonly<Record<string, string>>;
  /** What it says of itself, such as `Redis server v=7.0.15`. */
  readonly version: string;
  /** How it was found: named by an environment variable such as `REDIS_SERVER`, on `PATH`, or `unpacked`. */
  readonly source: string;
}

export interface SearchOptions {
  /** Environment to look in; the process's own by default. */
  readonly env?: Readonly<NodeJS.ProcessEnv>;
  /** Folder that keeps the unpacked package; `.cache/redis` of the project by default. */
  readonly cache?: string;
}

const run = promisify(execFile);

const SERVERS = ["redis-server", "valkey-server"] as const;
const DEFAULT_CACHE = fileURLToPath(new URL("../../.cache/redis", import.meta.url));

let found: Promise<RedisBinary> | undefined;

/** Finds a server binary that runs. Without options the answer is looked for once per process. */
export function findRedisBinary(options?: SearchOptions): Promise<RedisBinary> {
  if (options !== undefined) return search(options);
  found ??= search({});
  return found;
}

async function search({ env = process.env, cache = DEFAULT_CACHE }: SearchOptions): Promise<RedisBinary> {
  const named = env["REDIS_SERVER"];
  if (named) {
    const binary = await probe(resolve(named), {}, "REDIS_SERVER");
    if (binary) return binary;
    throw new Error(
      `REDIS_SERVER is ${JSON.stringify(named)}, which does not run as a Redis server: set it to the path of redis-server or valkey-server, or unset it.`,
    );
  }

  for (const name of SERVERS) {
    for (const folder of (env["PATH"] ?? "").split(delimiter)) {
      if (!folder) continue;
      const binary = await probe(resolve(folder, name), {}, "PATH");
      if (binary) return binary;
    }
  }

  try {
    return (await probeUnpacked(cache)) ?? (await unpack(cache, env));
  } catch (error) {
    throw new Error(
      `No redis-server found (none on PATH, and Debian's package could not be unpacked: ${firstLine(error)}): install it (Debian: apt-get install redis-server) or set REDIS_SERVER to its path.`,
    );
  }
}

/** The binary at `path` if it exists and runs as a Redis or Valkey server, else `null`. */
export async function probe(path: string, env: Record<string, string>, source: string): Promise<RedisBinary | null> {
  try {
    await access(path, constants.X_OK);
    const { stdout } = await run(path, ["--version"], { env: { ...process.env, ...env } });
    const version = /^(?:Redis|Valkey) server v=\S+/.exec(stdout)?.[0];
    return version === undefined ? null : { path, env, version, source };
  } catch {
    return null;
  }
}

/** The server inside an unpacked package tree, run with the shared libraries that lie beside it. */
async function probeUnpacked(root: string): Promise<RedisBinary | null> {
  for (const name of SERVERS) {
    const binary = await probe(join(root, "usr/bin", name), await libraryPath(root), "unpacked");
    if (binary) return binary;
  }
  return null;
}

async function libraryPath(root: string): Promise<Record<string, string>> {
  const folders: string[] = [];
  for (const base of ["usr/lib", "lib"]) {
    for (const entry of await readdir(join(root, base), { withFileTypes: true }).catch(() => [])) {
      // Debian keeps libraries in a folder named after the architecture, such as x86_64-linux-gnu.
      if (entry.isDirectory() && entry.name.includes("-linux-gnu")) folders.push(join(root, base, entry.name));
    }
  }
  return folders.length > 0 ? { LD_LIBRARY_PATH: folders.join(delimiter) } : {};
}

/**
 * Unpacks Debian's package and its missing shared libraries. The work happens in a folder of its own that is renamed
 * into place at the end, so that two runs at once neither see half a tree nor disturb each other.
 */
async function unpack(cache: string, env: Readonly<NodeJS.ProcessEnv>): Promise<RedisBinary> {
  const parent = dirname(cache);
  await mkdir(parent, { recursive: true });
  const work = await mkdtemp(join(parent, "redis-unpacking-"));
  // mkdtemp makes the folder private, but some versions of apt download as a user of their own.
  await chmod(work, 0o755);
  try {
    // The package lists of the machine may be empty, or so old that the files they name are gone from the mirror.
    const root = await fill(await openApt(work, env, "machine")).catch(async () =>
      fill(await openApt(work, env, "private")),
    );
    return await publish(root, cache);
  } finally {
    await rm(work, { recursive: true, force: true });
  }

  async function fill(apt: Apt): Promise<string> {
    const root = await mkdtemp(join(work, "root-"));
    await chmod(root, 0o755);
    // The binary lies in redis-tools, and redis-server links to it; Valkey is packaged in the same way.
    await apt.unpack(["redis-server", "redis-tools"], root).catch(async (error) => {
      await apt.unpack(["valkey-server", "valkey-tools"], root).catch(() => Promise.reject(error));
    });
    await addMissingLibraries(apt, root);
    if ((await probeUnpacked(root)) === null) throw new Error("the unpacked server does not start");
    return root;
  }
}

async function publish(root: string, cache: string): Promise<RedisBinary> {
  try {
    await rename(root, cache);
  } catch {
    // A tree is in the way. Another run may have been faster, and then its tree is as good as ours; otherwise it is
    // left from an older system and does not run here.
    const other = await probeUnpacked(cache);
    if (other) return other;
    await rename(cache, join(dirname(root), "stale"));
    await rename(root, cache);
  }
  const binary = await probeUnpacked(cache);
  if (!binary) throw new Error("the unpacked server does not start");
  return binary;
}

interface Apt {
  unpack(packages: readonly string[], root: string): Promise<void>;
  /** Names of the libraries that a package depends on directly. */
  libraries(name: string): Promise<string[]>;
}

/**
 * apt with the package lists of the machine, or with lists of its own, which any user may fetch. Neither changes
 * anything outside of `work`.
 */
async function openApt(work: string, env: Readonly<NodeJS.ProcessEnv>, lists: "machine" | "private"): Promise<Apt> {
  // Started as root, apt would otherwise hand the download to a user who may not write here.
  const options = ["-o", "APT::Sandbox::User="];
  const settings = { cwd: work, env: { ...env, LC_ALL: "C" }, maxBuffer: 64 * 1024 * 1024 };

  if (lists === "private") {
    const state = join(work, "apt/state");
    const cache = join(work, "apt/cache");
    await mkdir(join(state, "lists/partial"), { recursive: true });
    await mkdir(join(cache, "archives/partial"), { recursive: true });
    options.push("-o", `Dir::State=${state}`, "-o", `Dir::State::lists=${join(state, "lists")}`);
    options.push("-o", "Dir::State::status=/var/lib/dpkg/status", "-o", `Dir::Cache=${cache}`);
    await run("apt-get", [...options, "-qq", "update"], settings);
  }

  return {
    async unpack(packages, root) {
      const folder = await mkdtemp(join(work, "debs-"));
      await chmod(folder, 0o755);
      await run("apt-get", [...options, "-qq", "download", ...packages], { ...settings, cwd: folder });
      for (const file of await readdir(folder)) {
        if (file.endsWith(".deb")) await run("dpkg-deb", ["-x", join(folder, file), root], settings);
      }
    },
    async libraries(name) {
      const { stdout } = await run("apt-cache", [...options, "depends", "--important", name], settings);
      // Lines look like "  Depends: libssl3"; lua-cjson and lua-bitop carry libraries, too.
      return [...stdout.matchAll(/Depends: ((?:lib|lua)\S+)/g)].flatMap((match) => match[1] ?? []);
    },
  };
}

/** Adds the libraries that the server depends on, level by level, until the loader misses none. */
async function addMissingLibraries(apt: Apt, root: string): Promise<void> {
  const seen = new Set<string>();
  let level = ["redis-server", "redis-tools", "valkey-server", "valkey-tools"];
  for (let depth = 0; depth < 4; depth++) {
    const next: string[] = [];
    for (const name of level) {
      for (const library of await apt.libraries(name).catch(() => [])) {
        // The C library belongs to the loader of the machine and cannot be mixed with another.
        if (library === "libc6" || seen.has(library)) continue;
        seen.add(library);
        next.push(library);
      }
    }
    for (const library of next) {
      if (!(await missesLibraries(root))) return;
      await apt.unpack([library], root);
    }
    level = next;
  }
}

async function missesLibraries(root: string): Promise<boolean> {
  for (const name of SERVERS) {
    const path = join(root, "usr/bin", name);
    const libraries = await run("ldd", [path], { env: { ...process.env, ...(await libraryPath(root)) } }).catch(
      () => null,
    );
    if (libraries) return libraries.stdout.includes("not found");
  }
  return false;
}

function isMissingProgram(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

export function firstLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isMissingProgram(error)) return "this machine has no apt-get";
  const stderr = "stderr" in error ? String(error.stderr).trim() : "";
  return ((stderr || error.message).split("\n")[0] ?? "").replace(/\.$/, "");
}
