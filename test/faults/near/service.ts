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
  /** Between which instants no beat could come back; `null` if some could. */
  readonly deaf: { readonly from: number; readonly to: number } | null;
  readonly ended: number;
  /** A session that nobody revokes. */
  readonly lasting: History;
  readonly revoked: readonly Revoked[];
}

/** A process that is sent SIGSTOP runs on for a moment, ms. */
const GRAIN = 20;

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
  #wentOn = 0;
  #paused = 0;
  #oldMaster = 0;

  constructor(lease: number, memoryOnly = false) {
    this.#lease = lease;
    this.#memoryOnly = memoryOnly;
  }

  add({ begun, deaf, ended, lasting, revoked }: Suffered): void {
    this.times++;
    for (const { memory, found, missing, failed } of [lasting, ...revoked]) {
      this.operations += memory.length + found.length + missing.length + failed.length;
      for (const { code } of failed) this.errors[code] = (this.errors[code] ?? 0) + 1;
    }
    if (lasting.missing.length > 0)
      this.broken.push(`P8: ${lasting.missing.length} lookups of a live session gave null`);
    if (deaf !== null) {
      const last = lasting.memory.filter((at) => at < deaf.to).at(-1) ?? deaf.from;
      const late = Math.round(last - deaf.from);
      if (late > this.#lease + GRAIN) {
        this.broken.push(`P9: memory still answered ${late} ms after the last beat that could come back`);
      }
    }
    if (!lasting.memory.some((at) => at >= ended)) this.broken.push("P9: memory does not answer again after the fault");
    this.#pause(begun, lasting.memory);
    this.#outages(begun, ended, lasting);
    for (const one of revoked) this.#judge(one);
  }

  /** Further figures for the report. */
  further(): Record<string, string | number> {
    return {
      revocations: this.#revocations,
      "memory went on answering for": `${Math.round(this.#wentOn)} ms`,
      "then it paused for": `${Math.round(this.#paused)} ms`,
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

  /** The longest time without an answer from memory that ended after the beginning of the fault. */
  #pause(begun: number, memory: readonly number[]): void {
    let [start, longest] = [begun, 0];
    for (const [at, next] of memory.slice(1).entries()) {
      const from = Math.max(begun, memory[at] ?? begun);
      if (next - from > longest) [start, longest] = [from, next - from];
    }
    this.#wentOn = Math.max(this.#wentOn, start - begun);
    this.#paused = Math.max(this.#paused, longest);
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
