import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { CorruptRecordError } from "../../src/leaves/errors.js";
import type { RecordText } from "../../src/redis/replies.js";
import { decodeRecord } from "../../src/sessions/session.js";
import { expectDeeplyFrozen } from "./contract/rig.js";

const ID = "01M813ANQEZQQF0E0QPV2PHR92";
const KEY = `coatcheck:{ZQQ}:s:${ID}`;
const TIMES = "1700000000000 1000 2000 1800000 43200000";

const decode = (fields: readonly string[]) => decodeRecord(fields.join("\n") as RecordText, ID, KEY);

describe("decodeRecord", () => {
  it("makes a session of a record, deeply frozen", () => {
    const { session, version, successor } = decode([
      ...["t", TIMES],
      ...["u", "a\\nb"],
      ...["i", "::1"],
      ...["a", 'Fire\\"fox'],
      ...["v", "7"],
      ...["n", "01M813APN9WQX171PV599DJVG4"],
      ...[":role", '"admin"'],
      ...[":", "[]"],
      ...["::", '{"a":[1]}'],
    ]);
    expect(session).toEqual({
      id: ID,
      userId: "a\nb",
      claims: { role: "admin", "": [], ":": { a: [1] } },
      client: { ip: "::1", userAgent: 'Fire"fox' },
      createdAt: 1_700_000_000_000,
      authenticatedAt: 1_700_000_001_000,
      lastSeenAt: 1_700_000_002_000,
      expiresAt: 1_700_001_802_000,
      absoluteExpiresAt: 1_700_043_200_000,
    });
    expect(version).toBe("7");
    expect(successor).toBe("01M813APN9WQX171PV599DJVG4");
    expectDeeplyFrozen(session);
  });

  it("makes a guest's session of a record that says nothing else", () => {
    const { session, version, successor } = decode(["t", "1700000000000 - 0 1000 5000"]);
    expect(session).toMatchObject({ userId: null, authenticatedAt: null, claims: {}, client: {} });
    expect(version).toBe("0");
    expect(successor).toBeUndefined();
  });

  it("ends a session at the earlier of its two deadlines", () => {
    expect(decode(["t", "1000 0 50 100 500"]).session.expiresAt).toBe(1150);
    expect(decode(["t", "1000 0 450 100 500"]).session.expiresAt).toBe(1500);
  });

  it("takes the order of the fields as it comes, and leaves out fields of a later version", () => {
    const { session } = decode([":a", "1", "z", "later", "t", TIMES, "u", "ada"]);
    expect(session).toMatchObject({ userId: "ada", claims: { a: 1 } });
  });

  it.each([
    ["no times", ["u", "confidential"]],
    ["times that are missing one", ["t", "1700000000000 1000 2000 1800000"]],
    ["times with one too many", ["t", `${TIMES} 1`]],
    ["times that are negative", ["t", "1700000000000 0 -1 1800000 43200000"]],
    ["times that are no numbers", ["t", "confidential"]],
    ["a claim that is no JSON", ["t", TIMES, ":note", "confidential"]],
    ["a claim whose JSON is cut off", ["t", TIMES, ":note", '{"confidential":']],
    ["a claim without a value", ["t", TIMES, ":note"]],
    ["a claim whose name has a wrong escape", ["t", TIMES, ":confidential\\x", "1"]],
    ["a user id with a wrong escape", ["t", TIMES, "u", "confidential\\"]],
    ["a user agent with a quotation mark", ["t", TIMES, "a", 'confidential"\\"']],
    ["nothing at all", [""]],
    ["something else entirely", ["confidential"]],
  ])("refuses a record with %s, names the key and never the value", (_, fields) => {
    let error: unknown;
    try {
      decode(fields);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(CorruptRecordError);
    expect(error).toMatchObject({ key: KEY, code: "CORRUPT_RECORD" });
    expect((error as Error).message).toBe(`The key ${JSON.stringify(KEY)} does not hold what coatcheck keeps there`);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("confidential");
    expect((error as Error).cause).toBeUndefined();
  });
});
