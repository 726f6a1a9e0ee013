/**
 * The saves of requests: no ended session comes back, and no change is lost. It knows no framework: the baseline says what a
 * request has loaded.
 */
import type { EventEmitter } from "node:events";
import type { Deadline } from "../redis/calls/deadline.js";
import type { Baseline, Version } from "./baseline.js";
import { Beginnings } from "./beginnings.js";
import { announceDiscarded } from "./discarded.js";
import { Lanes, Tries, type Turn } from "./lanes.js";
import { type Fields, type Lifetime, mergeChanges } from "./merge.js";
import type { RecordFormat } from "./record-format.js";
import { mayHaveRun, type Records, type Replaced, type Wanted } from "./records.js";

/** How long a record is to live, ms; `null` for ever. 0 or less: it has expired. */
export type TtlOf = (record: Fields) => number | null;

/** A record with the time for which it is stored. */
type TimedRecord = Wanted & { readonly ttl: number | null };

/** One save that is under way. */
interface Save {
  readonly sid: string;
  readonly baseline: Baseline;
  /** The application's object, as it is. */
  readonly wanted: TimedRecord;
  readonly ttlOf: TtlOf;
  readonly deadline: Deadline;
  readonly tries: Tries;
  /** What this save has already entered into the index of the user. */
  entered: Wanted | undefined;
}

export class Saving {
  readonly #records: Records;
  readonly #text: RecordFormat;
  readonly #lifetime: Lifetime;
  readonly #events: EventEmitter;
  readonly #beginnings: Beginnings;
  readonly #lanes = new Lanes();

  constructor(records: Records, text: RecordFormat, lifetime: Lifetime, events: EventEmitter) {
    this.#records = records;
    this.#text = text;
    this.#lifetime = lifetime;
    this.#events = events;
    this.#beginnings = new Beginnings(records);
  }

  /** Ends a session, even if its first save is under way. `false`: it was not live. */
  end(sid: string): Promise<boolean> {
    return this.#beginnings.end(sid);
  }

  /**
   * Stores a session of the application. With a baseline it replaces what is there, and keeps the changes of other requests;
   * `false`: the session has ended, and nothing was stored. Without a baseline it stores the session in any case. One round
   * trip if nobody interferes; one more with a user index.
   */
  async save(session: object, ttlOf: TtlOf, sid: string, baseline: Baseline | undefined): Promise<boolean> {
    const ttl = ttlOf(session as Fields);
    if (ttl !== null && !(ttl > 0)) {
      await this.#records.remove(sid);
      return false;
    }
    // This is done now, because the application may change the session while the save waits for its turn.
    const wanted = { ...this.#text.versionOf(session), ttl };
    const deadline = this.#records.deadline();
    const tries = new Tries(deadline);
    if (baseline === undefined) return this.#put(sid, wanted, deadline, tries);
    const save: Save = { sid, baseline, wanted, ttlOf, deadline, tries, entered: undefined };
    return baseline.inTurn(() => this.#save(save));
  }

  async #save(save: Save): Promise<boolean> {
    const { sid, baseline, wanted, deadline } = save;
    const from = baseline.stored;
    // If the object of the application is older than what is stored, its changes must be merged even if nobody interferes.
    const isInStep = from === null || from.text === baseline.seen;
    const next = isInStep ? wanted : await this.#onTop(save, from);
    const outcome =
      from === null
        ? await this.#beginnings.begin(sid, baseline, next, deadline)
        : await this.#replace(save, from, next);
    if (outcome === "none") return this.#discarded(sid, from ?? wanted);
    if ("stored" in outcome) return this.#done(save, outcome.stored, isInStep);
    save.tries.lose();
    const there = await this.#text.obstacle(sid, outcome.conflict, from);
    return this.#lanes.take(sid, (known) => this.#saveOnTop(save, known ?? there));
  }

  /** Merges the changes into what others have stored, again and again until nobody was faster. */
  async #saveOnTop(save: Save, known: Version): Promise<Turn<boolean>> {
    const { sid } = save;
    let from = known;
    for (;;) {
      const next = await this.#onTop(save, from);
      const outcome = await this.#replace(save, from, next);
      if (outcome === "none") return { result: this.#discarded(sid, from), stored: undefined };
      if ("stored" in outcome) return { result: this.#done(save, outcome.stored, false), stored: outcome.stored };
      save.tries.lose();
      from = await this.#text.obstacle(sid, outcome.conflict, from);
    }
  }

  #replace(save: Save, from: Version, to: TimedRecord): Promise<Replaced> {
    const { sid, deadline, tries } = save;
    return tries.run(async () => {
      save.entered = await this.#records.enlist(sid, to, save.entered, deadline);
      return this.#records.replace(sid, from, to, deadline);
    });
  }

  #done({ baseline, wanted }: Save, stored: Version, isInStep: boolean): true {
    baseline.stored = stored;
    baseline.seen = isInStep ? stored.text : wanted.text;
    baseline.times = undefined;
    return true;
  }

  /** Another version, with the changes of the application's object. */
  async #onTop({ sid, baseline, wanted, ttlOf }: Save, current: Version): Promise<TimedRecord> {
    const [base, mine, there] = await Promise.all([
      baseline.seen === null ? {} : this.#text.fieldsOf(sid, baseline.seen),
      this.#text.fieldsOf(sid, wanted.text),
      this.#text.fieldsOf(sid, current.text),
    ]);
    const merged = mergeChanges(base, mine, there, this.#lifetime);
    const ttl = ttlOf(merged);
    return { ...this.#text.versionOf(merged), ttl: ttl === null ? null : Math.max(1, ttl) };
  }

  /** Stores a record without a baseline: the contract of `store.set` for an object that the caller has made. */
  async #put(sid: string, wanted: TimedRecord, deadline: Deadline, tries: Tries): Promise<boolean> {
    const there = await this.#putOnce(sid, wanted, null, deadline, tries);
    if (there === "ok") return true;
    return this.#lanes.take(sid, async (known) => {
      let from: Version | null = known ?? there;
      for (;;) {
        const outcome: Version | null | "ok" = await this.#putOnce(sid, wanted, from, deadline, tries);
        if (outcome === "ok") return { result: true, stored: undefined };
        from = outcome;
      }
    });
  }

  /** Gives the version that was in the way; `null`: there is none any more. */
  #putOnce(
    sid: string,
    wanted: TimedRecord,
    from: Version | null,
    deadline: Deadline,
    tries: Tries,
  ): Promise<Version | null | "ok"> {
    return tries.run(async () => {
      await this.#records.enlist(sid, wanted, undefined, deadline);
      const { losses } = this.#records;
      const outcome =
        from === null
          ? await this.#records.create(sid, wanted, deadline)
          : await this.#records.replace(sid, from, wanted, deadline);
      if (outcome === "ok" || outcome === "again") return "ok";
      if (outcome !== "none" && "stored" in outcome) return "ok";
      // The record may have been stored, and then changed or ended by somebody.
      if (this.#records.losses > losses) throw mayHaveRun();
      tries.lose();
      return outcome === "none" ? null : this.#text.obstacle(sid, outcome.conflict, from);
    });
  }

  #discarded(sid: string, last: Version | null): false {
    announceDiscarded(this.#events, "set", sid, last);
    return false;
  }
}
