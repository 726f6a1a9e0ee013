/**
 * A fault that is injected under load, as a test, and the row of docs/faults.md that it gives. It knows nothing of Redis.
 * `npm run test:faults` runs every fault in full; `npm run test:faults:quick`, which CI runs, the same ones for less long.
 */
import { it } from "vitest";

/** Whether this run is the one that the report is made from. */
export const FULL = process.env["COATCHECK_FAULTS"] === "full";

/** What a fault came to. All times are ms. */
export interface Outcome {
  /** Which servers and which client, in the words of the report: "Redis 7.0.15, Cluster of 3 + 3; ioredis 5.11.1". */
  readonly servers: string;
  /** How often the fault was injected. */
  readonly times: number;
  /** How many calls of the store were tried. */
  readonly operations: number;
  /** Calls that rejected, by the error's `code`. */
  readonly errors: Readonly<Record<string, number>>;
  /** What broke a promise, a sentence each. The test fails unless this is empty. */
  readonly broken: readonly string[];
  /** Longest time from a fault to the next call that succeeded, as one client saw it; `null` where none failed. */
  readonly outage: number | null;
  /** Longest time from the end of a fault until every call succeeded again; `null` where that says nothing. */
  readonly recovery: number | null;
  /** With a near cache: longest time for which a session was accepted after its revocation had been acknowledged. */
  readonly stale?: number;
  /** Further figures, by what they are: what a failover lost that no promise covers, memory, the slowest call. `""` is left out. */
  readonly further?: Readonly<Record<string, string | number>>;
}

/** One row of the report. */
export interface FaultRow extends Outcome {
  readonly section: string;
  readonly fault: string;
}

declare module "vitest" {
  interface TaskMeta {
    fault?: FaultRow;
  }
}

/** A test that injects a fault, writes its row into the report, and fails where a promise broke. */
export function fault(section: string, name: string, timeout: number, inject: () => Promise<Outcome>): void {
  it(`${section}: ${name}`, { timeout }, async ({ task, expect }) => {
    const outcome = await inject();
    task.meta.fault = { section, fault: name, ...outcome };
    expect(outcome.broken).toEqual([]);
    // A fault under which nothing was tried shows nothing.
    expect(outcome.operations).toBeGreaterThan(0);
  });
}

/** Faults that are suffered at the same time, which takes no longer than one alone. Each has its row, and fails alone. */
export function faultsAtOnce(
  section: string,
  timeout: number,
  faults: readonly { readonly name: string; inject(): Promise<Outcome> }[],
): void {
  let all: Promise<PromiseSettledResult<Outcome>[]> | undefined;
  for (const [at, { name }] of faults.entries()) {
    fault(section, name, timeout, async () => {
      all ??= Promise.allSettled(faults.map(({ inject }) => inject()));
      const outcome = (await all)[at] as PromiseSettledResult<Outcome>;
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
  }
}
