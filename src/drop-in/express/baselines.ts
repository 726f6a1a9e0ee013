/**
 * Finds the baseline of a framework's session object. A framework asks a store for a record, makes an object of its own from
 * it, and later passes this object to `set`. The object does not tell whether it is new, nor from which record it was made.
 * This file knows how express-session and @fastify/session make their objects, and nothing of Redis.
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
 * Puts a private field on an object that is not ours. Nobody sees the field, and it is freed with the object. A WeakMap does
 * the same, but took a third of the time of a `get`, mostly in the garbage collector.
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

/** What a record inherits while a framework makes its own object from it. */
interface Mark {
  (this: object): object;
  [BASELINE]?: Baseline;
}

/** A session object of a framework that has copied the mark. */
interface Marked {
  toJSON?: Mark;
}

export class Baselines {
  /** The baselines of each request of @fastify/session. */
  readonly #byRequest = new WeakMap<object, Map<string, Baseline>>();

  /** Remembers the baseline of a record, or of a session of express-session. */
  stamp(object: object, baseline: Baseline): void {
    baseline.owner = this;
    Stamp.put(object, baseline);
  }

  /** The same for a session object of any framework. */
  remember(session: object, baseline: Baseline): void {
    this.stamp(session, baseline);
    const request = fastifyRequestOf(session);
    if (request === undefined) return;
    const known = this.#byRequest.get(request) ?? new Map<string, Baseline>();
    this.#byRequest.set(request, known.set(baseline.sid, baseline));
  }

  /** The baseline of a session or record; `undefined` if this store has not given it out. */
  of(session: object, sid: string): Baseline | undefined {
    const { toJSON } = session as Marked;
    const baseline = Stamp.of(session) ?? toJSON?.[BASELINE];
    // The application may have loaded it under another id, or from another store.
    return baseline?.sid === sid && baseline.owner === this ? baseline : undefined;
  }

  /**
   * The baseline of a session that is about to be saved. If the framework has just made it, it gets a new baseline that says
   * so. `undefined`: the application has made the object itself.
   */
  ofSaved(session: object, sid: string, marked: boolean): Baseline | undefined {
    const known = this.of(session, sid);
    if (known !== undefined) return known;
    const request = fastifyRequestOf(session);
    if (request !== undefined && !marked) {
      throw new TypeError("A store that express-session uses cannot serve @fastify/session, too: make one for each");
    }
    if (request === undefined && !isExpressSession(session, sid)) return undefined;
    // A `reload` of @fastify/session makes an empty session with the old id if the store has none any more. It must not replace
    // the session that ended.
    const before = request && this.#byRequest.get(request)?.get(sid);
    const baseline = new Baseline(sid, before?.stored ?? null);
    if (before !== undefined) baseline.seen = null;
    this.remember(session, baseline);
    return baseline;
  }

  /**
   * Passes a record to a framework's callback, and gives its baseline to the session object that the framework makes from it.
   * Express-session asks the store to make the object, so it needs no mark. @fastify/session makes the object itself, inside
   * the callback: it copies all enumerable properties, inherited ones too, and then hashes the JSON of the new object. So
   * during the callback the record inherits a `toJSON`: it is copied, called on the new object, and removes itself from there.
   * If no hash is taken, it stays on the object, and `of` finds it there. The record's own properties do not change, because
   * the caller may be an application that copies or compares them.
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
      // The record itself inherits it, and must not change.
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

/** The request of a session object of @fastify/session, which keeps it under a symbol. */
function fastifyRequestOf(session: object): object | undefined {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === "request");
  return symbol && (session as Record<symbol, object>)[symbol];
}

/** Whether a session object is made by express-session, which puts its request and id on it as hidden properties. */
function isExpressSession(session: object, sid: string): boolean {
  const hidden = (name: string) => Object.getOwnPropertyDescriptor(session, name);
  return hidden("req")?.enumerable === false && hidden("id")?.value === sid;
}
