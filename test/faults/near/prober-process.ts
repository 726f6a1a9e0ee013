/** Starts a prober, gives it orders, and freezes it. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterFile } from "../../harness/fixtures.js";
import type { Answer, Order } from "./prober.js";

export interface Prober {
  order(order: Order): Promise<Answer>;
  /** Stops it in the middle of whatever it does (SIGSTOP). */
  freeze(): void;
  /** Lets it go on. */
  thaw(): void;
}

/** It ends with the test file. */
export async function startProber(): Promise<Prober> {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const child: ChildProcess = fork(fileURLToPath(new URL("./prober.ts", import.meta.url)), [], {
    cwd: root,
    execArgv: ["--import", "tsx", "--import", "./tools/lua-as-text.mjs"],
    env: { ...process.env, TSX_TSCONFIG_PATH: `${root}/tsconfig.json` },
  });
  afterFile(() => child.kill("SIGKILL"));
  const waiting = new Map<number, (answer: Answer) => void>();
  const died = once(child, "exit").then(([code, signal]) => {
    throw new Error(`The prober ended: ${code ?? signal}`);
  });
  // Whoever waits for an answer hears of it; its end after the file is in order.
  died.catch(() => {});
  await Promise.race([once(child, "message"), died]);
  child.on("message", ({ number, answer }: { number: number; answer: Answer }) => {
    waiting.get(number)?.(answer);
    waiting.delete(number);
  });
  let number = 0;
  return {
    order(order) {
      const answered = new Promise<Answer>((resolve) => waiting.set(++number, resolve));
      child.send({ number, order });
      return Promise.race([answered, died]);
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
  };
}
