/**
 * Two ways to put load on one contender, with every call's latency in a histogram. It knows neither Redis nor processes.
 *
 * Closed: so many callers, each of which asks again as soon as it has its answer. It finds the throughput, but its callers
 * wait out a stall together with the contender and so do not see all of it (coordinated omission). Open: calls begin by a
 * timetable, whatever becomes of those before, and each is timed from the instant it was due: a stall counts for everybody
 * whom it would have kept waiting. What takes less than the look at the clock has a third way, in tight.ts.
 */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";

export type Load =
  | { readonly kind: "closed"; readonly inFlight: number; readonly milliseconds: number }
  | { readonly kind: "open"; readonly perSecond: number; readonly milliseconds: number };

/**
 * One lookup. The number chooses the session. An answer of `null`, `undefined` or `false` means that nothing was found, and
 * ends the measurement: a contender that finds nothing must not look fast.
 */
export type Call = (turn: number) => unknown;

/** What came of one round, in a form that fits into a message between processes. */
export interface Round {
  readonly calls: number;
  readonly seconds: number;
  /** CPU time of the client's process, µs. */
  readonly cpu: number;
  /** Latencies in ns, compressed; none of a tight load. */
  readonly histogram?: string;
}

/** Nothing that is measured here takes a minute. */
const LONGEST = 60_000_000_000;

export function newHistogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: LONGEST, numberOfSignificantValueDigits: 3 });
}

/** Puts load on a contender for one round. */
export async function putLoad(call: Call, load: Load): Promise<Round> {
  const histogram = newHistogram();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const calls = load.kind === "closed" ? await closed(call, load, histogram) : await open(call, load, histogram);
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { calls, seconds, cpu: user + system, histogram: encodeIntoCompressedBase64(histogram) };
}

async function closed(
  call: Call,
  { inFlight, milliseconds }: Load & { kind: "closed" },
  histogram: Histogram,
): Promise<number> {
  const end = performance.now() + milliseconds;
  let turn = 0;
  const caller = async () => {
    for (let sent = performance.now(); sent < end; ) {
      expectFound(await call(turn++));
      const answered = performance.now();
      histogram.recordValue(nanoseconds(answered - sent));
      sent = answered;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return turn;
}

function open(call: Call, { perSecond, milliseconds }: Load & { kind: "open" }, histogram: Histogram): Promise<number> {
  const interval = 1000 / perSecond;
  const total = Math.max(1, Math.floor(milliseconds / interval));
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let sent = 0;
    let answered = 0;
    const fail = (error: unknown) => {
      sent = total;
      reject(error);
    };
    const send = (turn: number) => {
      const due = began + turn * interval;
      Promise.resolve(call(turn))
        .then((answer) => {
          expectFound(answer);
          histogram.recordValue(nanoseconds(performance.now() - due));
          if (++answered === total) resolve(total);
        })
        .catch(fail);
    };
    const tick = () => {
      for (const now = performance.now(); sent < total && began + sent * interval <= now; ) send(sent++);
      // A timer is good to a millisecond only, so the timetable is looked at in every turn of the event loop.
      if (sent < total) setImmediate(tick);
    };
    tick();
  });
}

export function expectFound(answer: unknown): void {
  if (answer === null || answer === undefined || answer === false) throw new Error("a live session was not found");
}

function nanoseconds(milliseconds: number): number {
  return Math.max(1, Math.min(LONGEST, Math.round(milliseconds * 1e6)));
}

/** The latencies of several rounds, in µs: quantiles round by round, and the rare ones over all rounds together. */
export function latenciesOf(rounds: readonly Round[]): Record<"p50" | "p90" | "p99" | "p99.9" | "max", number[]> {
  const histograms = rounds.flatMap(({ histogram }) =>
    histogram === undefined ? [] : (decodeFromCompressedBase64(histogram) as Histogram),
  );
  const all = newHistogram();
  for (const histogram of histograms) all.add(histogram);
  const at = (percentile: number) => histograms.map((histogram) => histogram.getValueAtPercentile(percentile) / 1000);
  return {
    p50: at(50),
    p90: at(90),
    p99: at(99),
    // One call in a thousand is too rare for a short round.
    "p99.9": [all.getValueAtPercentile(99.9) / 1000],
    max: [all.maxValue / 1000],
  };
}
