/**
 * A private Redis server for tests: on a free port of the loopback interface, without persistence, in a temporary
 * folder, and gone when the test run is gone.
 *
 * A server never outlives the process that started it. `stop()` ends it in the usual way; for every other end (an
 * exit, Ctrl-C, an uncaught exception, SIGKILL) a small shell process holds the reading end of a pipe from this
 * process. The kernel closes that pipe however the process ends; the shell then kills the server, also a frozen one,
 * and removes its folder. Only something that kills the shell as well, such as the end of the whole container, gets
 * past it, and that ends the server too.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRedisBinary, type RedisBinary } from "./redis-binary.ts";

export interface RedisServerOptions {
  /**
   * Further settings as on the command line, such as `["--maxmemory", "5mb"]`; they override the harness's own. A function is
   * asked anew for each attempt to start, for settings that name a port of their own: somebody may have taken it meanwhile.
   */
  readonly args?: readonly string[] | (() => Promise<readonly string[]>);
  /** A fixed port. By default a free one is taken. */
  readonly port?: number;
  /** Runs as a Redis Cluster of one node that owns every slot; `"member"` owns none, and waits to be joined to others. */
  readonly cluster?: boolean | "member";
  /** Runs as a Redis Sentinel with this configuration, which it rewrites as it learns. */
  readonly sentinel?: string;
  /** The binary to run; what `findRedisBinary` finds by default. */
  readonly binary?: RedisBinary;
}

export interface RedisServer {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** Process id of the running server; it changes with `restart()`. */
  readonly pid: number;
  /** What the server says of itself, such as `Redis server v=7.0.15`. */
  readonly version: string;
  /** Working folder: configuration, dumps and append-only files, if the settings ask for any. */
  readonly folder: string;
  /** Ends the server, in good order if it can, and removes its folder. May be called again. */
  stop(): Promise<void>;
  /** Ends the server as a crash does (SIGKILL). `restart()` brings it back. */
  kill(): Promise<void>;
  /** Stops the process where it stands (SIGSTOP): connections stay open, the kernel accepts new ones, nothing answers. */
  freeze(): void;
  /** Lets a frozen server go on (SIGCONT). */
  thaw(): void;
  /** Ends the server if it runs and starts it again on the same port and in the same folder. Data survives only with persistence on. */
  restart(): Promise<void>;
}

const HOST = "127.0.0.1";
const START_TIMEOUT = 15_000;
const STOP_TIMEOUT = 5_000;
const PORT_ATTEMPTS = 20;
const SENTINEL_FILE = "sentinel.conf";

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const binary = options.binary ?? (await findRedisBinary());
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-redis-"));
  try {
    if (options.sentinel !== undefined) await writeFile(join(folder, SENTINEL_FILE), options.sentinel);
    const [port, settings, first] = await startOnFreePort(binary, folder, options);
    return control(binary, folder, settings, port, first);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A free port may be taken between our look at it and the server's bind, so a failed bind is tried again elsewhere. */
async function startOnFreePort(
  binary: RedisBinary,
  folder: string,
  options: RedisServerOptions,
): Promise<[port: number, settings: Settings, running: Running]> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const own = typeof options.args === "function" ? await options.args() : (options.args ?? []);
    const settings = { ...options, args: options.cluster ? [...(await clusterArgs()), ...own] : own };
    try {
      return [port, settings, await launch(binary, folder, settings, port)];
    } catch (error) {
      if (!(error instanceof PortTakenError) || options.port !== undefined || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** What a server runs with, also after a restart. */
type Settings = RedisServerOptions & { readonly args: readonly string[] };

function control(binary: RedisBinary, folder: string, options: Settings, port: number, first: Running): RedisServer {
  let running = first;

  return {
    host: HOST,
    port,
    url: `redis://${HOST}:${port}`,
    get pid() {
      return running.pid;
    },
    version: binary.version,
    folder,
    async stop() {
      await running.end("SIGTERM");
      await rm(folder, { recursive: true, force: true });
    },
    kill: () => running.end("SIGKILL"),
    freeze: () => running.signal("SIGSTOP"),
    thaw: () => running.signal("SIGCONT"),
    async restart() {
      await running.end("SIGTERM");
      const end = Date.now() + START_TIMEOUT;
      for (;;) {
        try {
          running = await launch(binary, folder, options, port);
          return;
        } catch (error) {
          // Somebody who looks for a free port has found this one, and lets go of it at once.
          if (!(error instanceof PortTakenError) || Date.now() > end) throw error;
        }
      }
    },
  };
}

interface Running {
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  end(name: "SIGTERM" | "SIGKILL"): Promise<void>;
}

class PortTakenError extends Error {}

async function launch(binary: RedisBinary, folder: string, options: Settings, port: number): Promise<Running> {
  const args = [
    ...(options.sentinel === undefined ? [] : [join(folder, SENTINEL_FILE), "--sentinel"]),
    ...["--port", String(port)],
    ...["--bind", HOST],
    ...["--dir", folder],
    ...["--save", ""],
    ...["--appendonly", "no"],
    ...["--daemonize", "no"],
    ...["--logfile", ""],
    ...options.args,
  ];
  // A group of its own: Ctrl-C in the terminal then reaches the runner alone, which stops its servers in its order.
  const child = spawn(binary.path, args, {
    detached: true,
    env: { ...process.env, ...binary.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit").catch(() => undefined);
  const pid = child.pid ?? Number.NaN;
  // Without a process id there is no process, and `ready` reports why.
  const dismissWatchdog = Number.isNaN(pid) ? async () => {} : watch(pid, folder);
  const log = readLog(child);
  try {
    await ready(child, log, `${HOST}:${port}`);
  } catch (error) {
    child.kill("SIGKILL");
    await dismissWatchdog();
    throw error;
  }
  void exited.then(dismissWatchdog);

  const running: Running = {
    pid,
    signal(name) {
      if (!child.kill(name))
        throw new Error(`The Redis server on port ${port} is not running, so it cannot get ${name}.`);
    },
    async end(name) {
      if (child.exitCode === null && child.signalCode === null) {
        // A stopped process does not see SIGTERM before it goes on.
        child.kill("SIGCONT");
        child.kill(name);
        const patience = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT);
        await exited;
        clearTimeout(patience);
      }
      await dismissWatchdog();
    },
  };
  if (options.cluster === true) await ownEverySlot(port);
  return running;
}

/** Resolves when the server has said that it serves; its own log is the only sign that it, and no other, has the port. */
async function ready(child: ChildProcess, log: Log, address: string): Promise<void> {
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  // Its end may be known before its last words are read, and those say why.
  const closed = once(child, "close");
  const late = AbortSignal.timeout(START_TIMEOUT);
  await Promise.race([
    log.says(/Ready to accept connections|Sentinel ID is/),
    failed,
    closed.then(() => {
      const taken = /Address already in use|[Cc]ould not create server TCP listening socket|Failed listening on port/;
      if (taken.test(log.text())) throw new PortTakenError(`The address ${address} is taken by another program.`);
      throw new Error(`The Redis server ended before it served:\n${log.text()}`);
    }),
    once(late, "abort").then(() => {
      throw new Error(`The Redis server did not serve within ${START_TIMEOUT} ms:\n${log.text()}`);
    }),
  ]);
}

interface Log {
  says(pattern: RegExp): Promise<void>;
  text(): string;
}

/** Keeps the end of what the server prints. It has to be read to its end anyway, or the server blocks on a full pipe. */
function readLog(child: ChildProcess): Log {
  let text = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-16_384);
      for (const listener of listeners) listener();
    });
  }
  return {
    text: () => text.trim(),
    says: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          if (!pattern.test(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
      }),
  };
}

const watchdogs = new Set<ChildProcess>();

/** Starts the shell that the header describes; the returned function ends it without harm to the server. */
function watch(pid: number, folder: string): () => Promise<void> {
  const script = 'cat >/dev/null; kill -9 "$1"; rm -rf "$2"';
  const watchdog = spawn("/bin/sh", ["-c", script, "coatcheck-watchdog", String(pid), folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = once(watchdog, "exit").catch(() => undefined);
  // Writing is never done, so an error here only says that the shell is gone.
  watchdog.stdin.on("error", () => {});

  if (watchdogs.size === 0) process.on("disconnect", releaseWatchdogs);
  watchdogs.add(watchdog);
  return async () => {
    watchdogs.delete(watchdog);
    if (watchdogs.size === 0) process.off("disconnect", releaseWatchdogs);
    watchdog.kill("SIGKILL");
    await gone;
  };
}

/** Vitest's worker processes live on for a while when the runner is killed; their servers end with the runner. */
function releaseWatchdogs(): void {
  for (const watchdog of watchdogs) watchdog.stdin?.end();
}

/** A port that nobody uses now. Somebody may by the time that a server is to listen there. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, HOST);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("The probe for a free port has no port.");
  return address.port;
}

async function clusterArgs(): Promise<string[]> {
  return [
    ...["--cluster-enabled", "yes"],
    // The usual bus port is 10 000 higher, which is out of range for half of the free ports.
    ...["--cluster-port", String(await freePort())],
    // A lone node hears its own address from nobody, and ioredis never becomes ready without one.
    ...["--cluster-announce-ip", HOST],
  ];
}

async function ownEverySlot(port: number): Promise<void> {
  // A restarted node remembers its slots, and an error then says that they are taken.
  await ask(port, "CLUSTER ADDSLOTSRANGE 0 16383");
  const end = Date.now() + START_TIMEOUT;
  while (!(await ask(port, "CLUSTER INFO")).includes("cluster_state:ok")) {
    if (Date.now() > end) throw new Error(`The cluster node on port ${port} did not become ready.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Sends one inline command and returns the first piece of the answer as it came. */
async function ask(port: number, command: string): Promise<string> {
  const socket = createConnection(port, HOST);
  try {
    socket.write(`${command}\r\n`);
    const [answer] = await once(socket, "data");
    return String(answer);
  } finally {
    socket.destroy();
  }
}
