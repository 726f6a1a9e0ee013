/**
 * What a prober was served over a fault, and whether that keeps the promise of the near cache. Pure: it knows instants of one
 * clock, and neither servers nor processes.
 */
import type { History } from "./prober.js";

/** A session that was revoked. */
export interface Revoked extends History {
  /** When the process that revoked it knew that it was, or `null` if it never heard. */
  readonly acknowledged: number | null;
}

/** One fault, as the prober saw it. */
export interface Suffered {
  readonly begun: number;
  readonly ended: number;
  /** A session that nobody revokes. */
  readonly lasting: History;
  readonly revoked: readonly Revoked[];
}

export class Service {
  readonly #lease: number;
  /** Whether only memory is judged, because an old master answers lookups as it does without near. */
  readonly #memoryOnly: boolean;
  readonly broken: string[] = [];
  readonly errors: Record<string, number> = {};
  times = 0;
  operations = 0;
  /** Longest time from the acknowledgement of a revocation to the last lookup that began later and was accepted, ms. */
  longest = 0;
  outage: number | null = null;
  recovery: number | null = null;
  #revocations = 0;
  #fromMemory = 0;
  #lastInFault = 0;
  #backAfter = 0;
  #oldMaster = 0;

  constructor(lease: number, memoryOnly = false) {
    this.#lease = lease;
    this.#memoryOnly = memoryOnly;
  }

  add({ begun, ended, lasting, revoked }: Suffered): void {
    this.times++;
    for (const { memory, found, missing, failed } of [lasting, ...revoked]) {
      this.operations += memory.length + found.length + missing.length + failed.length;
      for (const { code } of failed) this.errors[code] = (this.errors[code] ?? 0) + 1;
    }
    if (lasting.missing.length > 0)
      this.broken.push(`P8: ${lasting.missing.length} lookups of a live session gave null`);
    const inFault = lasting.memory.filter((at) => at >= begun && at < ended);
    this.#fromMemory += inFault.length;
    this.#lastInFault = Math.max(this.#lastInFault, (inFault.at(-1) ?? begun) - begun);
    const back = lasting.memory.find((at) => at >= ended);
    if (back === undefined) this.broken.push("P9: memory does not answer again after the fault");
    else this.#backAfter = Math.max(this.#backAfter, back - ended);
    this.#outages(begun, ended, lasting);
    for (const one of revoked) this.#judge(one);
  }

  /** Further figures for the report. */
  further(): Record<string, string | number> {
    return {
      revocations: this.#revocations,
      "lookups of one live session that memory answered during the fault": this.#fromMemory,
      "the last of them": `${Math.round(this.#lastInFault)} ms into it`,
      "memory answers again": `${Math.round(this.#backAfter)} ms after its end at most`,
      "found by lookups that the old master answered, as without `near`": this.#memoryOnly ? this.#oldMaster : "",
    };
  }

  #judge({ acknowledged, memory, found, missing, failed }: Revoked): void {
    if (acknowledged === null) throw new Error("A revocation was never acknowledged.");
    this.#revocations++;
    const isLater = (at: number) => at > acknowledged;
    // A fault under which nobody asked shows nothing.
    const asked = [...memory, ...found, ...missing, ...failed.map(({ begun }) => begun)].filter(isLater).length;
    if (asked === 0) throw new Error("Nobody asked for a session after it was revoked.");
    if (this.#memoryOnly) this.#oldMaster += found.filter(isLater).length;
    const accepted = (this.#memoryOnly ? memory : [...memory, ...found]).filter(isLater);
    const service = Math.max(acknowledged, ...accepted) - acknowledged;
    this.longest = Math.max(this.longest, service);
    if (service > this.#lease) {
      this.broken.push(`P9: a session was served ${Math.round(service)} ms after its revocation was acknowledged`);
    }
  }

  #outages(begun: number, ended: number, { memory, found, failed }: History): void {
    const failures = failed.filter(({ ended: at }) => at >= begun);
    const [first, last] = [failures[0], failures.at(-1)];
    if (first === undefined || last === undefined) return;
    const next = [...memory, ...found].filter((at) => at >= first.begun).sort((one, other) => one - other)[0];
    this.outage = Math.max(this.outage ?? 0, (next ?? last.ended) - begun);
    this.recovery = Math.max(this.recovery ?? 0, last.ended - ended);
  }
}
