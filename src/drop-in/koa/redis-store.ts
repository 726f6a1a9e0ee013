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
   * How long a session lives that has no `maxAge`, or `"session"` for one, in seconds: as long as the browser is open, but
   * nobody tells the server when it is closed. Every save begins it anew. Default: 86400, a day.
   */
  readonly ttl?: number | undefined;
}

/** The context of a request, by which the store knows what the request has loaded. */
interface Call {
  readonly ctx?: object | undefined;
}

/**
 * A session store in Redis for koa-session.
 *
 * - A session that was destroyed stays destroyed: what a request has loaded, `set` only ever replaces. If the session
 *   has ended meanwhile it stores nothing and reports no error, because the response has to go out; the event `discarded`
 *   tells of it.
 * - No update is lost: where another request was faster, the top-level properties that this one changed or deleted go on
 *   top of what is stored now. Within one property the last writer wins.
 *
 * Every method fails with `StoreUnavailableError` (HTTP 503) when Redis does not answer within `timeout` or cannot serve,
 * and with `CorruptRecordError` when a key holds no session. Each is one round trip if nothing else is said; with
 * `userId`, `set` and `destroy` are two.
 *
 * Emits `discarded` ({@link DiscardedWrite}; also published on `node:diagnostics_channel` as `coatcheck:discarded`), and as
 * koa-redis does `disconnect`, when the client has been closed or has given up, and `connect`, when it is there again.
 * @example app.use(session({ store: new RedisStore({ client: new Redis() }) }, app));
 */
export class RedisStore<Data extends object = SessionRecord> extends DropInStore<Data> {
  /** How long a session lives that says nothing of it, in seconds. */
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
   * Saves a session for `maxAge` ms; where that is no number, for `ttl`. Nothing is stored where the request had loaded it
   * and it has ended since. One round trip more each time that another request was faster. Without a `ctx` the session is
   * stored whatever is there.
   */
  async set(key: string, session: Data, maxAge?: unknown, { ctx }: Call = {}): Promise<void> {
    const baselines = this.#baselinesOf(ctx);
    const baseline = baselines?.get(key) ?? new Baseline(key, null);
    baselines?.set(key, baseline);
    const fallback = millisecondsOf("ttl", this.ttl);
    const given = typeof maxAge === "number" ? checkLife("maxAge", maxAge) : fallback;
    const expire = (session as Fields)["_expire"];
    const ttlOf = (record: Fields) => {
      // If other times have won than those of this request, the time to live goes with them.
      const until = record["_expire"];
      if (until === expire) return given;
      if (typeof until !== "number") return fallback;
      return Math.ceil(typeof expire === "number" ? given + until - expire : until - Date.now());
    };
    await this.saving.save(session, ttlOf, key, baselines && baseline);
  }

  /** Ends a session. */
  async destroy(key: string, { ctx }: Call = {}): Promise<void> {
    // Should this very request store one under the same id again, that is a new one: not every `genid` is random.
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
