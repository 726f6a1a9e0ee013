/**
 * coatcheck/express-session: a session store for express-session and @fastify/session, in the place of connect-redis: the
 * same options, the same methods, the same keys and values in Redis.
 */

import { checkBoolean, checkDuration, show } from "../../leaves/arguments.js";
import { hint, hintAtUnit } from "../../leaves/hints.js";
import type { Baseline } from "../baseline.js";
import { type ListedSession, loadLive } from "../many.js";
import { apartFromCookie, cookieLifetime, type Fields } from "../merge.js";
import { checkTtl, DROP_IN_OPTIONS, type DropInOptions, millisecondsOf, type SessionRecord } from "../options.js";
import type { Loaded } from "../records.js";
import { DropInStore } from "../store.js";
import { Touching } from "../touching.js";
import { Baselines } from "./baselines.js";
import { type Callback, deliver } from "./callbacks.js";
import { createSession, type Generate, type SessionRequest } from "./objects.js";

/** The options of {@link RedisStore}: those of connect-redis 7 to 10, and `timeout`, `touchInterval` and `userId`. */
export interface RedisStoreOptions<Data extends object = SessionRecord> extends DropInOptions<Data> {
  /** What the key of every session begins with. Default: `"sess:"`. */
  readonly prefix?: string | undefined;
  /**
   * How long a session lives if its cookie has no expiry, in seconds; or a function that decides it for every session, whatever
   * the cookie says. Default: 86400, a day.
   */
  readonly ttl?: number | ((session: Data) => number) | undefined;
  /** No touch moves the expiry: the lifetime of a session begins at its last change. Default: `false`. */
  readonly disableTouch?: boolean | undefined;
  /** Stores sessions without a time to live: they stay until they are destroyed. Default: `false`. */
  readonly disableTTL?: boolean | undefined;
  /**
   * A touch is not sent if it would move the expiry by less than this many ms, or by less than half of the session's lifetime
   * if that is shorter. This saves most requests a round trip, and may end a session earlier by this time. Default: 0: every
   * request moves the expiry, as with connect-redis.
   */
  readonly touchInterval?: number | undefined;
}

const EXPRESS_OPTIONS = [...DROP_IN_OPTIONS, "ttl", "disableTouch", "disableTTL", "touchInterval"];

/**
 * A session store in Redis for express-session and @fastify/session.
 *
 * - A session that was destroyed stays destroyed: if a request has loaded a session, `set` and `touch` only replace what is
 *   there. If the session has ended meanwhile, they store nothing and report no error, because the response must be sent;
 *   their result is `false`, and the event `discarded` reports it.
 * - No update is lost: if another request was faster, the top-level properties that this one changed or deleted are applied
 *   to what is stored now. Within one property the last writer wins.
 *
 * Every method takes a callback; without one it returns a promise. Each fails with `StoreUnavailableError` (HTTP 503) when
 * Redis does not answer within `timeout` or cannot serve, and with `CorruptRecordError` when a key holds no session. But
 * express-session saves at the end of a response, when the head is already sent: if you must see whether a save fails, as in a
 * log-in, call `req.session.save(callback)` before you answer. Each method is one round trip unless its own text says more;
 * with `userId`, `set`, `touch` and `destroy` are two.
 *
 * Emits `discarded` ({@link DiscardedWrite}; also published on `node:diagnostics_channel` as `coatcheck:discarded`), and the
 * events that express-session knows: `disconnect` when the client has been closed or has given up, and `connect` when it can be
 * used again. After `disconnect` express-session serves requests as if they had no session. So there is no `disconnect` while
 * the client reconnects: calls then wait until `timeout`, and fail.
 * @example app.use(session({ store: new RedisStore({ client: new Redis() }), secret, resave: false, saveUninitialized: false }));
 */
export class RedisStore<Data extends object = SessionRecord> extends DropInStore<Data> {
  /** Makes a new session for a request. express-session assigns it. */
  declare generate: Generate;
  /** How long a session lives if its cookie has no expiry, in seconds; or the function that decides it. */
  readonly ttl: number | ((session: Data) => number);
  /** Whether touches are switched off. */
  readonly disableTouch: boolean;
  /** Whether sessions are stored without a time to live. */
  readonly disableTTL: boolean;
  /** How many keys Redis looks at in each step of a call that goes through all sessions. */
  readonly scanCount: number;
  readonly #touchInterval: number;
  readonly #touching: Touching;
  readonly #baselines = new Baselines();

  /** Does no I/O. Throws `TypeError` and `RangeError` for wrong options. */
  constructor(options: RedisStoreOptions<Data>) {
    const { ttl, disableTouch, disableTTL, touchInterval }: Partial<RedisStoreOptions<Data>> = options ?? {};
    const touches = !disableTouch && !disableTTL;
    // A touch moves the time to live, from which a load sets the expiry of the cookie; but not if a function `ttl` decides the
    // time.
    const isTold = touches && typeof ttl !== "function";
    const lifetime = isTold ? cookieLifetime : apartFromCookie;
    super(options, {
      names: EXPRESS_OPTIONS,
      prefix: "sess:",
      lifetime,
      clocked: isTold || (touches && !!touchInterval),
    });
    this.ttl = typeof ttl === "function" ? ttl : checkTtl(ttl ?? 86_400);
    this.disableTouch = checkBoolean("disableTouch", disableTouch ?? false);
    this.disableTTL = checkBoolean("disableTTL", disableTTL ?? false);
    this.scanCount = this.options.scanCount;
    this.#touchInterval = checkDuration("touchInterval", touchInterval ?? 0, 0);
    hintAtUnit("touchInterval", this.#touchInterval);
    if (this.#touchInterval > 0 && !touches) {
      const why = disableTouch ? "disableTouch" : "disableTTL";
      hint("COATCHECK_NO_EFFECT", "touchInterval", `touchInterval does nothing beside ${why}: no touch is sent at all`);
    }
    this.#touching = new Touching(this.records, this.text, lifetime, this);
  }

  /** Loads a session. `null`: there is none. Its cookie tells when it expires now. */
  get(sid: string): Promise<Data | null>;
  get(sid: string, callback: Callback<Data | null>): void;
  get(sid: string, callback?: Callback<Data | null>): Promise<Data | null> | undefined {
    if (callback === undefined) {
      return this.records.load<Data>(sid).then((loaded) => {
        if (loaded !== null) this.#baselines.stamp(loaded.data, loaded.baseline);
        return loaded?.data ?? null;
      });
    }
    const succeed = (loaded: Loaded<Data> | null) => {
      if (loaded === null) callback(null, null);
      else this.#baselines.handOver(loaded.data, loaded.baseline, this.#marks, callback);
    };
    this.records.fetch(sid, succeed, callback);
    return undefined;
  }

  /**
   * Saves a session. `false`: it was loaded before and has ended since, or its cookie has expired; nothing is stored. Fails
   * with `TypeError` if `cookie.expires` is not a date, and with `StoreUnavailableError` if the connection was lost and another
   * request has changed the session since: the save may have been made, and is not made again. If the first save of a new
   * session fails, or the connection was lost meanwhile and somebody may have ended the session, it is ended: this and each
   * later save of the request fail with `StoreUnavailableError`. One more round trip each time that another request was faster.
   * An object that neither the framework nor this store has made is stored in any case, over whatever is there.
   */
  set(sid: string, session: Data): Promise<boolean>;
  set(sid: string, session: Data, callback: Callback<boolean> | undefined): void;
  set(sid: string, session: Data, callback?: Callback<boolean>): Promise<boolean> | undefined {
    return deliver(() => this.#save(sid, session), callback);
  }

  /**
   * Extends a session: moves the time to live, from which the next load sets the expiry of the cookie. It writes the record
   * only if something else in the cookie has changed, or if the record is far behind. `false`: the session has ended. No round
   * trip with `disableTouch` or `disableTTL`, or before `touchInterval` has passed; two for a session that this store has not
   * loaded.
   */
  touch(sid: string, session: Data): Promise<boolean>;
  touch(sid: string, session: Data, callback: Callback<boolean> | undefined): void;
  touch(sid: string, session: Data, callback?: Callback<boolean>): Promise<boolean> | undefined {
    return deliver(() => this.#touch(sid, session), callback);
  }

  /** Ends a session. `false`: it was not live. After a lost connection nobody can tell, and the result is `true`. */
  destroy(sid: string): Promise<boolean>;
  destroy(sid: string, callback: Callback<boolean> | undefined): void;
  destroy(sid: string, callback?: Callback<boolean>): Promise<boolean> | undefined {
    return deliver(() => this.saving.end(sid), callback);
  }

  /** All sessions, each with its `id`. Looks through every key of the database, on every master of a cluster. */
  all(): Promise<ListedSession<Data>[]>;
  all(callback: Callback<ListedSession<Data>[]>): void;
  all(callback?: Callback<ListedSession<Data>[]>): Promise<ListedSession<Data>[]> | undefined {
    return deliver(() => this.#collect((sids) => loadLive<Data>(this.records, sids)), callback);
  }

  /** The ids of all sessions. Looks through every key of the database, on every master of a cluster. */
  ids(): Promise<string[]>;
  ids(callback: Callback<string[]>): void;
  ids(callback?: Callback<string[]>): Promise<string[]> | undefined {
    return deliver(() => this.#collect((sids) => sids), callback);
  }

  /** How many sessions there are. Looks through every key of the database, on every master of a cluster. */
  length(): Promise<number>;
  length(callback: Callback<number>): void;
  length(callback?: Callback<number>): Promise<number> | undefined {
    return deliver(async () => (await this.#collect((sids) => sids)).length, callback);
  }

  /** Ends all sessions. Looks through every key of the database, on every master of a cluster. */
  clear(): Promise<void>;
  clear(callback: Callback | undefined): void;
  clear(callback?: Callback): Promise<void> | undefined {
    return deliver(async () => {
      await this.#collect(async (sids) => {
        await Promise.all(sids.map((sid) => this.records.remove(sid)));
        return [];
      });
    }, callback);
  }

  // The methods below belong to express-session's own base class of stores. It calls them, and does not document them.

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
    const sid = request.sessionID as string;
    // A record may come from a cache or a copy, and not from `get`: it was loaded all the same, and is not new.
    const baseline = this.#baselines.of(data, sid) ?? this.records.baselineOf(sid, data);
    const session = createSession(this.generate, request, data);
    this.#baselines.stamp(session, baseline);
    return session;
  }

  #save(sid: string, session: Data): Promise<boolean> {
    const baseline = this.#baselines.ofSaved(session, sid, this.#marks);
    return this.saving.save(session, (record: Fields) => this.#ttlOf(record as Data), sid, baseline);
  }

  /** Whether records need a mark: the framework has assigned no `generate`, so it makes its session objects itself. */
  get #marks(): boolean {
    return this.generate === undefined;
  }

  #touch(sid: string, session: Data): Promise<boolean> {
    if (this.disableTouch || this.disableTTL) return Promise.resolve(true);
    const baseline = this.#baselines.of(session, sid);
    const ttl = this.#ttlInCookie(session);
    if (this.#isRecent(ttl, baseline)) return Promise.resolve(true);
    return this.#touching.touch(session, ttl, (record) => this.#ttlInCookie(record as Data), sid, baseline);
  }

  /** Whether a touch would move the expiry by too little for a round trip. */
  #isRecent(ttl: number, baseline: Baseline | undefined): boolean {
    if (this.#touchInterval === 0 || !baseline?.ttl || baseline.ttl.left < 0) return false;
    const moved = ttl - (baseline.ttl.left - (performance.now() - baseline.ttl.at));
    // A shorter lifetime is always written.
    return moved >= 0 && moved < Math.min(this.#touchInterval, ttl / 2);
  }

  #ttlOf(session: Data): number | null {
    const ttl = this.#ttlInCookie(session);
    return this.disableTTL && ttl > 0 ? null : ttl;
  }

  #ttlInCookie(session: Data): number {
    const { ttl } = this;
    if (typeof ttl === "function") return millisecondsOf("ttl", ttl(session));
    const { cookie } = session as { cookie?: { expires?: unknown } | null };
    const expires = cookie?.expires;
    if (expires === undefined || expires === null || expires === false) return millisecondsOf("ttl", ttl);
    return expiryOf(expires) - Date.now();
  }

  async #collect<T>(take: (sids: string[]) => T[] | Promise<T[]>): Promise<T[]> {
    const all: T[] = [];
    for await (const page of this.#pages()) {
      for (const one of await take(page)) all.push(one);
    }
    return all;
  }

  /** The ids of all sessions, a page at a time, each once. */
  async *#pages(): AsyncGenerator<string[]> {
    const seen = new Set<string>();
    for await (const keys of this.options.keyspace.keys(this.prefix, this.scanCount)) {
      const fresh = new Set(keys.filter((key) => !seen.has(key) && !this.index?.owns(key)));
      for (const key of fresh) seen.add(key);
      yield [...fresh].map((key) => key.slice(this.prefix.length));
    }
  }
}

/** When a cookie expires, epoch ms. Throws if that is not a date: nobody could load a session that is stored so. */
function expiryOf(expires: unknown): number {
  const isTime = typeof expires === "string" || typeof expires === "number" || expires instanceof Date;
  const end = isTime ? new Date(expires).getTime() : Number.NaN;
  if (!Number.isNaN(end)) return end;
  const got = expires instanceof Date ? "an invalid date, as from a maxAge of NaN or Infinity" : show(expires);
  throw new TypeError(`cookie.expires must be a date, got ${got}`);
}
