/**
 * A private PostgreSQL, where the machine has one: on a free port of the loopback interface, in a temporary folder, with
 * default settings, and gone when the run is gone. It is the "slow database call" of a session kept in the primary database.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, chown, constants, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

export interface Postgres {
  readonly url: string;
  /** Such as `PostgreSQL 15.3`. */
  readonly version: string;
  /** Ends the server and removes its folder. May be called again. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
const START_TIMEOUT = 30_000;
const PACKAGED = "/usr/lib/postgresql";

/** Starts a server. `null`: there is none on this machine. */
export async function startPostgres(): Promise<Postgres | null> {
  const bin = await findBinaries();
  if (bin === null) return null;
  const owner = await ownerOfFolder();
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-postgres-"));
  try {
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
    const data = join(folder, "data");
    const as = { ...owner, cwd: folder, env: { ...process.env, LC_ALL: "C" } };
    await run(join(bin, "initdb"), ["-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-sync"], as);
    const port = await freePort();
    const child = spawn(
      join(bin, "postgres"),
      ["-D", data, "-p", String(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"],
      { ...as, detached: true, stdio: ["ignore", "ignore", "pipe"] },
    );
    const watchdog = watch(child.pid, folder);
    const stop = onlyOnce(async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, "exit");
        // "Fast": ends the sessions that are left, and shuts down in order.
        child.kill("SIGINT");
        const patience = setTimeout(() => child.kill("SIGQUIT"), 10_000);
        await exited;
        clearTimeout(patience);
      }
      watchdog.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    });
    try {
      await ready(child);
    } catch (error) {
      await stop();
      throw error;
    }
    const { stdout } = await run(join(bin, "postgres"), ["--version"]);
    const version = `PostgreSQL ${/\d+(\.\d+)*/.exec(stdout)?.[0] ?? "of unknown version"}`;
    return { url: `postgres://bench@127.0.0.1:${port}/postgres`, version, stop };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The folder with `initdb` and `postgres`: of Debian's newest package, else on PATH. */
async function findBinaries(): Promise<string | null> {
  const versions = await readdir(PACKAGED).catch(() => []);
  const packaged = versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(PACKAGED, version, "bin"));
  for (const folder of [...packaged, ...(process.env["PATH"] ?? "").split(delimiter)]) {
    const found = await Promise.all(
      ["initdb", "postgres"].map((name) =>
        access(join(folder, name), constants.X_OK).then(
          () => true,
          () => false,
        ),
      ),
    );
    if (folder !== "" && found.every(Boolean)) return folder;
  }
  return null;
}

/** PostgreSQL refuses to run as root, so root runs it as somebody else: the package's own user, or nobody. */
async function ownerOfFolder(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    try {
      const [uid, gid] = await Promise.all(["-u", "-g"].map(async (flag) => (await run("id", [flag, name])).stdout));
      return { uid: Number(uid), gid: Number(gid) };
    } catch {
      // There is no such user; the next may be there.
    }
  }
  throw new Error("PostgreSQL does not run as root, and there is no other user to run it as.");
}

async function ready(child: ChildProcess): Promise<void> {
  let log = "";
  await new Promise<void>((resolve, reject) => {
    const patience = setTimeout(() => reject(new Error(`PostgreSQL did not serve in time:\n${log}`)), START_TIMEOUT);
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      log = (log + chunk).slice(-8_192);
      if (/ready to accept connections/.test(log)) {
        clearTimeout(patience);
        resolve();
      }
    });
    child.once("error", reject);
    child.once("exit", () => {
      clearTimeout(patience);
      reject(new Error(`PostgreSQL ended before it served:\n${log}`));
    });
  });
}

/**
 * A shell that ends the server and removes its folder when this process is gone, however it went: the kernel closes the
 * pipe between them. (SIGQUIT to the first process of PostgreSQL ends all of them.)
 */
function watch(pid: number | undefined, folder: string): ChildProcess {
  const script = 'cat >/dev/null; kill -QUIT "$1"; sleep 1; rm -rf "$2"';
  const watchdog = spawn("/bin/sh", ["-c", script, "coatcheck-watchdog", String(pid), folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watchdog.stdin?.on("error", () => {});
  return watchdog;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}

function onlyOnce<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
