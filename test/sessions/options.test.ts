/** Wrong options: every one is refused before any I/O, by name, with what was expected and what came. */
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStoreOptions } from "../../src/index.js";
import {
  checkBoolean,
  checkClaims,
  checkDuration,
  checkInteger,
  checkNames,
  checkOneOf,
  checkString,
  checkUserId,
} from "../../src/leaves/arguments.js";
import { untouchable } from "../harness/untouchable.js";

/** A caller in JavaScript may pass anything. */
const anything = (value: unknown) => value as never;

const TEN_YEARS = 315_360_000_000;

describe("the checks", () => {
  it("give back what they accept", () => {
    expect(checkInteger("n", 5, 5, 5)).toBe(5);
    expect(checkDuration("t", 1)).toBe(1);
    expect(checkDuration("t", 0, 0)).toBe(0);
    expect(checkDuration("t", TEN_YEARS)).toBe(TEN_YEARS);
    expect(checkBoolean("b", false)).toBe(false);
    expect(checkString("s", "")).toBe("");
    expect(checkString("s", "abc", 3)).toBe("abc");
    expect(checkUserId("😀".repeat(64))).toBe("😀".repeat(64));
    const claims = { a: 1 };
    expect(checkClaims("claims", claims)).toBe(claims);
    checkOneOf("o", "a", ["a", "b"]);
    checkNames("f", { a: 1 }, ["a", "b"]);
    checkNames("f", Object.create({ inherited: 1 }), []);
  });

  const long = "s3cret".repeat(10);
  it.each<[string, () => unknown, TypeError | RangeError]>([
    ["a string for a number", () => checkInteger("n", "5", 1), new TypeError('n must be a number, got "5"')],
    ["NaN", () => checkInteger("n", Number.NaN, 1, 9), new RangeError("n must be an integer from 1 to 9, got NaN")],
    ["a fraction", () => checkInteger("n", 1.5, 1, 9), new RangeError("n must be an integer from 1 to 9, got 1.5")],
    ["too little", () => checkInteger("n", 0, 1, 9), new RangeError("n must be an integer from 1 to 9, got 0")],
    ["too much", () => checkInteger("n", 10, 1, 9), new RangeError("n must be an integer from 1 to 9, got 10")],
    ["a bigint", () => checkInteger("n", 5n, 1), new TypeError("n must be a number, got 5")],
    [
      "eleven years",
      () => checkDuration("t", TEN_YEARS + 1),
      new RangeError(`t (ms) must be an integer from 1 to ${TEN_YEARS}, got ${TEN_YEARS + 1}`),
    ],
    ["a number for a boolean", () => checkBoolean("b", 1), new TypeError("b must be a boolean, got 1")],
    ["a number for one of", () => checkOneOf("o", 1, ["a"]), new TypeError("o must be a string, got 1")],
    ["none of", () => checkOneOf("o", "c", ["a", "b"]), new RangeError('o must be one of "a", "b", got "c"')],
    ["no string", () => checkString("s", null), new TypeError("s must be a string, got null")],
    ["a long string", () => checkString("s", "abcd", 3), new RangeError("s must have at most 3 characters, got 4")],
    ["an empty user id", () => checkUserId(""), new RangeError("userId must have 1 to 256 bytes, got 0")],
    ["a long user id", () => checkUserId("x".repeat(257)), new RangeError("userId must have 1 to 256 bytes, got 257")],
    [
      "a user id of bytes",
      () => checkUserId("é".repeat(129)),
      new RangeError("userId must have 1 to 256 bytes, got 258"),
    ],
    ["a date for a number", () => checkInteger("n", new Date(0), 1), new TypeError("n must be a number, got a Date")],
    ["a number for a user id", () => checkUserId(42), new TypeError("userId must be a string, got 42")],
    ["a list of claims", () => checkClaims("claims", [1]), new TypeError("claims must be an object, got an array")],
    ["a function", () => checkClaims("claims", () => 1), new TypeError("claims must be an object, got a function")],
    ["a symbol", () => checkClaims("claims", Symbol("s")), new TypeError("claims must be an object, got Symbol(s)")],
    ["no options", () => checkNames("f", null, []), new TypeError("The options of f must be an object, got null")],
    [
      "an unknown option",
      () => checkNames("f", { c: 1 }, ["a", "b"]),
      new TypeError('f: there is no option "c"; the options are a, b'),
    ],
    // A long string might be a token: its content is nobody's business.
    [
      "a long string",
      () => checkClaims("claims", long),
      new TypeError("claims must be an object, got a string of 60 characters"),
    ],
    ["an object", () => checkString("s", { long }), new TypeError("s must be a string, got an object")],
  ])("refuse %s", (_, check, expected) => {
    expectThrown(check, expected);
  });
});

describe("createSessionStore", () => {
  it("does no I/O", () => {
    const store = createSessionStore(untouchable, {
      prefix: "",
      idleTimeout: 2,
      touchInterval: 1,
      maxSessionsPerUser: 1,
    });
    expect(Object.isFrozen(store)).toBe(true);
  });

  it("takes undefined for an option that is not given", () => {
    const names = ["prefix", "idleTimeout", "touchInterval", "absoluteTimeout", "maxSessionsPerUser", "onSessionLimit"];
    const more = ["claims", "maxClaimsBytes", "timeout", "endings", "replicas"];
    const options = Object.fromEntries([...names, ...more].map((name) => [name, undefined]));
    expect(() => createSessionStore(untouchable, options as SessionStoreOptions<object>)).not.toThrow();
  });

  const call = () => {};
  it.each<unknown>([undefined, null, 7, "redis://localhost", {}, { evalsha: call }, { evalsha: call, eval: call }])(
    "refuses the client %s",
    (client) => {
      expect(() => createSessionStore(anything(client))).toThrow(
        /^the first argument of createSessionStore must be a client of ioredis, iovalkey or node-redis 5 or 6, got /,
      );
      expect(() => createSessionStore(anything(client))).toThrow(TypeError);
    },
  );

  it.each<[got: string, client: unknown]>([
    ["a client of node-redis 3 or older: update it to 5 or 6", { internal_send_command: call }],
    [
      "a client of node-redis 4: update it to 5 or 6",
      { evalSha: call, eval: call, get: call, on: call, quit: call, disconnect: call },
    ],
    [
      "one connection that a sentinel lends: give the sentinel itself",
      { evalSha: call, eval: call, get: call, release: call },
    ],
    ["a promise: await it first", Promise.resolve()],
    ["a string: give a client that was made with it, such as new Redis\\(url\\)", "redis://:password@localhost"],
    [
      "a URL: give a client that was made with it, such as new Redis\\(url\\.href\\)",
      new URL("redis://:password@localhost"),
    ],
    ["a class: give a client that was made of it, such as new Redis\\(url\\)", Redis],
    ["a class: give a client that was made of it, such as new Redis\\(url\\)", class {}],
    ["a function: give the client that it makes", call],
    ...[
      { host: "localhost", port: 6379 },
      { url: "redis://:password@localhost" },
      { socket: { path: "/run/redis" } },
    ].map((options): [string, unknown] => [
      "options of a connection: give a client that was made with them, such as new Redis\\(options\\)",
      options,
    ]),
    ["an object", {}],
    ["an array", []],
    ["an object with the client in it", { client: untouchable }],
    ["an object with the client in it", { redis: untouchable }],
  ])("says that it got %s", (got, client) => {
    expect(() => createSessionStore(anything(client))).toThrow(new RegExp(`node-redis 5 or 6, got ${got}$`));
  });

  it.each<[options: unknown, expected: TypeError | RangeError]>([
    [null, new TypeError("The options of createSessionStore must be an object, got null")],
    ["coatcheck:", new TypeError('The options of createSessionStore must be an object, got "coatcheck:"')],
    [
      { ttl: 5 },
      new TypeError(
        'createSessionStore: there is no option "ttl"; the options are prefix, idleTimeout, absoluteTimeout, touchInterval, ' +
          "maxSessionsPerUser, onSessionLimit, claims, maxClaimsBytes, timeout, endings, replicas, near",
      ),
    ],
    [{ prefix: 5 }, new TypeError("prefix must be a string, got 5")],
    [{ prefix: "a{b" }, new RangeError('prefix must not contain braces, got "a{b"')],
    [{ prefix: "a}b" }, new RangeError('prefix must not contain braces, got "a}b"')],
    [{ idleTimeout: "30m" }, new TypeError('idleTimeout (ms) must be a number, got "30m"')],
    [{ idleTimeout: 0 }, new RangeError(`idleTimeout (ms) must be an integer from 1 to ${TEN_YEARS}, got 0`)],
    [
      { absoluteTimeout: Number.POSITIVE_INFINITY },
      new RangeError(`absoluteTimeout (ms) must be an integer from 1 to ${TEN_YEARS}, got Infinity`),
    ],
    [
      { idleTimeout: 2000, absoluteTimeout: 1000 },
      new RangeError("idleTimeout (2000) must not exceed absoluteTimeout (1000)"),
    ],
    [
      { idleTimeout: 13 * 3_600_000 },
      new RangeError("idleTimeout (46800000) must not exceed absoluteTimeout (43200000)"),
    ],
    [
      { idleTimeout: 1000, touchInterval: 501 },
      new RangeError("touchInterval (501) must not exceed half of idleTimeout (1000)"),
    ],
    [{ touchInterval: -1 }, new RangeError(`touchInterval (ms) must be an integer from 0 to ${TEN_YEARS}, got -1`)],
    [{ maxSessionsPerUser: 0 }, new RangeError("maxSessionsPerUser must be an integer from 1 to 1000, got 0")],
    [{ maxSessionsPerUser: 1001 }, new RangeError("maxSessionsPerUser must be an integer from 1 to 1000, got 1001")],
    [
      { onSessionLimit: "evict" },
      new RangeError('onSessionLimit must be one of "evict-oldest", "evict-idle", "reject", got "evict"'),
    ],
    [{ onSessionLimit: true }, new TypeError("onSessionLimit must be a string, got true")],
    [{ maxClaimsBytes: -1 }, new RangeError("maxClaimsBytes must be an integer from 0 to 536870912, got -1")],
    [{ timeout: 0 }, new RangeError("timeout (ms) must be an integer from 1 to 2147483647, got 0")],
    [{ timeout: 2 ** 31 }, new RangeError("timeout (ms) must be an integer from 1 to 2147483647, got 2147483648")],
    [{ endings: -1 }, new RangeError(`endings (ms) must be an integer from 0 to ${TEN_YEARS}, got -1`)],
    [{ endings: "1h" }, new TypeError('endings (ms) must be a number, got "1h"')],
    [{ endings: true }, new TypeError("endings (ms) must be a number, got true")],
    [{ replicas: 1 }, new TypeError("The options of replicas must be an object, got 1")],
    [{ replicas: { count: 1 } }, new TypeError("replicas.timeout (ms) must be a number, got undefined")],
    [
      { replicas: { count: 0, timeout: 1 } },
      new RangeError(`replicas.count must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}, got 0`),
    ],
    [
      { replicas: { count: 1, timeout: 0 } },
      new RangeError("replicas.timeout (ms) must be an integer from 1 to 2147483647, got 0"),
    ],
    [
      { replicas: { count: 1, wait: 1 } },
      new TypeError('replicas: there is no option "wait"; the options are count, timeout'),
    ],
    [
      { claims: { role: "string" } },
      new TypeError(
        'claims must be a Standard Schema (an object with a "~standard" property, as of zod or valibot), got an object',
      ),
    ],
  ])("refuses %j", (options, expected) => {
    expectThrown(() => createSessionStore(untouchable, anything(options)), expected);
  });

  it("shortens its defaults to the timeouts that are given", () => {
    createSessionStore(untouchable, { idleTimeout: 1000 });
    createSessionStore(untouchable, { absoluteTimeout: 1 });
    createSessionStore(untouchable, { idleTimeout: 1000, touchInterval: 500 });
  });
});

/** Asserts the class and the whole message: toThrow(error) compares the message alone. */
function expectThrown(act: () => unknown, expected: TypeError | RangeError): void {
  expect(act).toThrow(expected);
  expect(act).toThrow(expected instanceof TypeError ? TypeError : RangeError);
}
