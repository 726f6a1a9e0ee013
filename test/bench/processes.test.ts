/** The processes of the benchmark's contenders: what becomes of those that do not answer, or do not leave. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { endProcess, nextMessage, startProcess } from "../../bench/processes.js";
import { afterFile } from "../harness/fixtures.js";

const folder = mkdtempSync(join(tmpdir(), "coatcheck-bench-"));
afterFile(() => rmSync(folder, { recursive: true }));
const program = join(folder, "contender.mjs");
writeFileSync(
  program,
  `process.on("message", (order) => order === "end" ? process.exit(3) : order === "answer" && process.send("answered"));
   process.on("disconnect", () => process.exit());
   process.send(process.env.NODE_ENV);`,
);
const running = new AbortController().signal;
const patience = { within: 60_000, signal: running };

/** A contender that has said that it is there. */
async function started() {
  const child = startProcess(program, []);
  afterFile(() => endProcess(child));
  expect(await nextMessage(child, patience)).toBe("production");
  return child;
}

describe("a process", () => {
  it("answers, or says that it has ended", async () => {
    const child = await started();
    const listeners = child.listenerCount("exit");
    const answer = nextMessage(child, patience);
    child.send("answer");
    expect(await answer).toBe("answered");
    expect(child.listenerCount("exit")).toBe(listeners);
    const none = nextMessage(child, patience);
    child.send("end");
    await expect(none).rejects.toThrow("its process ended (3)");
  });

  it("is given up when it does not answer in time, whatever is collected as garbage meanwhile", async () => {
    const child = await started();
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const answer = nextMessage(child, { within: 300, signal: running });
    const collecting = setInterval(collect, 20);
    await expect(answer).rejects.toThrow("no answer within 0.3 s");
    clearInterval(collecting);
    expect(child.listenerCount("message")).toBe(0);
  });

  it("is not waited for any longer when the run is interrupted", async () => {
    const child = await started();
    const interrupted = new AbortController();
    const answer = nextMessage(child, { ...patience, signal: interrupted.signal });
    interrupted.abort(new Error("Ctrl-C"));
    await expect(answer).rejects.toThrow("Ctrl-C");
    await expect(nextMessage(child, { ...patience, signal: interrupted.signal })).rejects.toThrow("Ctrl-C");
  });

  it("is not reached by Ctrl-C in the terminal, leaves when it is let go of, and is made to where it does not", async () => {
    const [child, frozen] = [await started(), await started()];
    // A group of its own.
    expect(() => process.kill(-(child.pid as number), 0)).not.toThrow();
    const exited = once(child, "exit");
    await endProcess(child);
    expect(await exited).toEqual([0, null]);
    await endProcess(child);
    frozen.kill("SIGSTOP");
    await endProcess(frozen);
    expect(frozen.signalCode).toBe("SIGKILL");
  });
});
