/** What the benchmark sees of its neighbours, with a real one, and what it makes of that. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { calmDown, forecast } from "../../bench/calm-down.js";
import { busyness, calmOver, type Look, Watch } from "../../bench/neighbours.js";
import { afterFile } from "../harness/fixtures.js";

const CALM: Look = { cores: 2, others: 0.1, stolen: 0, waiting: 1, seconds: 1 };
const BUSY: Look = { ...CALM, others: 1 };

async function start(code: string): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ["-e", code], { stdio: "ignore" });
  afterFile(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  return child as ChildProcess & { pid: number };
}

/** CPU time of a process, ms. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return ((user ?? 0) + (system ?? 0)) * 10;
}

describe.runIf(process.platform === "linux")("a process that spins", () => {
  it("is a neighbour, unless it is one of ours", { timeout: 60_000 }, async () => {
    const [spinner, sleeper] = [await start("for (;;);"), await start("setInterval(() => {}, 1e6)")];
    // To the one watch the spinner is a stranger, to the other a descendant: so the difference does not depend on what else
    // this machine does.
    const watches = await Promise.all([Watch.begin([sleeper.pid]), Watch.begin([sleeper.pid, spinner.pid])]);
    const before = cpuOf(spinner.pid);
    while (cpuOf(spinner.pid) - before < 1000) await sleep(50);
    const [stranger, ours] = await Promise.all([watches[0].look(), watches[1].look()]);
    const [seen, known] = [stranger, ours].map(({ others, seconds }) => (others ?? Number.NaN) * seconds);
    // In seconds of CPU: the two looks are at most some ms apart, so half of it must be seen.
    expect((seen ?? 0) - (known ?? 0)).toBeGreaterThan(0.5);
    expect(stranger.seconds).toBeGreaterThan(0.9);
    for (const look of [stranger, ours]) expect(look.waiting).toBeGreaterThanOrEqual(1);
  });
});

describe("a busy machine", () => {
  it("is one on which others take more than a tenth, or work of ours waits", () => {
    expect(busyness(CALM)).toBeNull();
    expect(busyness({ ...CALM, others: 0.21 })).toBe("other processes took 0.2 of 2 cores");
    expect(busyness({ ...CALM, cores: 1, others: 0.21 })).toBe("other processes took 0.2 of 1 core");
    // The same neighbour is less on a larger machine.
    expect(busyness({ ...CALM, cores: 8, others: 0.21 })).toBeNull();
    expect(busyness({ ...CALM, others: null, stolen: null })).toBeNull();
  });

  it("is judged over a whole scenario, each look by its length", () => {
    const looks = [
      { ...CALM, seconds: 9 },
      { ...BUSY, seconds: 1 },
      { ...CALM, waiting: 5, seconds: 0 },
    ];
    expect(calmOver(looks).others).toBeCloseTo(0.19);
    expect(calmOver(looks).waiting).toBe(1);
    expect(calmOver([{ ...CALM, others: null }, CALM]).others).toBeNull();
    expect(() => calmOver([])).toThrow("Nobody has looked");
  });

  it("makes a run longer, and withholds verdicts: it is said before it begins", () => {
    expect(forecast(CALM, 60)).toEqual(["This will take about one minute."]);
    const [length, warning] = forecast(BUSY, 60);
    expect(length).toBe("This will take about 2 minutes.");
    expect(warning).toMatch(/^The machine is busy: other processes took 1\.0 of 2 cores\. .* --wait waits/);
    expect(forecast(CALM, undefined)).toEqual([]);
  });
});

describe("--wait", () => {
  const waiting = (looks: Look[], patience?: number) => {
    const said: string[] = [];
    const look = async () => looks.shift() ?? CALM;
    const signal = new AbortController();
    return {
      said,
      signal,
      options: {
        look,
        say: (text: string) => said.push(text),
        signal: signal.signal,
        ...(patience !== undefined && { patience }),
      },
    };
  };

  it("begins when the machine has been calm three times in a row", async () => {
    const looks = [BUSY, CALM, CALM, BUSY, CALM, CALM, CALM, BUSY];
    const { said, options } = waiting(looks);
    await calmDown(options);
    expect(looks).toEqual([BUSY]);
    expect(said).toEqual([
      "  waiting until the machine is calm: other processes took 1.0 of 2 cores",
      expect.stringMatching(/^ {2}calm after \d+ s$/),
    ]);
  });

  it("says nothing on a calm machine, gives up after its patience, and ends with Ctrl-C", async () => {
    const calm = waiting([]);
    await calmDown(calm.options);
    expect(calm.said).toEqual([]);
    const never = waiting(
      Array.from({ length: 9 }, () => BUSY),
      -1,
    );
    await calmDown(never.options);
    expect(never.said.at(-1)).toMatch(/going on, and there will be no verdict$/);
    const interrupted = waiting([BUSY]);
    interrupted.signal.abort(new Error("Ctrl-C"));
    await expect(calmDown(interrupted.options)).rejects.toThrow("Ctrl-C");
  });
});
