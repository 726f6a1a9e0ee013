/** The other process of a soak: it takes part in the load, and what it uses up is the library's doing alone. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "../../harness/dist.js";

/** What the process has, and what it did so far. */
export interface ProcessFigures {
  /** Bytes in use after a collection of the garbage. */
  readonly heap: number;
  /** Whether all of its clients are connected. */
  readonly atRest: boolean;
  /** How many listeners each emitter has: the clients, then the stores. */
  readonly listeners: readonly number[];
  /** Commands that wait in its clients. */
  readonly queued: number;
  /** What keeps it alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  readonly calls: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly broken: readonly string[];
}

export interface SoakProcess {
  /** Begins its load. Gives its figures from before that. */
  begin(): Promise<ProcessFigures>;
  look(): Promise<ProcessFigures>;
  /** Ends its load, and gives its figures when all is done. */
  end(): Promise<ProcessFigures>;
  close(): void;
}

export async function startSoakProcess(port: number, prefix: string): Promise<SoakProcess> {
  await ensureBuilt();
  const program = fileURLToPath(new URL("./client.mjs", import.meta.url));
  const child = fork(program, [String(port), prefix], { execArgv: ["--expose-gc"] });
  const died = new Promise<never>((_, reject) => {
    child.once("exit", (code, signal) => reject(new Error(`The other process ended: ${code ?? signal}`)));
  });
  // Who waits for an answer hears of it; where nobody does, its end is in order.
  died.catch(() => {});
  await Promise.race([once(child, "message"), died]);
  let turn: Promise<unknown> = Promise.resolve();
  const ask = (order: string): Promise<ProcessFigures> => {
    // One question at a time, since the answers do not say what they answer.
    const answer = turn.then(async () => {
      const message = once(child, "message");
      child.send(order);
      return ((await Promise.race([message, died])) as unknown[])[0] as ProcessFigures;
    });
    // The next question may be asked all the same; who asked this one hears of its failure.
    turn = answer.catch(() => {});
    return answer;
  };
  return {
    begin: () => ask("begin"),
    look: () => ask("look"),
    end: () => ask("end"),
    close: () => child.disconnect(),
  };
}
