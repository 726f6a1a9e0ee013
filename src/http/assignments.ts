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

/** Puts the session of a request into a property of its framework, where nothing else can replace it. */
export function attachSession(holder: object, name: string, session: object): void {
  const before = Object.getOwnPropertyDescriptor(holder, name);
  // Express-session would look for its own when the response ends, and never end it.
  if (before?.value) {
    throw new TypeError(`Another library has put its own ${JSON.stringify(name)} on the request: use one of the two`);
  }
  Object.defineProperty(holder, name, {
    get: () => session,
    set: refuseReplacement,
    enumerable: true,
    // Another `sessions()` further in the application may put its own here.
    configurable: true,
  });
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
