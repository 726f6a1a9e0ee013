/** One lookup after another, so often that it shows to some ten ms when a client could not reach its server. */
import type { Session, SessionStore } from "../../../src/index.js";
import { StoreUnavailableError } from "../../../src/index.js";
import type { Span } from "../user.js";

type Answer = "live" | "dead" | "unavailable" | "wrong";

/** Looks one session up at regular intervals, without waiting for the lookups before, until it is stopped. */
export class Probe {
  readonly #answers: (Span & { readonly answer: Answer })[] = [];
  readonly #pending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(store: SessionStore, token: string, interval: number) {
    this.#timer = setInterval(() => {
      const call = this.#look(store, token).finally(() => this.#pending.delete(call));
      this.#pending.add(call);
    }, interval);
  }

  async #look(store: SessionStore, token: string): Promise<void> {
    const begun = performance.now();
    const answer = await store.get(token).then(
      (session: Session | null): Answer => (session === null ? "dead" : "live"),
      (error: unknown): Answer => (error instanceof StoreUnavailableError ? "unavailable" : "wrong"),
    );
    this.#answers.push({ begun, ended: performance.now(), answer });
  }

  /** How many lookups were answered so. */
  count(answer: Answer): number {
    return this.#answers.filter((one) => one.answer === answer).length;
  }

  get calls(): number {
    return this.#answers.length;
  }

  /** From an instant until the first lookup that began later was answered, ms; `null` where none failed. */
  outage(since: number): number | null {
    const later = this.#answers.filter(({ begun }) => begun >= since);
    if (later.every(({ answer }) => answer !== "unavailable")) return null;
    const ends = later.filter(({ answer }) => answer !== "unavailable").map(({ ended }) => ended);
    return Math.min(performance.now(), ...ends) - since;
  }

  /** From an instant until the last lookup that failed, ms. */
  recovery(since: number): number | null {
    return this.#last("unavailable", since);
  }

  /** From an instant until the beginning of the last lookup that found a session, ms; `null` for none. */
  lastLive(since: number): number | null {
    return this.#last("live", since);
  }

  #last(answer: Answer, since: number): number | null {
    const instants = this.#answers.filter((one) => one.answer === answer && one.begun >= since);
    if (instants.length === 0) return null;
    return Math.max(...instants.map(({ begun, ended }) => (answer === "live" ? begun : ended))) - since;
  }

  /** Whether a lookup that began after an instant has been answered. */
  answeredSince(instant: number): boolean {
    return this.#answers.some(({ begun, answer }) => begun >= instant && answer !== "unavailable");
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }
}
