/**
 * coatcheck/express-session: a session store for express-session and @fastify/session, in the place of connect-redis: the
 * same options, the same methods, the same keys and values in Redis.
 */

import { checkBoolean, checkDuration } from "../../leaves/arguments.js";
import { hint, hintAtUnit } from "../../leaves/hints.js";
import type { Origin } from "../baseline.js";
import { idsOf, type ListedSession, read } from "../many.js";
import { cookieLifetime, type Fields } from "../merge.js";
import { checkTtl, DROP_IN_OPTIONS, type DropInOptions, millisecondsOf, type SessionRecord } from "../options.js";
import type { Loaded } from "../records.js";
import { DropInStore } from "../store.js";
import { Origins } from "./baselines.js";
import { createSession, type Generate, type SessionRequest } from "./objects.js";

/** The options of {@link RedisStore}: those of connect-redis 7 to 10, and `timeout`, `touchInterval` and `userId`. */
export interface RedisStoreOptions<Data extends object = SessionRecord> extends DropInOptions<Data> {
  /** What the key of every session begins with. Default: `"sess:"`. */
  readonly prefix?: string | undefined;
  /**
   * How long a session lives whose cookie has no expiry, in seconds; or a function that says it for every session, whatever
   * its cookie says. Default: 86400, a day.
   */
  readonly ttl?: number | ((session: Data) => number) | undefined;
  /** Lets no touch move the expiry: a session then lives from its last change on. Default: `false`. */
  readonly disableTouch?: boolean | undefined;
  /** Stores sessions without a time to live: they stay until something destroys them. Default: `false`. */
  readonly disableTTL?: boolean | undefined;
  /**
   * A touch that would move the expiry by less than this many ms is not sent; nor, if that is less, by half of how long the
   * session lives. Saves most requests a round trip, and may end a session that much earlier. Default: 0, every request
   * moves it, as with connect-redis.
   */
  readonly touchInterval?: number | undefined;
}

const OPTIONS = [...DROP_IN_OPTIONS, "ttl", "disableTouch", "disableTTL", "touchInterval"];

/** A callback in the manner of Node. `Result` is what the promise gives that is returned where there is no callback. */
export type Callback<Result = void> = (error: unknown, result?: Result) => void;

/**
 * A session store in Redis for express-session and @fastify/session.
 *
 * - A session that was destroyed stays destroyed: of a session that a request has loaded, `set` and `touch` only ever
 *   replace what is there. Where it has ended meanwhile they store nothing and report no error, because the response has to
 *   go out; their result is `false`, and the event `discarded` tells of it.
 * - No update is lost: where another request was faster, the top-level properties that this one changed or deleted go on
 *   top of what is stored now. Within one property the last writer wins.
 *
 * Every method takes a callback; without one it returns a promise. Each fails with `StoreUnavailableError` (HTTP 503) when
 * Redis does not answer within `timeout` or cannot serve, and with `CorruptRecordError` when a key holds no session. Each
 * is one round trip where nothing else is said; with `userId`, `set`, `touch` and `destroy` are two.
 *
 * Emits `discarded` ({@link DiscardedWrite}; also published on `node:diagnostics_channel` as `coatcheck:discarded`), and as
 * express-session knows them `disconnect`, when the client has been closed or has given up, and `connect`, when it is
 * there again. After `disconnect` express-session serves requests as if they had no session. So a connection that was lost
 * and is being made again is no `disconnect`: then calls wait for it until `timeout`, and fail.
 * @example app.use(session({ store: new RedisStore({ client: new Redis() }), secret, resave: false, saveUninitialized: false }));
 */
export class RedisStore<Data extends object = SessionRecord> extends DropInStore<Data> {
  /** What makes a new session for a request. express-session assigns it. */
  declare generate: Generate;
  readonly #ttl: number | ((session: Data) => number);
  readonly #disableTouch: boolean;
  readonly #disableTTL: boolean;
  readonly #touchInterval: number;
  readonly #origins = new Origins();

  /** Does no I/O. Throws `TypeError` and `RangeError` for wrong options. */
  constructor(options: RedisStoreOptions<Data>) {
    super(options, { names: OPTIONS, prefix: "sess:", lifetime: cookieLifetime });
    const ttl = options.ttl ?? 86_400;
    this.#ttl = typeof ttl === "function" ? ttl : checkTtl(ttl);
    this.#disableTouch = checkBoolean("disableTouch", options.disableTouch ?? false);
    this.#disableTTL = checkBoolean("disableTTL", options.disableTTL ?? false);
    this.#touchInterval = checkDuration("touchInterval", options.touchInterval ?? 0, 0);
    hintAtUnit("touchInterval", this.#touchInterval);
    if (this.#touchInterval > 0 && (this.#disableTouch || this.#disableTTL)) {
      const why = this.#disableTouch ? "disableTouch" : "disableTTL";
      hint("COATCHECK_NO_EFFECT", "touchInterval", `touchInterval does nothing beside ${why}: no touch is sent at all`);
    }
  }

  /** Loads a session. `null`: there is none. */
  get(sid: string): Promise<Data | null>;
  get(sid: string, callback: Callback<Data | null>): void;
  get(sid: string, callback?: Callback<Data | null>): Promise<Data | null> | undefined {
    const clocked = this.#touchInterval > 0;
    if (callback === undefined) {
      return this.records.load<Data>(sid, clocked).then((loaded) => {
        if (loaded !== null) this.#origins.remember(loaded.data, loaded.origin);
        return loaded?.data ?? null;
      });
    }
    const succeed = (loaded: Loaded<Data> | null) => {
      if (loaded === null) callback(null, null);
      else this.#origins.handOver(loaded.data, loaded.origin, this.#marks, callback);
    };
    if (clocked) callBack(this.records.load<Data>(sid, clocked), callback, succeed);
    else this.records.fetch(sid, succeed, callback);
    return undefined;
  }

  /**
   * Saves a session. `false`: it was loaded before and has ended since, or its cookie has expired; nothing is stored. A new
   * session is ended again where its first save fails, or where the connection was lost meanwhile and somebody may have
   * ended it: then this and each later save of the request fail with `StoreUnavailableError`. One round trip more each time
   * that another request was faster. An object that neither the framework nor this store has made is stored whatever is
   * there.
   */
  set(sid: string, session: Data): Promise<boolean>;
  set(sid: string, session: Data, callback: Callback<boolean> | undefined): void;
  set(sid: string, session: Data, callback?: Callback<boolean>): Promise<boolean> | undefined {
    return settle(() => this.#save(sid, session), callback);
  }

  /**
   * Lets a session live on, and moves the expiry in its stored cookie. `false`: it has ended. No round trip with
   * `disableTouch` or `disableTTL`, or where `touchInterval` has not passed; two for a session that this store has not
   * loaded.
   */
  touch(sid: string, session: Data): Promise<boolean>;
  touch(sid: string, session: Data, callback: Callback<boolean> | undefined): void;
  touch(sid: string, session: Data, callback?: Callback<boolean>): Promise<boolean> | undefined {
    return settle(() => this.#touch(sid, session), callback);
  }

  /** Ends a session. `false`: it was not live. */
  destroy(sid: string): Promise<boolean>;
  destroy(sid: string, callback: Callback<boolean> | undefined): void;
  destroy(sid: string, callback?: Callback<boolean>): Promise<boolean> | undefined {
    return settle(() => this.saves.end(sid), callback);
  }

  /** All sessions, each with its `id`. Looks through every key of the database, on every master of a cluster. */
  all(): Promise<ListedSession<Data>[]>;
  all(callback: Callback<ListedSession<Data>[]>): void;
  all(callback?: Callback<ListedSession<Data>[]>): Promise<ListedSession<Data>[]> | undefined {
    return settle(() => this.#collect((sids) => read<Data>(this.records, sids)), callback);
  }

  /** The ids of all sessions. Looks through every key of the database, on every master of a cluster. */
  ids(): Promise<string[]>;
  ids(callback: Callback<string[]>): void;
  ids(callback?: Callback<string[]>): Promise<string[]> | undefined {
    return settle(() => this.#collect((sids) => sids), callback);
  }

  /** How many sessions there are. Looks through every key of the database, on every master of a cluster. */
  length(): Promise<number>;
  length(callback: Callback<number>): void;
  length(callback?: Callback<number>): Promise<number> | undefined {
    return settle(async () => (await this.#collect((sids) => sids)).length, callback);
  }

  /** Ends all sessions. Looks through every key of the database, on every master of a cluster. */
  clear(): Promise<void>;
  clear(callback: Callback | undefined): void;
  clear(callback?: Callback): Promise<void> | undefined {
    return settle(async () => {
      await this.#collect(async (sids) => {
        await Promise.all(sids.map((sid) => this.records.remove(sid)));
        return [];
      });
    }, callback);
  }

  // What follows is express-session's own base class of stores, which it calls without documenting it.

  /** Gives a request a new session, and ends the one it has. Called by `req.session.regenerate`. */
  regenerate(request: SessionRequest, callback: (error?: unknown) => void): void {
    this.destroy(request.sessionID ?? "", (error) => {
      this.generate(request);
      callback(error);
    });
  }

  /** Loads a session as an object with express-session's methods, outside of a request. */
  // biome-ignore lint/suspicious/noExplicitAny: the objects of express-session, whose types only its users have.
  load(sid: string, callback: (error: any, session?: any) => void): void {
    this.get(sid, (error, data) => {
      if (error) return callback(error);
      if (!data) return callback(null);
      callback(null, this.createSession({ sessionID: sid, sessionStore: this } as SessionRequest, data));
    });
  }

  /** Makes the session object of a request from what was loaded. Called by express-session. */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  createSession(request: any, data: any): any {
    if (typeof this.generate !== "function") throw new TypeError("createSession is for express-session to call");
    this.#origins.unmark(data);
    const sid = request.sessionID as string;
    // A record that did not come straight from `get`, but through a cache or a copy, was still loaded and is not new.
    const origin = this.#origins.of(data, sid) ?? this.records.originOf(sid, data);
    const session = createSession(this.generate, request, data);
    this.#origins.remember(session, origin);
    return session;
  }

  #save(sid: string, session: Data): Promise<boolean> {
    const origin = this.#origins.ofSaved(session, sid, this.#marks);
    return this.saves.save(session, (record: Fields) => this.#ttlOf(record as Data), sid, origin);
  }

  /** Whether records are marked for a framework that makes its own objects of them: one that assigned no `generate`. */
  get #marks(): boolean {
    return this.generate === undefined;
  }

  #touch(sid: string, session: Data): Promise<boolean> {
    if (this.#disableTouch || this.#disableTTL) return Promise.resolve(true);
    const origin = this.#origins.of(session, sid);
    const ttl = this.#ttlInCookie(session);
    return this.#isRecent(ttl, origin) ? Promise.resolve(true) : this.saves.touch(session, ttl, sid, origin);
  }

  /** Whether a touch would move the expiry too little to be worth a round trip. */
  #isRecent(ttl: number, origin: Origin | undefined): boolean {
    if (!origin?.ttl || origin.ttl.left < 0) return false;
    const moved = ttl - (origin.ttl.left - (performance.now() - origin.ttl.at));
    // An expiry that comes nearer is always news.
    return moved >= 0 && moved < Math.min(this.#touchInterval, ttl / 2);
  }

  #ttlOf(session: Data): number | null {
    const ttl = this.#ttlInCookie(session);
    return this.#disableTTL && ttl > 0 ? null : ttl;
  }

  #ttlInCookie(session: Data): number {
    if (typeof this.#ttl === "function") return millisecondsOf("ttl", this.#ttl(session));
    const { cookie } = session as { cookie?: { expires?: unknown } };
    if (!cookie?.expires) return this.#ttl;
    return new Date(cookie.expires as string | Date).getTime() - Date.now();
  }

  async #collect<T>(take: (sids: string[]) => T[] | Promise<T[]>): Promise<T[]> {
    const all: T[] = [];
    for await (const page of idsOf(this.records, this.prefix, this.options.scanCount)) {
      for (const one of await take(page)) all.push(one);
    }
    return all;
  }
}

/** What a call comes to: as a promise, or where there is a callback, to that. */
function settle<T>(call: () => Promise<T>, callback: Callback<T> | undefined): Promise<T> | undefined {
  let result: Promise<T>;
  try {
    result = call();
  } catch (error) {
    // What the application's own functions throw, such as `ttl` and `userId`.
    result = Promise.reject(error);
  }
  if (callback === undefined) return result;
  callBack(result, callback, (value) => callback(null, value));
  return undefined;
}

/** Lets a callback have its error, or `succeed` the value; on a tick of their own, since what they throw is not ours. */
function callBack<T>(result: Promise<T>, fail: Callback<never>, succeed: (value: T) => void): void {
  result.then(
    (value) => process.nextTick(succeed, value),
    (error) => process.nextTick(fail, error),
  );
}
