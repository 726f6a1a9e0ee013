import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import * as errors from "../../src/leaves/errors.js";

const {
  ClaimsError,
  CorruptRecordError,
  isSessionError,
  NotReplicatedError,
  SessionError,
  SessionLimitError,
  StoreUnavailableError,
  UserBlockedError,
} = errors;

const cause = new Error("the cause");

describe.each([
  {
    error: new StoreUnavailableError("Redis is down", cause),
    expected: { name: "StoreUnavailableError", code: "STORE_UNAVAILABLE", message: "Redis is down", cause },
    http: { status: 503, expose: false },
  },
  {
    error: new CorruptRecordError('a"key', cause),
    expected: {
      name: "CorruptRecordError",
      code: "CORRUPT_RECORD",
      key: 'a"key',
      message: 'The key "a\\"key" does not hold what coatcheck keeps there',
      cause,
    },
  },
  {
    error: new ClaimsError("The claims are too large"),
    expected: { name: "ClaimsError", code: "CLAIMS", message: "The claims are too large", issues: [] },
  },
  {
    error: new SessionLimitError(3),
    expected: {
      name: "SessionLimitError",
      code: "SESSION_LIMIT",
      limit: 3,
      message: "The user already has 3 live sessions",
    },
    http: { status: 403, expose: true },
  },
  {
    error: new UserBlockedError(1_700_000_000_000, "chargeback"),
    expected: {
      name: "UserBlockedError",
      code: "USER_BLOCKED",
      until: 1_700_000_000_000,
      reason: "chargeback",
      message: "The user is blocked",
    },
    http: { status: 403, expose: true },
  },
  {
    error: new NotReplicatedError(1, 2),
    expected: {
      name: "NotReplicatedError",
      code: "NOT_REPLICATED",
      confirmed: 1,
      wanted: 2,
      message: "Revoked on the primary, but 1 of 2 replicas confirmed it in time",
    },
    http: { status: 503, expose: false },
  },
])("$expected.name", ({ error, expected, http }) => {
  it("has a literal name, a stable code and what belongs to it", () => {
    expect(error).toMatchObject(expected);
    // Bundlers rename classes, so the name must be a property with a value of its own.
    expect(Object.getOwnPropertyDescriptor(error, "name")?.value).toBe(expected.name);
    expect(inspect(error)).toContain(`${expected.name}: ${expected.message}`);
  });

  it("is a SessionError, and an Error with a stack", () => {
    expect(error).toBeInstanceOf(SessionError);
    expect(error).toBeInstanceOf(Error);
    // Anybody can make a server print the errors of clients, so these are short.
    if (http !== undefined && http.status < 500) expect(error.stack).toBe(`${error.name}: ${error.message}`);
    else expect(error.stack).toContain("errors.test.ts");
    expect(isSessionError(error)).toBe(true);
  });

  it(http === undefined ? "has no HTTP status" : `stands for HTTP ${http.status}`, () => {
    const { status, statusCode, expose } = error;
    expect({ status, statusCode, expose }).toEqual(
      http === undefined
        ? { status: undefined, statusCode: undefined, expose: undefined }
        : { status: http.status, statusCode: http.status, expose: http.expose },
    );
    // Frameworks look with `in`: a property that is undefined would count as one.
    expect("status" in error).toBe(http !== undefined);
  });

  it("has a cause only where it was given one", () => {
    expect("cause" in error).toBe("cause" in expected);
  });

  it("does not show its brand", () => {
    expect(inspect(error)).not.toContain("Symbol");
    expect(JSON.stringify(error)).not.toContain("brand");
  });
});

describe("every error class of the module", () => {
  it("has a code that no other has", () => {
    const classes = Object.entries(errors).filter(([name]) => name.endsWith("Error") && name !== "isSessionError");
    const made = classes
      .filter(([name]) => name !== "SessionError")
      .map(([name, Class]) => [name, Reflect.construct(Class, ["text", {}, {}])] as [string, errors.SessionError]);
    expect(made.length).toBeGreaterThanOrEqual(6);
    for (const [name, error] of made) expect(error.name).toBe(name);
    expect(new Set(made.map(([, { code }]) => code)).size).toBe(made.length);
  });

  it("speaks of one session in the singular", () => {
    expect(new SessionLimitError(1).message).toBe("The user already has 1 live session");
  });
});

describe("isSessionError", () => {
  it("recognises errors of another copy of the package, which instanceof does not", async () => {
    vi.resetModules();
    const copy: typeof errors = await import("../../src/leaves/errors.js");
    const foreign = new copy.UserBlockedError(null, null);
    expect(foreign).not.toBeInstanceOf(SessionError);
    expect(isSessionError(foreign)).toBe(true);
    expect(copy.isSessionError(new UserBlockedError(null, null))).toBe(true);
  });

  it.each([
    ["an ordinary error", new Error("SessionError")],
    ["a TypeError", new TypeError("x")],
    ["an object that looks like one", { name: "SessionError", code: "CLAIMS", message: "x" }],
    ["undefined", undefined],
    ["null", null],
    ["a string", "SessionError"],
    ["a function", () => new SessionError("CODE", "x")],
  ])("refuses %s", (_, value) => {
    expect(isSessionError(value)).toBe(false);
  });
});
