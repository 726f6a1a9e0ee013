/** Measures from another process how long a PING waits while the test keeps Redis busy. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { RedisServer } from "./redis-server.js";

/** How long PINGs waited. */
export interface PingReport {
  /** The longest wait, ms, without what the machine had no CPU for; that is known on Linux alone. */
  readonly worst: number;
  readonly count: number;
}

export interface PingProbe {
  /** Measures while `work` runs. */
  during(work: () => Promise<unknown>): Promise<PingReport>;
  close(): void;
}

export async function startPingProbe({ port, pid }: RedisServer): Promise<PingProbe> {
  const program = fileURLToPath(new URL("./ping-probe.mjs", import.meta.url));
  // In a group of its own, so that Ctrl-C in a terminal does not end it before its test.
  const child = fork(program, [String(port), String(pid)], { execArgv: [], detached: true });
  await once(child, "message");
  return {
    async during(work) {
      child.send("begin");
      await work();
      const report = once(child, "message");
      child.send("end");
      return (await report)[0] as PingReport;
    },
    close() {
      if (child.connected) child.disconnect();
    },
  };
}
