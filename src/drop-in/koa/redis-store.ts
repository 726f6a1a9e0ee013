/**
 * coatcheck/koa-session: an external store for koa-session, in the place of koa-redis: the same keys and values in Redis.
 */

import { Baseline } from "../baseline.js";
import { type Fields, koaLifetime } from "../merge.js";
import {
  checkLife,
  checkTtl,
  DROP_IN_OPTIONS,
  type DropInOptions,
  millisecondsOf,
  type SessionRecord,
} from "../options.js";
import { DropInStore } from "../store.js";

/** The options of {@link RedisStore}. */
export interface RedisStoreOptions<Data extends object = SessionRecord> extends Omit<DropInOptions<Data>, "scanCount"> {
  /** What the key of every session begins with. Default: `""`, as with koa-redis: koa-session has a `prefix` of its own. */
  readonly prefix?: string | undefined;
  /**
   * How long a session lives if it has no `maxAge`, or if that is `"session"`, in seconds. Such a cookie lasts until the
   * browser is closed, but nobody tells the server when that is. Every save starts the time again. Default: 86400, a day.
   */
  readonly ttl?: number | undefined;
}

/** The context of a request: from it the store knows what the request has loaded. */
interface Call {
  readonly ctx?: object | undefined;
}

/**
 * A session store in Redis for koa-session.
 *
 * - A session that was destroyed stays destroyed: if a request has loaded a session, `set` only replaces what is there. If
 *   the session has ended meanwhile, it stores nothing and reports no error, because the response must be sent; the event
 *   `discarded` reports it.
 * - No update is lost: if another request was faster, the top-level properties that this one changed or deleted are applied
 *   to what is stored now. Within one property the last writer wins.
 *
 * Every method fails with `StoreUnavailableError` (HTTP 503) when Redis does not answer within `timeout` or cannot serve, and
 * with `CorruptRecordError` when a key holds no session. Each method is one round trip unless its own text says more; with
 * `userId`, `set` and `destroy` are two.
 *
 * Emits `discarded` ({@link DiscardedWrite}; also published on `node:diagnostics_channel` as `coatcheck:discarded`), and like
 * koa-redis `disconnect`, when the client has been closed or has given up, and `connect`, when it can be used again.
 * @example app.use(session({ store: new RedisStore({ client: new Redis() }) }, app));
 */
export class RedisStore<Data extends object = SessionRecord> extends DropInStore<Data> {
  /** How long a session lives if it has no time of its own, in seconds. */
  readonly ttl: number;
  /** What each request has loaded or saved, by session id. */
  readonly #baselines = new WeakMap<object, Map<string, Baseline>>();

  /** Does no I/O. Throws `TypeError` and `RangeError` for wrong options. */
  constructor(options: RedisStoreOptions<Data>) {
    const names = [...DROP_IN_OPTIONS.filter((name) => name !== "scanCount"), "ttl"];
    super(options, { names, prefix: "", lifetime: koaLifetime, clocked: false });
    this.ttl = checkTtl(options.ttl ?? 86_400);
  }

  /** Loads a session. `null`: there is none. */
  async get(key: string, _maxAge?: unknown, { ctx }: Call = {}): Promise<Data | null> {
    const loaded = await this.records.load<Data>(key);
    if (loaded === null) return null;
    this.#baselinesOf(ctx)?.set(key, loaded.baseline);
    return loaded.data;
  }

  /**
   * Saves a session for `maxAge` ms, or for `ttl` if that is not a number. Nothing is stored if the request had loaded the
   * session and it has ended since. One more round trip each time that another request was faster. Without a `ctx` the session
   * is stored in any case, over whatever is there.
   */
  async set(key: string, session: Data, maxAge?: unknown, { ctx }: Call = {}): Promise<void> {
    const baselines = this.#baselinesOf(ctx);
    const baseline = baselines?.get(key) ?? new Baseline(key, null);
    baselines?.set(key, baseline);
    const fallback = millisecondsOf("ttl", this.ttl);
    const given = typeof maxAge === "number" ? checkLife("maxAge", maxAge) : fallback;
    const expire = (session as Fields)["_expire"];
    const ttlOf = (record: Fields) => {
      // If the times of another request are kept, the time to live follows them.
      const until = record["_expire"];
      if (until === expire) return given;
      if (typeof until !== "number") return fallback;
      return Math.ceil(typeof expire === "number" ? given + until - expire : until - Date.now());
    };
    await this.saving.save(session, ttlOf, key, baselines && baseline);
  }

  /** Ends a session. */
  async destroy(key: string, { ctx }: Call = {}): Promise<void> {
    // If this request stores a session with the same id again, that is a new one: not every `genid` is random.
    this.#baselinesOf(ctx)?.delete(key);
    await this.saving.end(key);
  }

  #baselinesOf(ctx: object | undefined): Map<string, Baseline> | undefined {
    if (ctx === undefined) return undefined;
    const known = this.#baselines.get(ctx) ?? new Map<string, Baseline>();
    this.#baselines.set(ctx, known);
    return known;
  }
}
