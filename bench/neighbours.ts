/**
 * What others take of the machine while a run measures: other processes, other guests of the same host (steal), and how long
 * work of ours waits for a core. A figure that was measured beside a busy neighbour is no figure of the contender. It knows
 * nothing of what is measured.
 */
import { pbkdf2 } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { median, sum } from "simple-statistics";

/** What the machine was like over some time. */
export interface Calm {
  readonly cores: number;
  /** How many cores other processes took. `null` where the system does not tell: it is read from /proc. */
  readonly others: number | null;
  /** How many cores the host gave to other guests instead. `null` as above. */
  readonly stolen: number | null;
  /** How many times as long work on two threads took as the CPU time that it got: 1 if it never waited for a core. */
  readonly waiting: number;
}

/** The same over one stretch of time. */
export interface Look extends Calm {
  readonly seconds: number;
}

/** All in ms of CPU time. */
interface CpuTimes {
  readonly busy: number;
  readonly stolen: number;
  readonly ours: number;
  /** `performance.now()`. */
  readonly at: number;
}

/** What others may take of all cores, before the figures count as theirs too. */
const TOLERABLE_SHARE = 0.1;
const TOLERABLE_WAITING = 1.25;
/** Iterations of PBKDF2 that take a core some 30 to 60 ms. */
const SPIN = 150_000;
/** /proc counts in ticks of this many ms, on every architecture of Linux that Node.js runs on. */
const TICK = 10;

/** Why nobody should judge by what was measured meanwhile, as the end of a sentence; `null` if the machine was calm. */
export function busyness({ cores, others, stolen, waiting }: Calm): string | null {
  const on = (share: number) => `${share.toFixed(1)} of ${cores} core${cores === 1 ? "" : "s"}`;
  if ((others ?? 0) > TOLERABLE_SHARE * cores) return `other processes took ${on(others ?? 0)}`;
  if ((stolen ?? 0) > TOLERABLE_SHARE * cores) return `other guests of the host took ${on(stolen ?? 0)}`;
  if (waiting > TOLERABLE_WAITING)
    return `work of ours waited for a core: it took ${waiting.toFixed(2)} × its CPU time`;
  return null;
}

/** Several looks as one. Throws where there is none. */
export function calmOver(looks: readonly Look[]): Calm {
  const [first] = looks;
  if (first === undefined) throw new Error("Nobody has looked at the machine.");
  const seconds = sum(looks.map((look) => look.seconds));
  const mean = (of: (look: Look) => number | null) =>
    looks.some((look) => of(look) === null) || seconds === 0
      ? null
      : sum(looks.map((look) => (of(look) ?? 0) * look.seconds)) / seconds;
  return {
    cores: first.cores,
    others: mean(({ others }) => others),
    stolen: mean(({ stolen }) => stolen),
    waiting: median(looks.map(({ waiting }) => waiting)),
  };
}

/** Looks at the machine again and again. `roots` are the processes that are ours, with all of their descendants. */
export class Watch {
  readonly #roots: readonly number[];
  #last: CpuTimes | null;

  private constructor(roots: readonly number[], first: CpuTimes | null) {
    this.#roots = roots;
    this.#last = first;
  }

  static async begin(roots: readonly number[] = [process.pid]): Promise<Watch> {
    return new Watch(roots, await cpuTimes(roots));
  }

  /** What has happened since the last look. It takes some 50 ms itself. */
  async look(): Promise<Look> {
    const cores = availableParallelism();
    const [before, after] = [this.#last, await cpuTimes(this.#roots)];
    this.#last = after;
    const waiting = await spin();
    if (before === null || after === null || after.at <= before.at) {
      return { cores, others: null, stolen: null, waiting, seconds: 0 };
    }
    const elapsed = after.at - before.at;
    const taken = (of: "busy" | "stolen" | "ours") => (after[of] - before[of]) / elapsed;
    return {
      cores,
      // Ticks are coarse, so it may come out a little below nothing.
      others: Math.max(0, taken("busy") - taken("ours")),
      stolen: taken("stolen"),
      waiting,
      seconds: elapsed / 1000,
    };
  }
}

/**
 * How many times as long work on two threads takes as the CPU time that it gets. Each thread counts by itself, because one core
 * may be slower than the other without anybody waiting. A system may start both on one core, and sees that only after some ms: so
 * they work for long enough that this does not count.
 */
async function spin(): Promise<number> {
  const threads = Math.min(2, availableParallelism());
  const cpu = process.cpuUsage();
  // It runs on threads of its own, one each.
  const walls = await Promise.all(
    Array.from({ length: threads }, async () => {
      const began = performance.now();
      await derive("calm", "calm", SPIN, 32, "sha256");
      return performance.now() - began;
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  return Math.max(1, (sum(walls) * 1000) / (user + system));
}

const derive = promisify(pbkdf2);

/** `null` where there is no /proc. */
async function cpuTimes(roots: readonly number[]): Promise<CpuTimes | null> {
  let total: string;
  try {
    total = await readFile("/proc/stat", "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const at = performance.now();
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    /^cpu +(.*)$/m.exec(total)?.[1]?.split(" ").map(Number) ?? [];
  return { busy: (user + nice + system + irq + softirq) * TICK, stolen: steal * TICK, ours: await cpuOf(roots), at };
}

/** The CPU time of processes and their descendants, ms, and of those that have ended and were waited for. */
async function cpuOf(roots: readonly number[]): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const processes = new Map<number, { readonly parent: number; readonly cpu: number }>();
  await Promise.all(
    pids.map(async (pid) => {
      // A process may end while it is looked at.
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
      // The name comes in parentheses, and may have some itself.
      const fields = stat
        ?.slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .map(Number);
      if (fields === undefined) return;
      const [, parent = 0] = fields;
      processes.set(Number(pid), { parent, cpu: sum(fields.slice(11, 15)) * TICK });
    }),
  );
  const isOurs = (pid: number): boolean => {
    const parent = processes.get(pid)?.parent;
    return roots.includes(pid) || (parent !== undefined && parent !== 0 && isOurs(parent));
  };
  return sum([...processes].filter(([pid]) => isOurs(pid)).map(([, { cpu }]) => cpu));
}
