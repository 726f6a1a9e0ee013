/** Wrong options and arguments of one-time tokens: refused before any I/O, with what was expected and what came. */
import { describe, expect, it } from "vitest";
import { createOneTimeTokens, IssueLimitError } from "../../src/one-time.js";
import { untouchable } from "../harness/untouchable.js";

/** A caller in JavaScript may pass anything. */
const anything = (value: unknown) => value as never;
const valid = { purpose: "reset", ttl: 60_000 };
const tokens = createOneTimeTokens(untouchable, valid);

describe("createOneTimeTokens", () => {
  it.each([
    ["a purpose of 64 characters", { ...valid, purpose: `${"a".repeat(61)}-_.` }],
    ["the shortest and the longest of everything", { ...valid, ttl: 1, timeout: 3_600_000, maxPerHour: 1000 }],
    ["no room for data", { ...valid, maxDataBytes: 0, prefix: "" }],
    ["undefined for every default", { ...valid, maxPerHour: undefined, maxDataBytes: undefined, prefix: undefined }],
  ])("takes %s", (_, options) => {
    expect(Object.isFrozen(createOneTimeTokens(untouchable, options))).toBe(true);
  });

  const purpose = (got: string) =>
    new RangeError(`purpose must be 1 to 64 letters, digits, "-", "_" or ".", got ${got}`);
  it.each<[string, object, Error]>([
    ["no purpose", { ttl: 1 }, new TypeError("purpose must be a string, got undefined")],
    ["an empty purpose", { ...valid, purpose: "" }, purpose('""')],
    ["a purpose with a colon", { ...valid, purpose: "a:b" }, purpose('"a:b"')],
    ["a purpose with braces", { ...valid, purpose: "{a}" }, purpose('"{a}"')],
    ["a purpose with a newline", { ...valid, purpose: "a\n" }, purpose('"a\\n"')],
    ["a long purpose", { ...valid, purpose: "a".repeat(65) }, purpose(JSON.stringify("a".repeat(65)))],
    ["no ttl", { purpose: "reset" }, new TypeError("ttl (ms) must be a number, got undefined")],
    ["a ttl of 0", { ...valid, ttl: 0 }, new RangeError("ttl (ms) must be an integer from 1 to 315360000000, got 0")],
    [
      "a limit of 0",
      { ...valid, maxPerHour: 0 },
      new RangeError("maxPerHour must be an integer from 1 to 1000, got 0"),
    ],
    [
      "a limit of 1001",
      { ...valid, maxPerHour: 1001 },
      new RangeError("maxPerHour must be an integer from 1 to 1000, got 1001"),
    ],
    [
      "less than no data",
      { ...valid, maxDataBytes: -1 },
      new RangeError("maxDataBytes must be an integer from 0 to 536870912, got -1"),
    ],
    [
      "a timeout beyond the hour that the log goes back",
      { ...valid, timeout: 3_600_001 },
      new RangeError("timeout (ms) must be an integer from 1 to 3600000, got 3600001"),
    ],
    ["a prefix with braces", { ...valid, prefix: "{a}" }, new RangeError('prefix must not contain braces, got "{a}"')],
    [
      "an option that it does not have",
      { ...valid, limit: 5 },
      new TypeError(
        'createOneTimeTokens: there is no option "limit"; the options are purpose, ttl, maxPerHour, maxDataBytes, prefix, timeout',
      ),
    ],
  ])("refuses %s", (_, options, error) => {
    expect(() => createOneTimeTokens(untouchable, anything(options))).toThrow(error);
    expect(() => createOneTimeTokens(untouchable, anything(options))).toThrow(error.constructor as typeof Error);
  });

  it.each([undefined, null, {}, "redis://127.0.0.1"])("refuses %j for a client", (client) => {
    expect(() => createOneTimeTokens(anything(client), valid)).toThrow(
      /^the first argument of createOneTimeTokens must be a client of ioredis, iovalkey or node-redis 5 or 6, got /,
    );
  });
});

describe("issue and revokeForSubject", () => {
  it.each([
    ["no options", undefined, "The options of issue must be an object, got undefined"],
    ["no subject", {}, "subject must be a string, got undefined"],
    ["a number for a subject", { subject: 1 }, "subject must be a string, got 1"],
    ["an empty subject", { subject: "" }, "subject must have 1 to 256 bytes, got 0"],
    ["a long subject", { subject: "é".repeat(129) }, "subject must have 1 to 256 bytes, got 258"],
    [
      "a token",
      { subject: `01M813ANQEZQQF0E0QPV2PHR92.${"A".repeat(43)}` },
      "subject must not be a token, which is a secret",
    ],
    ["a user id", { userId: "1" }, 'issue: there is no option "userId"; the options are subject, data'],
  ])("refuse %s", async (_, options, message) => {
    await expect(tokens.issue(anything(options))).rejects.toThrow(message);
    if (options === undefined || "userId" in options) return;
    await expect(tokens.revokeForSubject(anything((options as { subject?: unknown }).subject))).rejects.toThrow(
      message,
    );
  });
});

describe("IssueLimitError", () => {
  it("has what frameworks and callers read, and rounds up to whole seconds", () => {
    const error = new IssueLimitError(5, 1001);
    expect(error).toMatchObject({
      name: "IssueLimitError",
      code: "ISSUE_LIMIT",
      message: "No more than 5 may be asked for in an hour; try again in 2 s",
      limit: 5,
      retryAfter: 1001,
      status: 429,
      statusCode: 429,
      expose: true,
      headers: { "Retry-After": "2" },
    });
    // A refusal is one line in a log, as those of sessions are.
    expect(error.stack).toBe(`${error.name}: ${error.message}`);
  });
});
