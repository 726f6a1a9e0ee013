/** What one request knows of a session in Redis. It knows no Redis and no framework. */

/** A record as Redis holds it, and whose it is. */
export interface Version {
  readonly text: string;
  readonly userId: string | undefined;
}

/**
 * Where a session that the application holds came from. Whoever saves a session that has an origin replaces what is
 * there and never brings it back; only one that was never stored may be created.
 */
export class Origin {
  readonly sid: string;
  /** What Redis holds as far as this request knows; `null` until a new session is stored. */
  stored: Version | null;
  /**
   * What the application's own object held when it was last in step with Redis: its changes count from here. Another text
   * than `stored` where a save put them on top of another request's, of which the object knows nothing. `null`: nothing.
   */
  seen: string | null;
  /**
   * Whether it is a new session whose first save failed. Nobody knows then what is stored, and somebody may have ended it
   * meanwhile: so no later save may make it.
   */
  failed = false;
  /** How long the session had to live when it was loaded, where that was asked for: ms (-1 for ever), and when it was. */
  readonly ttl: { readonly left: number; readonly at: number } | null;
  /** What remembers it, for one store alone. */
  owner: object | undefined;
  #last: Promise<unknown> | undefined;

  constructor(sid: string, stored: Version | null, ttl: Origin["ttl"] = null) {
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
