/** Processes that this one starts for its contenders, and how they end: with it at the latest. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** How many start at once; starting is not measured. */
export const STARTERS = 3;
/** A process that has not left by itself after so many ms is made to. */
const PATIENCE = 2_000;

/** Starts a program, as an application runs in production. It has to leave when its parent lets go of it. */
export function startProcess(program: string, args: readonly string[]): ChildProcess {
  return fork(program, [...args], {
    env: { ...process.env, NODE_ENV: "production" },
    // What a contender prints would end up in the middle of a progress bar.
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    // A group of its own: Ctrl-C in the terminal then reaches the first process alone, which ends the others in its order.
    detached: true,
  });
}

/** What a process is waited for. */
interface Patience {
  /** For how many ms. */
  readonly within: number;
  readonly signal: AbortSignal;
}

/** The next message of a process. Rejects where it ends, or does not answer in time, or where the signal is aborted. */
export async function nextMessage(child: ChildProcess, { within, signal }: Patience): Promise<unknown> {
  // Not AbortSignal.any() with AbortSignal.timeout(): Node.js loses the timeout as garbage (nodejs/node#57736), and the run
  // would wait for ever.
  const over = new AbortController();
  const interrupt = () => over.abort(signal.reason);
  const timer = setTimeout(() => over.abort(new Error(`no answer within ${within / 1000} s`)), within);
  signal.addEventListener("abort", interrupt, { once: true });
  if (signal.aborted) interrupt();
  try {
    const message = once(child, "message", { signal: over.signal }) as Promise<[unknown]>;
    const exit = once(child, "exit", { signal: over.signal }).then(([code, killer]): never => {
      throw new Error(`its process ended (${killer ?? code})`);
    });
    const [first] = await Promise.race([message, exit]);
    return first;
  } catch (error) {
    throw over.signal.aborted ? over.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", interrupt);
    over.abort();
  }
}

/** Ends a process. Resolves when it has ended; may be called again. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  if (child.connected) child.disconnect();
  const patience = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  await exited;
  clearTimeout(patience);
}
