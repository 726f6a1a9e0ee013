/**
 * The reads of sessions that are under way, and whether their results may still be kept. It knows no Redis.
 */
import type { Moment } from "./lease.js";

/** One read that is under way. */
export class Fill {
  readonly sent: Moment;
  /** How many connections the client had lost when the read was sent. */
  readonly losses: number;
  /** Something has happened since that the result of the read may not show. */
  isSpoiled = false;
  readonly #waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(sent: Moment, losses: number) {
    this.sent = sent;
    this.losses = losses;
  }

  /** Resolves when the read is over, and rejects as the read does. */
  settled(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  succeed(): void {
    for (const { resolve } of this.#waiting) resolve();
  }

  fail(error: unknown): void {
    for (const { reject } of this.#waiting) reject(error);
  }
}

/** The reads that may fill the cache: one for each session at most, and lookups of the same session wait for it. */
export class Fills {
  readonly #byId = new Map<string, Fill>();

  of(id: string): Fill | undefined {
    return this.#byId.get(id);
  }

  begin(id: string, sent: Moment, losses: number): Fill {
    const fill = new Fill(sent, losses);
    this.#byId.set(id, fill);
    return fill;
  }

  end(id: string): void {
    this.#byId.delete(id);
  }

  /** The session has changed or ended, so a read that is under way may bring what it was before. */
  spoil(id: string): void {
    const fill = this.#byId.get(id);
    if (fill !== undefined) fill.isSpoiled = true;
  }

  /** Nobody knows what has changed. */
  spoilAll(): void {
    for (const fill of this.#byId.values()) fill.isSpoiled = true;
  }
}
