/**
 * What becomes of the saves and touches of requests: nothing comes back, and no change is lost. It knows no framework: what
 * a request has loaded comes in as an `Origin`.
 */
import type { EventEmitter } from "node:events";
import { StoreUnavailableError } from "../leaves/errors.js";
import type { Deadline } from "../redis/calls/deadline.js";
import type { Origin, Version } from "./baseline.js";
import { announceDiscarded, type DiscardedWrite } from "./discarded.js";
import { type Fields, type Lifetime, mergeChanges } from "./merge.js";
import { type Outcome, outcomeOf, type Records, type Wanted } from "./records.js";
import { dropInScripts as scripts } from "./scripts/scripts.js";

/** How long a record is to live, ms; `null` for ever. Nothing above 0: it has expired. */
export type TtlOf = (record: Fields) => number | null;

export class Saves {
  readonly #records: Records;
  readonly #lifetime: Lifetime;
  readonly #events: EventEmitter;
  /** The first saves of new sessions that are under way, by session id. */
  readonly #beginnings = new Map<string, Promise<unknown>>();

  constructor(records: Records, lifetime: Lifetime, events: EventEmitter) {
    this.#records = records;
    this.#lifetime = lifetime;
    this.#events = events;
  }

  /**
   * Stores a session that the application holds. Where it has an origin, what is there is replaced, with the changes of
   * other requests under this one's, and `false` means that the session has ended and nothing was stored. Without an origin
   * it is stored whatever is there. One round trip when nobody interfered; one more with a user index.
   */
  async save(session: object, ttlOf: TtlOf, sid: string, origin: Origin | undefined): Promise<boolean> {
    const ttl = ttlOf(session as Fields);
    if (ttl !== null && !(ttl > 0)) {
      await this.#records.remove(sid);
      return false;
    }
    // Now, because the application may change the session while this waits for its turn.
    const wanted = { text: this.#records.text.encode(session), userId: this.#records.text.userOf(session), ttl };
    const deadline = this.#records.keyspace.deadline();
    if (origin === undefined) return this.#put(sid, wanted, deadline);
    return origin.inTurn(() => this.#save(sid, origin, wanted, ttlOf, deadline));
  }

  async #save(sid: string, origin: Origin, wanted: Wanted, ttlOf: TtlOf, deadline: Deadline): Promise<boolean> {
    let from = origin.stored;
    // Where the object of the application is behind what is stored, its changes have to go on top even if nobody interferes.
    let next =
      from === null || from.text === origin.seen ? wanted : await this.#onTop(sid, origin, wanted, from, ttlOf);
    for (;;) {
      const outcome =
        from === null
          ? await this.#begin(sid, origin, next, deadline)
          : await this.#records.replace(sid, from, next, deadline);
      if (outcome === "ok") {
        origin.stored = next;
        origin.seen = wanted.text;
        return true;
      }
      if (outcome === "none") return this.#discarded("set", sid, from ?? wanted);
      from = await this.#records.text.versionOf(sid, outcome.conflict, from);
      next = await this.#onTop(sid, origin, wanted, from, ttlOf);
    }
  }

  /** Ends a session, also one whose first save is under way. `false`: it was not live. */
  async end(sid: string): Promise<boolean> {
    const beginning = this.#beginnings.get(sid);
    if (beginning === undefined) return this.#records.remove(sid);
    const deadline = this.#records.keyspace.deadline();
    // It may take several steps, of which the last would come after this. Whether it fails is for its own caller to hear.
    await Promise.allSettled([beginning]);
    return this.#records.remove(sid, deadline);
  }

  #begin(sid: string, origin: Origin, to: Wanted, deadline: Deadline): Promise<Outcome> {
    const beginning = this.#create(sid, origin, to, deadline);
    this.#beginnings.set(sid, beginning);
    const over = () => {
      if (this.#beginnings.get(sid) === beginning) this.#beginnings.delete(sid);
    };
    beginning.then(over, over);
    return beginning;
  }

  /**
   * Stores a new session. ioredis sends a command again whose reply was lost with its connection, and in between somebody
   * may have ended what it had made. So what nobody can tell from that is ended, and the save fails.
   */
  async #create(sid: string, origin: Origin, to: Wanted, deadline: Deadline): Promise<Outcome> {
    if (origin.failed) throw new StoreUnavailableError("The first save of this new session failed, and has ended it");
    const { losses } = this.#records.keyspace;
    let status: string;
    let text: string | undefined;
    try {
      [status, text] = (await this.#records.create(sid, to, deadline)) as [string, string?];
    } catch (error) {
      // It may have run, or run yet. What is sent behind it, on the same connection, runs after it.
      origin.failed = true;
      this.#undo(sid, to, to.text).catch(() => {
        // The save has failed already, and that is what the caller hears.
      });
      throw error;
    }
    if (status === "conflict") return { conflict: text as string };
    const lost = this.#records.keyspace.losses - losses;
    // Sent again once, and found what it had made: nobody has ended that in between.
    if (lost === 0 || (lost === 1 && status === "again")) return "ok";
    origin.failed = true;
    await this.#undo(sid, to, "", deadline);
    throw new StoreUnavailableError("The connection to Redis was lost while a new session was stored, so it was ended");
  }

  /** Ends what a save has stored, or may yet store; only this record, where one is given. */
  async #undo(sid: string, { userId }: Version, text: string, deadline?: Deadline): Promise<void> {
    await this.#records.run(sid, scripts.remove, [text], deadline);
    if (userId !== undefined) await this.#records.index?.strike(userId, [sid], deadline);
  }

  /** Stores a record that came from nowhere: the contract of `store.set` with an object of the caller's own. */
  async #put(sid: string, wanted: Wanted, deadline: Deadline): Promise<true> {
    let from: Version | null = null;
    for (;;) {
      const outcome: Outcome =
        from === null
          ? outcomeOf(await this.#records.create(sid, wanted, deadline))
          : await this.#records.replace(sid, from, wanted, deadline);
      if (outcome === "ok") return true;
      from = outcome === "none" ? null : await this.#records.text.versionOf(sid, outcome.conflict, from);
    }
  }

  /**
   * Lets a session live on, and moves the times in its record, and nothing else. `false`: it has ended. One round trip, one
   * more where the session has no origin, and one more with a user index.
   */
  touch(session: object, ttl: number, sid: string, origin: Origin | undefined): Promise<boolean> {
    if (!(ttl > 0)) return this.#records.remove(sid).then(() => false);
    // Now, because the application may change the session while this waits for its turn.
    const times = this.#records.text.encodeTimes(session);
    const touch = (from: Origin) => {
      const deadline = this.#records.keyspace.deadline();
      return from.inTurn(() => this.#touch(sid, from, times, ttl, deadline));
    };
    if (origin !== undefined) return touch(origin);
    return this.#records
      .load(sid)
      .then((loaded) => (loaded ? touch(loaded.origin) : this.#discarded("touch", sid, null)));
  }

  #touch(sid: string, origin: Origin, times: string, ttl: number, deadline: Deadline): Promise<boolean> {
    const from = origin.stored;
    // A new session that is touched before it was saved.
    if (from === null) return Promise.resolve(this.#discarded("touch", sid, null));
    // With an index it has to be known whose session it is by now: it must be there for as long as that lives.
    const isPlain = this.#records.index === undefined && from.text === origin.seen;
    const [head, moved] = isPlain ? [this.#records.text.headOf(from.text), this.#records.text.headOf(times)] : [];
    if (head === undefined || moved === undefined) return this.#touchWhole(sid, origin, from, times, ttl, deadline);
    // Without the deadline, which begins now as well: of its own a call is watched at less cost.
    return this.#records.run(sid, scripts.touch, [head, moved, ttl]).then((reply) => {
      const outcome = outcomeOf(reply);
      if (outcome === "none") return this.#discarded("touch", sid, from);
      if (outcome === "ok") {
        origin.stored = { text: moved + from.text.slice(head.length), userId: from.userId };
        origin.seen = origin.stored.text;
        return true;
      }
      return this.#records.text
        .versionOf(sid, outcome.conflict, null)
        .then((there) => this.#touchWhole(sid, origin, there, times, ttl, deadline));
    });
  }

  /** The same where it takes a look at the whole record, of which `there` is the version to begin with. */
  async #touchWhole(
    sid: string,
    origin: Origin,
    there: Version,
    times: string,
    ttl: number,
    deadline: Deadline,
  ): Promise<boolean> {
    let from = there;
    let inStep = from.text === origin.seen;
    for (;;) {
      const [current, mine] = (await Promise.all([
        this.#records.text.parse(sid, from.text),
        this.#records.text.parse(sid, times),
      ])) as [Fields, Fields];
      const moved = inStep ? mine : await this.#timesOnTop(sid, origin, mine, current);
      const next = { text: this.#records.text.encode({ ...current, ...moved }), userId: from.userId, ttl };
      const outcome = await this.#records.replace(sid, from, next, deadline);
      if (outcome === "ok") {
        origin.stored = next;
        if (inStep) origin.seen = next.text;
        return true;
      }
      if (outcome === "none") return this.#discarded("touch", sid, from);
      from = await this.#records.text.versionOf(sid, outcome.conflict, from);
      inStep = false;
    }
  }

  /** The times of a session, where another request may have moved them, too. */
  async #timesOnTop(sid: string, origin: Origin, mine: Fields, current: Fields): Promise<Fields> {
    const base = origin.seen === null ? {} : ((await this.#records.text.parse(sid, origin.seen)) as Fields);
    return this.#lifetime.merge(base, mine, current);
  }

  /** The record that puts what the application's object has changed on top of another version. */
  async #onTop(sid: string, origin: Origin, wanted: Wanted, current: Version, ttlOf: TtlOf): Promise<Wanted> {
    const [base, mine, there] = (await Promise.all([
      origin.seen === null ? {} : this.#records.text.parse(sid, origin.seen),
      this.#records.text.parse(sid, wanted.text),
      this.#records.text.parse(sid, current.text),
    ])) as [Fields, Fields, Fields];
    const merged = mergeChanges(base, mine, there, this.#lifetime);
    const ttl = ttlOf(merged);
    return {
      text: this.#records.text.encode(merged),
      userId: this.#records.text.userOf(merged),
      ttl: ttl === null ? null : Math.max(1, ttl),
    };
  }

  #discarded(operation: DiscardedWrite["operation"], sid: string, last: Version | null): false {
    announceDiscarded(this.#events, operation, sid, last);
    return false;
  }
}
