/** What was measured over some failovers of one kind, and how it reads in the report. */

import type { Ledger } from "../ledger.js";
import type { Client, Hold } from "./failover.js";
import type { Probe } from "./probe.js";

/** The instants of one failover, by `performance.now()`. */
export interface Instants {
  /** The master failed. */
  readonly failed: number;
  /** Another had taken its place. */
  readonly over: number;
  /** It was woken; `null` for one that was killed. */
  readonly back: number | null;
  /** It had become a replica. */
  readonly settled: number;
}

interface Seen {
  readonly name: string;
  outage: number | null;
  looked: number;
  stale: number;
  lastStale: number;
}

export class Measurements {
  readonly #seen: Seen[];
  readonly #clients: number;
  readonly #revocations = new Map<string, { acknowledged: number; back: number }>();
  #instants: Instants = { failed: 0, over: 0, back: null, settled: 0 };
  #failover = 0;
  #demotion = 0;
  /** Of the clients that carried the load; `null` where no call failed. */
  outage: number | null = null;
  recovery: number | null = null;
  calls = 0;

  /** The first `loaded` of the clients carry the load, the others only look. */
  constructor(clients: readonly Client[], loaded: number) {
    this.#seen = clients.map(({ name }) => ({ name, outage: null, looked: 0, stale: 0, lastStale: 0 }));
    this.#clients = loaded;
  }

  fault(instants: Instants): void {
    const { failed, over, back, settled } = instants;
    this.#instants = instants;
    this.#failover = Math.max(this.#failover, over - failed);
    if (back !== null) this.#demotion = Math.max(this.#demotion, settled - back);
  }

  /** What the probes of a live session and of one that was revoked after the failover saw, of each client. */
  clients(probes: readonly Probe[], witnesses: readonly Probe[]): void {
    const { failed, over, back } = this.#instants;
    for (const [at, seen] of this.#seen.entries()) {
      const [probe, witness] = [probes[at], witnesses[at]];
      if (probe === undefined || witness === undefined) throw new Error(`${seen.name} has no probes.`);
      this.calls += probe.calls + witness.calls;
      seen.outage = max(seen.outage, probe.outage(failed));
      seen.looked += witness.calls;
      seen.stale += witness.count("live");
      seen.lastStale = Math.max(seen.lastStale, witness.lastLive(back ?? over) ?? 0);
      if (at >= this.#clients) continue;
      this.outage = max(this.outage, seen.outage);
      this.recovery = max(this.recovery, probe.recovery(over));
    }
  }

  revocations({ replicas }: Hold, acknowledged: number, back: number): void {
    const when = {
      all: "while no replica got anything",
      one: "while one of two replicas got nothing",
      none: "while replication was in order",
    }[replicas];
    const known = this.#revocations.get(when) ?? { acknowledged: 0, back: 0 };
    known.acknowledged += acknowledged;
    known.back += back;
    this.#revocations.set(when, known);
  }

  /** For the columns of the report. */
  further(ledger: Ledger): Record<string, string> {
    const outages = this.#seen.map(({ name, outage }) => `${name} ${outage === null ? "none" : seconds(outage)}`);
    const stale = this.#seen
      .filter((seen) => seen.stale > 0)
      .map(
        ({ name, looked, stale, lastStale }) =>
          `${name}: ${stale} of ${looked} lookups, the last after ${seconds(lastStale)}`,
      );
    const { [BACK]: _, ...losses } = ledger.further;
    const woken = this.#demotion === 0 ? {} : { "woken master": `a replica after ${seconds(this.#demotion)}` };
    return {
      "servers failed over in": seconds(this.#failover),
      "outage by client": outages.join(", "),
      "came back, of the revocations of the last 300 ms": [...this.#revocations]
        // More than were made before the fault: the others were made through a master that woke up and did not last.
        .map(
          ([when, { acknowledged, back }]) => `${back}${back > acknowledged ? "" : ` of ${acknowledged}`} made ${when}`,
        )
        .join(", "),
      "other writes lost": Object.entries(losses)
        .filter(([what]) => /lost|undone/.test(what))
        .map(([what, count]) => `${count} ${what.replace(" lost", "")}`)
        .join(", "),
      ...woken,
      ...(stale.length === 0 ? {} : { "found though revoked after the failover": stale.join("; ") }),
    };
  }
}

const BACK = "acknowledged revocations that came back";

function max(one: number | null, other: number | null): number | null {
  return one === null ? other : Math.max(one, other ?? one);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
