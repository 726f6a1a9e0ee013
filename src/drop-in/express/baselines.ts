/**
 * Which session object of a framework came from where. A framework asks a store for a record, makes an object of its own
 * from it, and later hands that to `set`, which by itself does not tell whether it is new, and if not, from what it was
 * made. It knows how express-session and @fastify/session make their objects, and nothing of Redis.
 */
import { Origin } from "../baseline.js";

const ORIGIN = Symbol("origin");

class Carrier {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: so that the class below puts its field on this object.
    return object;
  }
}

/**
 * A private field on an object of somebody else's, which nobody sees, and which goes with the object. A WeakMap does the
 * same, and took a third of the time of a `get`, most of it in the garbage collector.
 */
class Stamp extends Carrier {
  #origin: Origin;

  private constructor(object: object, origin: Origin) {
    super(object);
    this.#origin = origin;
  }

  static put(object: object, origin: Origin): void {
    if (#origin in object) object.#origin = origin;
    else new Stamp(object, origin);
  }

  static of(object: object): Origin | undefined {
    return #origin in object ? object.#origin : undefined;
  }
}

/** A record on its way to the framework, marked. */
interface Marked {
  toJSON?: Mark;
}

/** What marks it. */
interface Mark {
  (this: Marked): object;
  [ORIGIN]?: Origin;
}

export class Origins {
  /** What each request of @fastify/session knows. */
  readonly #byRequest = new WeakMap<object, Map<string, Origin>>();

  /** Remembers where a session, or a record, came from. */
  remember(session: object, origin: Origin): void {
    this.#stamp(session, origin);
    const request = fastifyRequestOf(session);
    if (request === undefined) return;
    const known = this.#byRequest.get(request) ?? new Map<string, Origin>();
    this.#byRequest.set(request, known.set(origin.sid, origin));
  }

  /** Where a session or record came from; `undefined` for what this store has not given out. */
  of(session: object, sid: string): Origin | undefined {
    const { toJSON } = session as Marked;
    const origin = Stamp.of(session) ?? toJSON?.[ORIGIN];
    // The application may store what it loaded under another id, or in another store.
    return origin?.sid === sid && origin.owner === this ? origin : undefined;
  }

  #stamp(object: object, origin: Origin): void {
    origin.owner = this;
    Stamp.put(object, origin);
  }

  /**
   * The same for a session that is about to be saved. Where the framework itself has just made it, it gets an origin that
   * says so; `undefined` only for an object of the application's own.
   */
  ofSaved(session: object, sid: string, marked: boolean): Origin | undefined {
    const known = this.of(session, sid);
    if (known !== undefined) return known;
    const request = fastifyRequestOf(session);
    if (request !== undefined && !marked) {
      throw new TypeError("A store that express-session uses cannot serve @fastify/session, too: make one for each");
    }
    if (request === undefined && !isExpressSession(session, sid)) return undefined;
    // A `reload` of @fastify/session makes an empty session under the old id where the store has none any more. It must
    // not take the place of the one that ended.
    const before = request && this.#byRequest.get(request)?.get(sid);
    const origin = new Origin(sid, before?.stored ?? null);
    if (before !== undefined) origin.seen = null;
    this.remember(session, origin);
    return origin;
  }

  /**
   * Hands a record to a framework's callback, so that the session object which the framework makes from it is known by its
   * origin. Express-session asks the store to make it, and needs no mark. @fastify/session makes it by itself, inside the callback: it copies
   * every property, also the `toJSON` that the record has for just this moment, and then takes a hash of the JSON of its
   * new object. So that function is called on the object, and takes itself off again. Were the hash not taken, it would
   * stay on the object, where `of` finds it.
   */
  handOver<Data extends object>(
    data: Data,
    origin: Origin,
    marked: boolean,
    callback: (error: null, data: Data) => void,
  ): void {
    this.#stamp(data, origin);
    if (!marked || "toJSON" in data) {
      callback(null, data);
      return;
    }
    const origins = this;
    const mark: Mark = function toJSON() {
      origins.remember(this, origin);
      delete this.toJSON;
      return this;
    };
    mark[ORIGIN] = origin;
    (data as Marked).toJSON = mark;
    try {
      callback(null, data);
    } finally {
      this.unmark(data);
    }
  }

  /** Takes the mark off a record. */
  unmark(data: object): void {
    if ((data as Marked).toJSON?.[ORIGIN] !== undefined) delete (data as Marked).toJSON;
  }
}

/** The request of a session object of @fastify/session, which keeps it under a symbol of its own. */
function fastifyRequestOf(session: object): object | undefined {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === "request");
  return symbol && (session as Record<symbol, object>)[symbol];
}

/** Whether a session object is one of express-session's, which carries its request and its id hidden. */
function isExpressSession(session: object, sid: string): boolean {
  const hidden = (name: string) => Object.getOwnPropertyDescriptor(session, name);
  return hidden("req")?.enumerable === false && hidden("id")?.value === sid;
}
