/**
 * Assignments that work with libraries which save a session at the end of a request: here `req.session.cart = …` and
 * `req.session = null` would be lost without an error, so they throw, in sloppy CommonJS too.
 */

/**
 * The end of the prototype chain of a request's session. Only names that the session does not have are looked up here, so it
 * costs nothing to read the others.
 */
export const noAssignments: object = new Proxy(
  {},
  {
    set(_, name) {
      throw new TypeError(
        `${String(name)} cannot be assigned to the session of a request: nothing is saved when the response ends. ` +
          `Change claims with await session.updateClaims({ ${String(name)}: … })`,
      );
    },
  },
);

/** A property of requests that holds their sessions. */
export interface SessionProperty {
  /** Under which a request keeps its session, beside the property that everybody sees. */
  readonly key: symbol;
  readonly get: (this: object) => unknown;
  readonly set: () => never;
}

const properties = new Map<string, SessionProperty>();

/**
 * The property of a name. Its accessors are the same for all requests: with a getter of its own for each, an engine would give
 * every request a hidden class of its own, which took longer than the rest of a short answer.
 */
export function sessionProperty(name: string): SessionProperty {
  const known = properties.get(name);
  if (known !== undefined) return known;
  const key = Symbol(`coatcheck.${name}`);
  const made: SessionProperty = {
    key,
    get() {
      return Reflect.get(this, key);
    },
    set: refuseReplacement,
  };
  properties.set(name, made);
  return made;
}

/** Puts the session of a request into a property of its framework, where nothing else can replace it. */
export function attachSession(holder: object, name: string, session: object): void {
  const { key, get, set } = sessionProperty(name);
  // Express-session would look for its own when the response ends, and never end it.
  if (Object.getOwnPropertyDescriptor(holder, name)?.value) {
    throw new TypeError(`Another library has put its own ${JSON.stringify(name)} on the request: use one of the two`);
  }
  // If it has the key, its framework has made the property already, or another `sessions()` before in the application.
  if (!(key in holder)) {
    Object.defineProperty(holder, name, { get, set, enumerable: true, configurable: true });
    Object.defineProperty(holder, key, { writable: true, configurable: true });
  }
  Reflect.set(holder, key, session);
}

function refuseReplacement(): never {
  throw new TypeError(
    "The session of a request cannot be replaced: log out with await session.end(), log in with await session.start()",
  );
}

/** Makes an assignment to a property that only has a getter throw in sloppy code too. */
export function refuseAssignment(prototype: object, name: string): void {
  Object.defineProperty(prototype, name, {
    ...Object.getOwnPropertyDescriptor(prototype, name),
    set() {
      throw new TypeError(`session.${name} cannot be assigned: log out with await session.end()`);
    },
  });
}
