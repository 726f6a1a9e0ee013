/**
 * Sessions of a framework in Redis, in the layout of connect-redis: a string under `prefix` + session id. Reading one,
 * and writing it so that nothing comes back and no change is lost. It knows neither frameworks nor requests: what a
 * request has loaded comes in as an `Origin`.
 */
import { channel } from "node:diagnostics_channel";
import type { EventEmitter } from "node:events";
import type { Deadline } from "../deadline.js";
import { CorruptRecordError } from "../errors.js";
import type { Keyspace } from "../keyspace.js";
import { checkUserId } from "../options.js";
import { dropInScripts as scripts } from "../scripts/drop-in.js";
import { type Fields, type Lifetime, mergeChanges } from "./merge.js";
import type { ResolvedOptions } from "./options.js";
import { Origin, type Version } from "./origin.js";
import { UserIndex } from "./user-index.js";

/** A save or touch that changed nothing, because the session had ended since the request loaded it. */
export interface DiscardedWrite {
  readonly operation: "set" | "touch";
  /** The beginning of the session id, enough to find it in a log. The whole would be a credential. */
  readonly id: string;
  /** Whose session it was, as far as the request knew; `null` for a guest's, or without the option `userId`. */
  readonly userId: string | null;
}

const discardedWrites = channel("coatcheck:discarded");

/** How long a record is to live, ms; `null` for ever. Nothing above 0: it has expired. */
export type TtlOf = (record: Fields) => number | null;

/** A session from Redis, and where it came from. */
export interface Loaded<Data> {
  readonly data: Data;
  readonly origin: Origin;
}

/** What is to be stored. */
interface Wanted extends Version {
  readonly ttl: number | null | "keep";
}

/** What became of a write. */
type Outcome = "ok" | "none" | { readonly conflict: string };

export class Records {
  readonly keyspace: Keyspace;
  readonly index: UserIndex | undefined;
  readonly #options: ResolvedOptions;
  readonly #lifetime: Lifetime;
  readonly #events: EventEmitter;

  constructor(options: ResolvedOptions, lifetime: Lifetime, events: EventEmitter) {
    this.keyspace = options.keyspace;
    this.index = options.userId && new UserIndex(options.keyspace, options.prefix);
    this.#options = options;
    this.#lifetime = lifetime;
    this.#events = events;
  }

  /** Reads a session; `null` where there is none. One round trip; `clocked` asks for its time to live along with it. */
  async load<Data>(sid: string, clocked = false): Promise<Loaded<Data> | null> {
    if (clocked) {
      const [text, left] = await this.run(sid, scripts.read, []);
      return this.#loaded<Data>(sid, text ?? null, { left: Number(left), at: performance.now() });
    }
    return this.#loaded<Data>(sid, await this.keyspace.get(this.#key(sid), this.#label(sid)), null);
  }

  /** The same by callback, on the shortest way. */
  fetch<Data>(sid: string, succeed: (loaded: Loaded<Data> | null) => void, fail: (error: unknown) => void): void {
    const parse = (text: string | null) => {
      let loaded: Loaded<Data> | null | Promise<Loaded<Data>>;
      try {
        loaded = this.#loaded<Data>(sid, text, null);
      } catch (error) {
        fail(error);
        return;
      }
      if (loaded instanceof Promise) loaded.then(succeed, fail);
      else succeed(loaded);
    };
    let key: string;
    try {
      key = this.#key(sid);
    } catch (error) {
      fail(error);
      return;
    }
    this.keyspace.fetch(key, this.#label(sid), parse, fail);
  }

  #loaded<Data>(sid: string, reply: string | null, ttl: Origin["ttl"]): Loaded<Data> | null | Promise<Loaded<Data>> {
    if (!reply) return null;
    const text = typeof reply === "string" ? reply : String(reply);
    const loadedAs = (data: object) => ({
      data: data as Data,
      origin: new Origin(sid, { text, userId: this.userOf(data) }, ttl),
    });
    const parsed = this.parse(sid, text);
    return parsed instanceof Promise ? parsed.then(loadedAs) : loadedAs(parsed);
  }

  /**
   * Stores a session that the application holds. Where it has an origin, what is there is replaced, with the changes of
   * other requests under this one's, and `false` means that the session has ended and nothing was stored. Without an origin
   * it is stored whatever is there. One round trip when nobody interfered; one more with a user index.
   */
  async save(session: object, ttlOf: TtlOf, sid: string, origin: Origin | undefined): Promise<boolean> {
    const ttl = ttlOf(session as Fields);
    if (ttl !== null && !(ttl > 0)) {
      await this.remove(sid);
      return false;
    }
    // Now, because the application may change the session while this waits for its turn.
    const wanted = { text: this.encode(session), userId: this.userOf(session), ttl };
    const deadline = this.keyspace.deadline();
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
        from === null ? await this.#create(sid, next, deadline) : await this.replace(sid, from, next, deadline);
      if (outcome === "ok") {
        origin.stored = next;
        origin.seen = wanted.text;
        return true;
      }
      if (outcome === "none") return this.#discarded("set", sid, from ?? wanted);
      from = await this.versionOf(sid, outcome.conflict, from);
      next = await this.#onTop(sid, origin, wanted, from, ttlOf);
    }
  }

  /** Stores a record that came from nowhere: the contract of `store.set` with an object of the caller's own. */
  async #put(sid: string, wanted: Wanted, deadline: Deadline): Promise<true> {
    let from: Version | null = null;
    for (;;) {
      const outcome: Outcome =
        from === null ? await this.#create(sid, wanted, deadline) : await this.replace(sid, from, wanted, deadline);
      if (outcome === "ok") return true;
      from = outcome === "none" ? null : await this.versionOf(sid, outcome.conflict, from);
    }
  }

  /**
   * Lets a session live on, and moves the times in its record, and nothing else. `false`: it has ended. One round trip, one
   * more where the session has no origin, and one more with a user index.
   */
  async touch(session: object, ttl: number | null, sid: string, known: Origin | undefined): Promise<boolean> {
    if (ttl !== null && !(ttl > 0)) {
      await this.remove(sid);
      return false;
    }
    const times = Object.fromEntries(this.#lifetime.properties.map((name) => [name, (session as Fields)[name]]));
    const origin = known ?? (await this.load(sid))?.origin;
    if (origin === undefined) return this.#discarded("touch", sid, undefined);
    const deadline = this.keyspace.deadline();
    return origin.inTurn(() => this.#touch(sid, origin, times, ttl, deadline));
  }

  async #touch(sid: string, origin: Origin, times: Fields, ttl: number | null, deadline: Deadline): Promise<boolean> {
    let from = origin.stored;
    // A new session that is touched before it was saved.
    if (from === null) return this.#discarded("touch", sid, undefined);
    let inStep = from.text === origin.seen;
    for (;;) {
      const current = (await this.parse(sid, from.text)) as Fields;
      const moved = inStep ? times : await this.#timesOnTop(sid, origin, times, current);
      const next = { text: this.encode({ ...current, ...moved }), userId: from.userId, ttl };
      const outcome = await this.replace(sid, from, next, deadline);
      if (outcome === "ok") {
        origin.stored = next;
        if (inStep) origin.seen = next.text;
        return true;
      }
      if (outcome === "none") return this.#discarded("touch", sid, from);
      from = await this.versionOf(sid, outcome.conflict, from);
      inStep = false;
    }
  }

  /** The times of a session, where another request may have moved them, too. */
  async #timesOnTop(sid: string, origin: Origin, times: Fields, current: Fields): Promise<Fields> {
    const base = origin.seen === null ? {} : ((await this.parse(sid, origin.seen)) as Fields);
    const mine = (await this.parse(sid, this.encode(times))) as Fields;
    return this.#lifetime.merge(base, mine, current);
  }

  /** Ends a session, and takes it out of its user's index. `false`: it was not live. */
  async remove(sid: string): Promise<boolean> {
    const [status, text] = await this.run(sid, scripts.remove, [""]);
    if (status !== "ok") return false;
    if (this.index === undefined) return true;
    const userId = await this.#userOfText(sid, text as string);
    if (userId !== undefined) await this.index.strike(userId, [sid]);
    return true;
  }

  /** Puts a record in the place of another. The index of its user knows of it before the session is stored. */
  async replace(sid: string, from: Version, to: Wanted, deadline?: Deadline): Promise<Outcome> {
    await this.#enlist(sid, to, deadline);
    const ttl = to.ttl ?? "";
    const outcome = outcomeOf(await this.run(sid, scripts.replace, [from.text, to.text, ttl], deadline));
    // The id of a session that has ended never comes back, so nobody else can be about to store it.
    if (outcome === "none" && to.userId !== undefined) await this.index?.strike(to.userId, [sid], deadline);
    return outcome;
  }

  async #create(sid: string, to: Wanted, deadline: Deadline): Promise<Outcome> {
    await this.#enlist(sid, to, deadline);
    return outcomeOf(await this.run(sid, scripts.create, [to.text, to.ttl ?? ""], deadline));
  }

  async #enlist(sid: string, { userId, ttl }: Wanted, deadline?: Deadline): Promise<void> {
    this.#key(sid);
    // What keeps its time to live stays where it is in the index, too.
    if (userId !== undefined && ttl !== "keep") await this.index?.enlist(userId, sid, ttl, deadline);
  }

  /** The record that puts what the application's object has changed on top of another version. */
  async #onTop(sid: string, origin: Origin, wanted: Wanted, current: Version, ttlOf: TtlOf): Promise<Wanted> {
    const [base, mine, there] = (await Promise.all([
      origin.seen === null ? {} : this.parse(sid, origin.seen),
      this.parse(sid, wanted.text),
      this.parse(sid, current.text),
    ])) as [Fields, Fields, Fields];
    const merged = mergeChanges(base, mine, there, this.#lifetime);
    const ttl = ttlOf(merged);
    return { text: this.encode(merged), userId: this.userOf(merged), ttl: ttl === null ? null : Math.max(1, ttl) };
  }

  /** What stands in the way of a write, after `failed` was expected there. */
  async versionOf(sid: string, text: string, failed: Version | null): Promise<Version> {
    // Bytes that are not UTF-8 come back as another text than they are, and could be taken for changed for ever.
    if (text === failed?.text) throw new CorruptRecordError(this.#label(sid));
    return { text, userId: this.userOf(await this.parse(sid, text)) };
  }

  /** The user of a session; `undefined` for a guest's, or where the store has no index. */
  userOf(session: object): string | undefined {
    const userId = this.#options.userId?.(session) ?? undefined;
    return userId === undefined ? undefined : checkUserId(userId);
  }

  async #userOfText(sid: string, text: string): Promise<string | undefined> {
    try {
      return this.userOf(await this.parse(sid, text));
    } catch (error) {
      // What nobody can read belongs to nobody, and must still be possible to end.
      if (error instanceof CorruptRecordError) return undefined;
      throw error;
    }
  }

  encode(session: object): string {
    return this.#options.serializer.stringify(session);
  }

  /** A session from its text. */
  parse(sid: string, text: string): object | Promise<object> {
    const check = (data: unknown): object => {
      if (typeof data !== "object" || data === null) throw new CorruptRecordError(this.#label(sid));
      return data;
    };
    const fail = (): never => {
      // Without its cause: a parser quotes what it could not read.
      throw new CorruptRecordError(this.#label(sid));
    };
    let data: unknown;
    try {
      data = this.#options.serializer.parse(text);
    } catch {
      return fail();
    }
    return data instanceof Promise ? data.then(check, fail) : check(data);
  }

  /** Runs a script on a session. */
  run(sid: string, script: (typeof scripts)[keyof typeof scripts], args: (string | number)[], deadline?: Deadline) {
    const running = this.keyspace.run(script, [this.#key(sid)], args, deadline);
    return this.#guard(sid, running) as Promise<(string | null)[]>;
  }

  /** The id of a session is a credential: an error must not name its key in full. */
  #guard<T>(sid: string, running: Promise<T>): Promise<T> {
    return running.catch((error: unknown) => {
      throw error instanceof CorruptRecordError ? new CorruptRecordError(this.#label(sid), error.cause) : error;
    });
  }

  #key(sid: string): string {
    const key = this.#options.prefix + sid;
    if (this.index?.owns(key)) throw new RangeError("A session id must not begin like the key of a user's index");
    return key;
  }

  #label(sid: string): string {
    return `${this.#options.prefix}${beginningOf(sid)}`;
  }

  #discarded(operation: DiscardedWrite["operation"], sid: string, last: Version | undefined): false {
    const write = Object.freeze({ operation, id: beginningOf(sid), userId: last?.userId ?? null });
    // On its own tick, so that what a listener throws is an uncaught exception and never the failure of this call.
    process.nextTick(() => {
      discardedWrites.publish(write);
      this.#events.emit("discarded", write);
    });
    return false;
  }
}

function outcomeOf([status, text]: (string | null)[]): Outcome {
  return status === "conflict" ? { conflict: text as string } : (status as "ok" | "none");
}

function beginningOf(sid: string): string {
  return `${sid.slice(0, 8)}…`;
}
