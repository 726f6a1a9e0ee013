/**
 * When watched sessions are due, in steps of a second: one timer for all of them, because a timer for each would cost ten times as
 * much. Pure; it knows neither sessions nor timers.
 */

/** What can be due. */
export interface Due {
  /** The second in which it is due; `undefined` if it is not in the timetable. The timetable alone sets it. */
  second: number | undefined;
}

export class Timetable<Entry extends Due> {
  readonly #seconds = new Map<number, Set<Entry>>();
  #last: number;

  /** `now`: ms, as in the methods below. */
  constructor(now: number) {
    this.#last = Math.floor(now / 1000);
  }

  /** Notes when an entry is due; replaces what was noted before. It is never due early, and at most a second late. */
  set(entry: Entry, at: number): void {
    this.remove(entry);
    if (at === Number.POSITIVE_INFINITY) return;
    const second = Math.max(Math.ceil(at / 1000), this.#last + 1);
    const entries = this.#seconds.get(second) ?? new Set();
    this.#seconds.set(second, entries.add(entry));
    entry.second = second;
  }

  remove(entry: Entry): void {
    if (entry.second === undefined) return;
    const entries = this.#seconds.get(entry.second);
    entries?.delete(entry);
    if (entries?.size === 0) this.#seconds.delete(entry.second);
    entry.second = undefined;
  }

  /** Takes out what is due now. */
  take(now: number): Entry[] {
    const due: Entry[] = [];
    const second = Math.floor(now / 1000);
    // After a long sleep of the process there may be more seconds than entries.
    for (; this.#last < second && this.#seconds.size > 0; this.#last++) {
      const entries = this.#seconds.get(this.#last + 1);
      this.#seconds.delete(this.#last + 1);
      for (const entry of entries ?? []) {
        entry.second = undefined;
        due.push(entry);
      }
    }
    this.#last = second;
    return due;
  }
}
