/** What one request knows of a session in Redis. It knows no Redis and no framework. */

/** A record as Redis holds it, and whose it is. */
export interface Version {
  readonly text: string;
  readonly userId: string | undefined;
}

/**
 * What a request has loaded, and what its changes are counted from. A save that has a baseline replaces what is in Redis
 * and never brings it back; only a session that was never stored may be created.
 */
export class Baseline {
  readonly sid: string;
  /** What Redis holds as far as this request knows; `null` until a new session is stored. */
  stored: Version | null;
  /**
   * The text of what the application's object held when it was last in step with Redis: its changes count from here. It
   * differs from `stored` after a save that was put on top of another request's change, which the object does not know.
   * `null`: nothing.
   */
  seen: string | null;
  /**
   * Whether this is a new session whose first save failed. Nobody knows then what is stored, and somebody may have ended
   * it meanwhile: so no later save may create it.
   */
  failed = false;
  /** The times in `seen`, in a copy; `undefined` if somebody has to look there. */
  times: Readonly<Record<string, unknown>> | undefined;
  /** How long the session had to live when it was loaded, where that was asked for: ms (-1 for ever), and when it was. */
  readonly ttl: { readonly left: number; readonly at: number } | null;
  /** The store that gave it out: no other store may use it. */
  owner: object | undefined;
  #last: Promise<unknown> | undefined;

  constructor(sid: string, stored: Version | null, ttl: Baseline["ttl"] = null) {
    this.sid = sid;
    this.stored = stored;
    this.seen = stored?.text ?? null;
    this.ttl = ttl;
  }

  /** Runs the writes of one request one after the other: each has to know what the one before it has stored. */
  inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.#last === undefined ? write() : this.#last.then(write, write);
    this.#last = turn;
    return turn;
  }
}
