/** What one request knows of a session in Redis. It knows no Redis and no framework. */

/** A record as Redis holds it, and whose it is. */
export interface Version {
  readonly text: string;
  readonly userId: string | undefined;
}

/**
 * What a request has loaded: its changes are counted from here. A save with a baseline replaces what is in Redis, and never
 * brings an ended session back; it may only create a session that was never stored.
 */
export class Baseline {
  readonly sid: string;
  /** What Redis holds as far as this request knows; `null` until a new session is stored. */
  stored: Version | null;
  /**
   * The text of the application's object when it was last in step with Redis: its changes are counted from here. It differs
   * from `stored` after a save that was merged with the change of another request, which the object does not know. `null`:
   * nothing.
   */
  seen: string | null;
  /**
   * Whether this is a new session whose first save failed. Then nobody knows what is stored, and the session may have been
   * ended meanwhile: so no later save may create it.
   */
  failed = false;
  /** A copy of the times in `seen`; `undefined` if they must be read from there. */
  times: Readonly<Record<string, unknown>> | undefined;
  /**
   * How long the session had to live when it was loaded, ms (-1 for ever), and when that was; `null` if it was not asked for.
   */
  readonly ttl: { readonly left: number; readonly at: number } | null;
  /** The store that has made it: no other store may use it. */
  owner: object | undefined;
  #last: Promise<unknown> | undefined;

  constructor(sid: string, stored: Version | null, ttl: Baseline["ttl"] = null) {
    this.sid = sid;
    this.stored = stored;
    this.seen = stored?.text ?? null;
    this.ttl = ttl;
  }

  /** Runs the writes of one request one after the other: each must know what the one before it has stored. */
  inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.#last === undefined ? write() : this.#last.then(write, write);
    this.#last = turn;
    return turn;
  }
}
