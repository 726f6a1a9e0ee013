/** On what a run was made: the machine, the versions of everything that took part, and the commit. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly os: string;
  /** Load average over one minute when the run began: what else was going on. */
  readonly load: number;
}

export interface Commit {
  readonly id: string;
  /** Whether files differed from it. */
  readonly dirty: boolean;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The packages that a figure depends on. */
const PACKAGES = [
  ...[
    "coatcheck",
    "ioredis",
    "redis",
    "connect-redis",
    "connect-redis7",
    "express-session",
    "@fastify/session",
    "@fastify/cookie",
    "koa-session",
    "koa-redis",
  ],
  ...["redis-sessions", "better-auth", "connect-pg-simple", "pg", "iron-session", "jose", "jsonwebtoken", "fast-jwt"],
  ...["express", "fastify", "koa", "autocannon", "hdr-histogram-js"],
];

/** The clients that a package brings along, where it does not take the one that is installed beside it. */
const BROUGHT_ALONG = [
  ["koa-redis", "ioredis"],
  ["redis-sessions", "redis"],
] as const;

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()}`,
    load: Number(loadavg()[0]?.toFixed(2)),
  };
}

/** The versions of Node.js and of all packages that take part, as they are installed. */
export async function versions(): Promise<Record<string, string>> {
  const installed = PACKAGES.map(async (name) => {
    return [name, await versionIn(name === "coatcheck" ? "" : `node_modules/${name}/`)] as const;
  });
  const brought = BROUGHT_ALONG.map(async ([owner, client]) => {
    const own = versionIn(`node_modules/${owner}/node_modules/${client}/`);
    return [`${client} of ${owner}`, await own.catch(() => versionIn(`node_modules/${client}/`))] as const;
  });
  return { node: process.versions.node, ...Object.fromEntries(await Promise.all([...installed, ...brought])) };
}

async function versionIn(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(`${ROOT}${folder}package.json`, "utf8")) as { version: string };
  return version;
}

/** The commit that was measured; `null` outside of a repository. */
export async function commit(): Promise<Commit | null> {
  const git = async (...args: string[]) => (await promisify(execFile)("git", args, { cwd: ROOT })).stdout.trim();
  try {
    const id = await git("rev-parse", "--short=10", "HEAD");
    return { id, dirty: (await git("status", "--porcelain", "--", "src", "bench", "package-lock.json")) !== "" };
  } catch {
    return null;
  }
}
