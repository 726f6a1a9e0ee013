/**
 * How many nodes, how much memory and how much network sessions take, from 1 million to 1 billion: plain arithmetic on what
 * a run has measured. Pure. The page with its formulas is made by `scale-page.ts`.
 */
import { type Metric, select } from "../figures.ts";
import type { Results } from "../results.ts";
import { READING, SLIDING } from "../scenarios/slide.ts";

/** What the arithmetic starts from, as measured. */
export interface Measured {
  /** Bytes of a session, its share of the index included, at three sessions per user. */
  readonly bytesPerSession: number;
  /** The same with the address and the user agent of the client. */
  readonly bytesWithClient: number;
  /** CPU time of Redis for a touch that writes nothing, µs. */
  readonly readCpu: number;
  /** And for one that slides the deadline. */
  readonly writeCpu: number;
  /** Bytes in and out for a touch. */
  readonly bytesPerCall: number;
  /** Bytes to a replica for a touch that slides, and as many to the append-only file; `undefined`: not measured. */
  readonly bytesPerSlide: number | undefined;
}

/** What the arithmetic assumes. Another site puts its own numbers in. */
export interface Assumptions {
  /** Requests that a live session makes in a minute, on average. */
  readonly requestsPerMinute: number;
  /** The busiest moment against the average. */
  readonly peak: number;
  /** The store's `touchInterval`, seconds. */
  readonly touchInterval: number;
  /** Memory of one node, GB. */
  readonly nodeMemory: number;
  /** How much of it data may take: the rest is for fragmentation, buffers and the copy-on-write of a snapshot. */
  readonly memoryShare: number;
  /** How busy the one thread of a node may be at the peak. */
  readonly busyShare: number;
  /** Copies of the data: a primary and its replicas. */
  readonly copies: number;
}

export const ASSUMPTIONS: Assumptions = {
  requestsPerMinute: 0.5,
  peak: 2,
  touchInterval: 60,
  nodeMemory: 32,
  memoryShare: 0.6,
  busyShare: 0.6,
  copies: 2,
};

export interface Size {
  readonly sessions: number;
  /** Bytes of one copy of the data. */
  readonly memory: number;
  readonly requestsPerSecond: number;
  /** Primaries that the memory takes, and that the CPU takes. */
  readonly forMemory: number;
  readonly forCpu: number;
  readonly primaries: number;
  readonly nodes: number;
  /** Bytes per second through one primary at the peak. */
  readonly networkPerNode: number;
  /** Bytes per second from a primary to its replica, and as many to its file; `undefined`: not measured. */
  readonly streamPerNode: number | undefined;
}

/** Reads what the sizing needs from a run. Throws a sentence naming what the run did not measure. */
export function measuredIn({ figures }: Pick<Results, "figures">): Measured {
  const value = (scenario: string, contender: string, metric: Metric, at: Record<string, string | number>) => {
    const found = select(figures, { scenario, contender, metric, at });
    // Where several populations were measured, the largest is the one to plan with.
    const figure = found.toSorted((a, b) => Number(b.at["sessions"] ?? 0) - Number(a.at["sessions"] ?? 0))[0];
    if (figure === undefined)
      throw new Error(`The sizing needs ${metric} of ${contender} in ${scenario}, which this run has not measured.`);
    return figure.value;
  };
  // The scenario slide measures both on a server with a file and a replica; runs before it had them on one without.
  const slides = select(figures, { scenario: "slide", metric: "server CPU" }).length > 0;
  return {
    bytesPerSession: value("memory", "coatcheck", "memory", { perUser: 3 }),
    bytesWithClient: value("memory", "coatcheck, with address and user agent", "memory", { perUser: 3 }),
    readCpu: slides
      ? value("slide", READING, "server CPU", {})
      : value("lookup", "touch", "server CPU", { inFlight: 128 }),
    writeCpu: slides
      ? value("slide", SLIDING, "server CPU", {})
      : value("lookup", "touch, write due", "server CPU", { inFlight: 128 }),
    bytesPerCall: value("lookup", "touch", "network", { inFlight: 128 }),
    bytesPerSlide: slides ? value("slide", SLIDING, "replication", {}) : undefined,
  };
}

/** The share of touches that write: no session's more often than once in `touchInterval`. */
export function writingShare({ requestsPerMinute, touchInterval }: Assumptions): number {
  return Math.min(1, 60 / (requestsPerMinute * touchInterval));
}

/** CPU time of Redis for an average touch, µs. */
export function cpuPerRequest({ readCpu, writeCpu }: Measured, assumptions: Assumptions): number {
  const writing = writingShare(assumptions);
  return writing * writeCpu + (1 - writing) * readCpu;
}

/** Requests that one node serves in a second at the most that it may be busy. */
export function requestsPerNode(measured: Measured, assumptions: Assumptions): number {
  return (assumptions.busyShare * 1e6) / cpuPerRequest(measured, assumptions);
}

export function sizeFor(sessions: number, measured: Measured, assumptions: Assumptions): Size {
  const { requestsPerMinute, peak, nodeMemory, memoryShare, copies } = assumptions;
  const memory = sessions * measured.bytesPerSession;
  const requestsPerSecond = (sessions * requestsPerMinute * peak) / 60;
  const forMemory = Math.ceil(memory / (nodeMemory * 1e9 * memoryShare));
  const forCpu = Math.ceil(requestsPerSecond / requestsPerNode(measured, assumptions));
  const needed = Math.max(forMemory, forCpu);
  // A cluster has no fewer than three primaries: with two, none could be outvoted.
  const primaries = needed === 1 ? 1 : Math.max(3, needed);
  return {
    sessions,
    memory,
    requestsPerSecond,
    forMemory,
    forCpu,
    primaries,
    nodes: primaries * copies,
    networkPerNode: (requestsPerSecond * measured.bytesPerCall) / primaries,
    streamPerNode:
      measured.bytesPerSlide && (requestsPerSecond * writingShare(assumptions) * measured.bytesPerSlide) / primaries,
  };
}
