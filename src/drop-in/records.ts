/**
 * Sessions of a framework in Redis, in the layout of connect-redis: a string under `prefix` + session id. It reads sessions,
 * and takes the single steps that write one, together with the index of the user. It knows neither frameworks nor requests.
 */

import { show } from "../leaves/arguments.js";
import { CorruptRecordError, StoreUnavailableError } from "../leaves/errors.js";
import type { Deadline } from "../redis/calls/deadline.js";
import type { Keyspace } from "../redis/keyspace.js";
import { Baseline, type Version } from "./baseline.js";
import type { Fields, Lifetime } from "./merge.js";
import type { RecordFormat } from "./record-format.js";
import { createRecord, type RecordCreated } from "./scripts/create.js";
import { readRecord } from "./scripts/read.js";
import { type Removed, removeRecord } from "./scripts/remove.js";
import { replaceRecord } from "./scripts/replace.js";
import type { Conflict, Outcome } from "./scripts/replies.js";
import { type Extension, touchRecord } from "./scripts/touch.js";
import type { UserIndex } from "./user-index.js";

/** A session from Redis, and the baseline for the request that has loaded it. */
export interface Loaded<Data> {
  readonly data: Data;
  readonly baseline: Baseline;
}

/** A version that must be stored. */
export interface Wanted extends Version {
  readonly ttl: number | null | "keep";
}

/** The result of a replacement: what is stored now; `"none"`: there is no session; or another version of it is there. */
export type Replaced = { readonly stored: Version } | "none" | Conflict;

/** What records need of their store. */
interface Surroundings {
  readonly keyspace: Keyspace;
  readonly text: RecordFormat;
  readonly index: UserIndex | undefined;
  readonly prefix: string;
  readonly lifetime: Lifetime;
  /** Whether a load also asks for the time to live. */
  readonly clocked: boolean;
}

export class Records {
  readonly #keyspace: Keyspace;
  readonly #text: RecordFormat;
  readonly #index: UserIndex | undefined;
  readonly #prefix: string;
  readonly #lifetime: Lifetime;
  readonly #clocked: boolean;

  constructor({ keyspace, text, index, prefix, lifetime, clocked }: Surroundings) {
    this.#keyspace = keyspace;
    this.#text = text;
    this.#index = index;
    this.#prefix = prefix;
    this.#lifetime = lifetime;
    this.#clocked = clocked;
  }

  /** The deadline of a call that begins now. */
  deadline(): Deadline {
    return this.#keyspace.deadline();
  }

  /** How many connections the client has lost. If this grows during a call, its script may have run twice. */
  get losses(): number {
    return this.#keyspace.losses;
  }

  /** Whether the store has an index of users, which must know of every write. */
  get areIndexed(): boolean {
    return this.#index !== undefined;
  }

  /**
   * Reads a session; `null` if there is none. One round trip. `clocked` also asks for the time to live: it tells when the
   * session ends, even after a touch.
   */
  load<Data>(sid: string, clocked = this.#clocked): Promise<Loaded<Data> | null> {
    return new Promise((resolve, reject) => this.fetch<Data>(sid, resolve, reject, clocked));
  }

  /** The same by callback, in the fastest way, because every request does this. */
  fetch<Data>(
    sid: string,
    succeed: (loaded: Loaded<Data> | null) => void,
    fail: (error: unknown) => void,
    clocked = this.#clocked,
  ): void {
    let key: string;
    try {
      key = this.#key(sid);
    } catch (error) {
      fail(error);
      return;
    }
    const found = (text: string | null, left: number | undefined) => {
      // As with connect-redis, an empty string is no session.
      if (!text) return succeed(null);
      let loaded: Loaded<Data> | Promise<Loaded<Data>>;
      try {
        loaded = this.#loaded<Data>(sid, text, left);
      } catch (error) {
        fail(error);
        return;
      }
      if (loaded instanceof Promise) loaded.then(succeed, fail);
      else succeed(loaded);
    };
    const failed = (error: unknown) => fail(this.#shortened(sid, error));
    // Only the master surely has the last write, and scripts run there.
    if (clocked || this.#keyspace.readsMayLag) {
      const told = (reply: { record: string; left: number } | null) =>
        found(reply?.record ?? null, clocked ? reply?.left : undefined);
      readRecord(this.#keyspace, key, told, failed);
    } else this.#keyspace.fetch(key, (text) => found(text, undefined), failed);
  }

  #loaded<Data>(sid: string, text: string, left: number | undefined): Loaded<Data> | Promise<Loaded<Data>> {
    const data = this.#text.parse(sid, text);
    const ttl = left === undefined ? null : { left, at: performance.now() };
    const loadedAs = (session: object) => {
      const baseline = new Baseline(sid, { text, userId: this.#text.userOf(session) }, ttl);
      const { told } = this.#lifetime;
      if (told !== undefined && left !== undefined && left >= 0) {
        const { cookie } = session as { cookie?: Fields | null };
        if (cookie) baseline.times = { ...cookie };
        told.tell(session, left);
      }
      return { data: session as Data, baseline };
    };
    return data instanceof Promise ? data.then(loadedAs) : loadedAs(data);
  }

  /** The baseline of a session that this store has not loaded. */
  baselineOf(sid: string, session: object): Baseline {
    return new Baseline(sid, this.#text.versionOf(session));
  }

  /**
   * Ends a session, and takes it out of its user's index. `false`: it was not live. If the connection was lost meanwhile, the
   * command may have run twice, and the first run may have ended the session: then the result is `true`.
   */
  async remove(sid: string, deadline?: Deadline): Promise<boolean> {
    const { losses } = this;
    const outcome = await this.removeOnly(sid, undefined, deadline);
    if (outcome === "none") return this.losses > losses;
    if ("conflict" in outcome) return false;
    const userId = await this.#text.userOfText(sid, outcome.removed);
    if (userId !== undefined) await this.#index?.strike(userId, [sid], deadline);
    return true;
  }

  /** Ends a session if this is its record, or in any case if no record is given. Leaves the index to the caller. */
  removeOnly(sid: string, record: string | undefined, deadline?: Deadline): Promise<Removed> {
    return this.#named(sid, removeRecord(this.#keyspace, { key: this.#key(sid), record }, deadline));
  }

  /** Takes a session that has ended out of the index. */
  async forget(sid: string, userId: string | undefined, deadline?: Deadline): Promise<void> {
    if (userId !== undefined) await this.#index?.strike(userId, [sid], deadline);
  }

  /**
   * Replaces a record by another. The caller has entered it into the index of its user before. Rejects if the connection was
   * lost and another record is there now: the change may have been made, and then others.
   */
  async replace(sid: string, from: Version, to: Wanted, deadline?: Deadline): Promise<Replaced> {
    const { losses } = this;
    const stored = { text: this.#text.successor(to.text, from.text), userId: to.userId };
    const key = this.#key(sid);
    const outcome = await this.#named(
      sid,
      replaceRecord(this.#keyspace, { key, from: from.text, to: stored.text, ttl: to.ttl }, deadline),
    );
    if (outcome === "ok") return { stored };
    if (outcome !== "none") {
      if (this.losses > losses) throw mayHaveRun();
      return outcome;
    }
    // The id of an ended session is never used again, so nobody else can be about to store it.
    await this.forget(sid, to.userId, deadline);
    return outcome;
  }

  /** Stores a record if there is none. */
  create(sid: string, { text, ttl }: Wanted & { ttl: number | null }, deadline: Deadline): Promise<RecordCreated> {
    return this.#named(sid, createRecord(this.#keyspace, { key: this.#key(sid), record: text, ttl }, deadline));
  }

  /**
   * Extends a session, if its record is still this one. The fastest way sets the time to live first, and then looks at the
   * record: after a conflict the time to live does not fit the record, and the caller must set it right.
   */
  extend(sid: string, from: Version, ttl: number): Promise<Outcome> {
    if (!this.#keyspace.extends) return this.moveTimes(sid, { head: from.text, ttl });
    return new Promise((resolve, reject) => {
      const succeed = (text: string | null) => resolve(text === from.text ? "ok" : text ? { conflict: text } : "none");
      this.#keyspace.extend(this.#key(sid), ttl, succeed, (error) => reject(this.#shortened(sid, error)));
    });
  }

  /** The same if the record begins as the caller knows it. It can also change this beginning. */
  moveTimes(sid: string, extension: Omit<Extension, "key">): Promise<Outcome> {
    return this.#named(sid, touchRecord(this.#keyspace, { ...extension, key: this.#key(sid) }));
  }

  /**
   * Enters a session into the index of its user, before it is stored. `entered`: what this write has entered already; another
   * try need not do it again. Gives what is entered now.
   */
  async enlist(sid: string, to: Wanted, entered?: Wanted, deadline?: Deadline): Promise<Wanted | undefined> {
    this.#key(sid);
    const { userId, ttl } = to;
    // A write that keeps the time to live leaves the index as it is.
    if (this.#index === undefined || userId === undefined || ttl === "keep") return entered;
    if (entered?.userId === userId && lastsAsLong(entered.ttl, ttl)) return entered;
    await this.#index.enlist(userId, sid, ttl, deadline);
    return to;
  }

  async #named<T>(sid: string, running: Promise<T>): Promise<T> {
    try {
      return await running;
    } catch (error) {
      throw this.#shortened(sid, error);
    }
  }

  /** An error that does not name the key of the session in full. */
  #shortened(sid: string, error: unknown): unknown {
    return error instanceof CorruptRecordError ? this.#text.corrupt(sid, error.cause) : error;
  }

  #key(sid: string): string {
    // An object, such as the session itself, would become a key under which nothing is ever stored.
    if (typeof sid === "object" || typeof sid === "function") {
      throw new TypeError(`A session id must be a string, got ${show(sid)}`);
    }
    const key = this.#prefix + sid;
    if (this.#index?.owns(key)) throw new RangeError("A session id must not begin like the key of a user's index");
    return key;
  }
}

function lastsAsLong(entered: Wanted["ttl"], ttl: number | null): boolean {
  return entered === null || (typeof entered === "number" && ttl !== null && entered >= ttl);
}

/** For a write that may have run twice, with changes of others in between. To repeat it could undo these. */
export function mayHaveRun(): StoreUnavailableError {
  return new StoreUnavailableError(
    "The connection to Redis was lost during a save, and another request has changed the session since. " +
      "The save may have been made, and is not made again",
  );
}
