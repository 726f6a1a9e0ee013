/** The built package, for tests that start a program as its user does. Built once, however many test files ask. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const lock = join(root, ".cache/build.lock");

/**
 * Builds the package if what was built last is older than what it is built from. Test files run at once, and a build
 * begins by deleting what is there: so one of them builds, and the others wait.
 */
export async function ensureBuilt(): Promise<void> {
  for (;;) {
    if (acquire()) break;
    await wait(100);
  }
  try {
    if (isStale()) await promisify(execFile)("npm", ["run", "build"], { cwd: root });
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Takes the lock, which names the process that has it; one that has ended needs it no more. */
function acquire(): boolean {
  mkdirSync(join(root, ".cache"), { recursive: true });
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    if (!ownerLives()) rmSync(lock, { force: true });
    return false;
  }
}

function ownerLives(): boolean {
  try {
    // A lock that was just made is still empty; and 0 would ask about this very process group, which lives.
    return process.kill(Number(readFileSync(lock, "utf8")), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function isStale(): boolean {
  const built = ["index.js", "index.d.ts"].map((name) => join(root, "dist", name));
  if (!built.every((file) => existsSync(file))) return true;
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  const files = ["package.json", "tsup.config.ts", ...sources.map((name) => join("src", name))];
  const newest = Math.max(...files.map((name) => statSync(join(root, name)).mtimeMs));
  return Math.min(...built.map((file) => statSync(file).mtimeMs)) < newest;
}
