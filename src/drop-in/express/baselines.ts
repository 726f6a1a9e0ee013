/**
 * Which baseline a session object of a framework has. A framework asks a store for a record, makes an object of its own
 * from it, and later hands that to `set`, which by itself does not tell whether it is new, and if not, from what it was
 * made. It knows how express-session and @fastify/session make their objects, and nothing of Redis.
 */
import { Baseline } from "../baseline.js";

const BASELINE = Symbol("baseline");

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
  #baseline: Baseline;

  private constructor(object: object, baseline: Baseline) {
    super(object);
    this.#baseline = baseline;
  }

  static put(object: object, baseline: Baseline): void {
    if (#baseline in object) object.#baseline = baseline;
    else new Stamp(object, baseline);
  }

  static of(object: object): Baseline | undefined {
    return #baseline in object ? object.#baseline : undefined;
  }
}

/** What a record inherits for the moment in which a framework makes its own object of it. */
interface Mark {
  (this: object): object;
  [BASELINE]?: Baseline;
}

/** A session object of a framework that has copied the mark. */
interface Marked {
  toJSON?: Mark;
}

export class Baselines {
  /** What each request of @fastify/session knows. */
  readonly #byRequest = new WeakMap<object, Map<string, Baseline>>();

  /** Remembers the baseline of a record, or of a session of express-session. */
  stamp(object: object, baseline: Baseline): void {
    baseline.owner = this;
    Stamp.put(object, baseline);
  }

  /** The same for a session of any framework. */
  remember(session: object, baseline: Baseline): void {
    this.stamp(session, baseline);
    const request = fastifyRequestOf(session);
    if (request === undefined) return;
    const known = this.#byRequest.get(request) ?? new Map<string, Baseline>();
    this.#byRequest.set(request, known.set(baseline.sid, baseline));
  }

  /** The baseline of a session or record; `undefined` for what this store has not given out. */
  of(session: object, sid: string): Baseline | undefined {
    const { toJSON } = session as Marked;
    const baseline = Stamp.of(session) ?? toJSON?.[BASELINE];
    // The application may store what it loaded under another id, or in another store.
    return baseline?.sid === sid && baseline.owner === this ? baseline : undefined;
  }

  /**
   * The baseline of a session that is about to be saved. If the framework itself has just made it, it gets a baseline that
   * says so; `undefined` only for an object of the application's own.
   */
  ofSaved(session: object, sid: string, marked: boolean): Baseline | undefined {
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
    const baseline = new Baseline(sid, before?.stored ?? null);
    if (before !== undefined) baseline.seen = null;
    this.remember(session, baseline);
    return baseline;
  }

  /**
   * Hands a record to a framework's callback, so that the baseline of the session object which the framework makes from it
   * is known. Express-session asks the store to make it, and needs no mark. @fastify/session makes it by itself, inside the
   * callback: it copies every enumerable property, inherited ones too, and then takes a hash of the JSON of its new object.
   * So for just this moment the record inherits a `toJSON`: it is copied, called on the new object, and removes itself
   * there. If no hash were taken, it would stay on the object, where `of` finds it. The record's own properties are never
   * touched, because the caller may be an application that copies or compares it.
   */
  handOver<Data extends object>(
    data: Data,
    baseline: Baseline,
    marked: boolean,
    callback: (error: null, data: Data) => void,
  ): void {
    this.stamp(data, baseline);
    if (!marked || "toJSON" in data) {
      callback(null, data);
      return;
    }
    const baselines = this;
    const mark: Mark = function toJSON() {
      // The record itself inherits it, and stays what it is.
      if (this !== data) baselines.remember(this, baseline);
      delete (this as Marked).toJSON;
      return this;
    };
    mark[BASELINE] = baseline;
    const prototype: object | null = Object.getPrototypeOf(data);
    Object.setPrototypeOf(data, Object.create(prototype, { toJSON: { value: mark, enumerable: true } }));
    try {
      callback(null, data);
    } finally {
      Object.setPrototypeOf(data, prototype);
    }
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
