/**
 * Look-ups of watched sessions that are to be made, each once however often it is asked for, and a few at a time: a process that
 * has lost its connection may have many to make, and its other calls must not wait for them. It knows no Redis.
 */

/** How many may be under way at once. */
const MOST = 32;

/** Entries in the order in which they came, each once. */
class Line<Entry> {
  readonly #entries = new Set<Entry>();
  /** One iterator for all: each new one would have to pass all that were taken before. */
  #iterator = this.#entries.values();

  has(entry: Entry): boolean {
    return this.#entries.has(entry);
  }

  add(entry: Entry): void {
    this.#entries.add(entry);
  }

  remove(entry: Entry): void {
    this.#entries.delete(entry);
  }

  take(): Entry | undefined {
    if (this.#entries.size === 0) return undefined;
    let next = this.#iterator.next();
    if (next.done) {
      this.#iterator = this.#entries.values();
      next = this.#iterator.next();
    }
    this.#entries.delete(next.value as Entry);
    return next.value;
  }
}

export class LookUps<Entry> {
  readonly #lookUp: (entry: Entry) => Promise<void>;
  /** Somebody has told of a change. */
  readonly #urgent = new Line<Entry>();
  readonly #others = new Line<Entry>();
  #underWay = 0;

  /** `lookUp` never rejects. */
  constructor(lookUp: (entry: Entry) => Promise<void>) {
    this.#lookUp = lookUp;
  }

  /** Has an entry looked up: once for all calls until it is sent. */
  add(entry: Entry, isUrgent: boolean): void {
    if (isUrgent) {
      this.#others.remove(entry);
      this.#urgent.add(entry);
    } else if (!this.#urgent.has(entry)) this.#others.add(entry);
    this.#pump();
  }

  remove(entry: Entry): void {
    this.#urgent.remove(entry);
    this.#others.remove(entry);
  }

  #pump(): void {
    while (this.#underWay < MOST) {
      const next = this.#urgent.take() ?? this.#others.take();
      if (next === undefined) return;
      this.#underWay++;
      this.#lookUp(next).finally(() => {
        this.#underWay--;
        this.#pump();
      });
    }
  }
}
