import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { CorruptRecordError } from "../../src/leaves/errors.js";
import type { RecordText } from "../../src/redis/replies.js";
import { decodeRecord, isOver } from "../../src/sessions/session.js";
import { expectDeeplyFrozen } from "./contract/rig.js";

const ID = "01M813ANQEZQQF0E0QPV2PHR92";
const KEY = `coatcheck:{ZQQ}:s:${ID}`;
const TIMES = "1700000000000 1000 1800000 43200000";
const ENDS = 1_700_001_802_000;

/** What the scripts tell of a session that ends then and was read `left` ms before. */
function decode(fields: readonly string[], ends: number | string = ENDS, left: number | string = 1_000_000) {
  const at = fields.findIndex((field, place) => place % 2 === 0 && field === "t");
  const times = at === -1 ? "" : fields[at + 1];
  const others = at === -1 ? fields : fields.toSpliced(at, 2);
  return decodeRecord([ends, "", left, times, ...others].join("\n") as RecordText, ID, KEY);
}

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
    const { session, version, successor } = decode(["t", "1700000000000 - 1000 5000"], 1_700_000_001_000, 1000);
    expect(session).toMatchObject({ userId: null, authenticatedAt: null, claims: {}, client: {} });
    expect(version).toBe("0");
    expect(successor).toBeUndefined();
  });

  it("takes the last sight from the end, and from its own field where the absolute deadline cuts the session short", () => {
    const lastSeen = (fields: readonly string[], ends: number) => decode(fields, ends, 10).session.lastSeenAt;
    expect(lastSeen(["t", "1000 0 100 500"], 1150)).toBe(1050);
    // Seen exactly one idle timeout before the absolute deadline: there is no difference, and no field.
    expect(lastSeen(["t", "1000 0 100 500"], 1500)).toBe(1400);
    expect(lastSeen(["t", "1000 0 100 500", "s", "450"], 1500)).toBe(1450);
    // Somebody has shortened its TTL by hand since: then that is what counts.
    expect(lastSeen(["t", "1000 0 100 500", "s", "450"], 1480)).toBe(1380);
  });

  it("tells when it was read", () => {
    expect(decode(["t", "1000 0 100 500"], 1150, 30).readAt).toBe(1120);
  });

  it("never lets a session end after its absolute deadline, whatever its TTL says", () => {
    expect(decode(["t", "1000 0 100 500"], 1510, 20).session).toMatchObject({
      expiresAt: 1500,
      absoluteExpiresAt: 1500,
    });
  });

  it("takes a session for over once its absolute deadline has passed, and refuses one that ends more than a minute after", () => {
    const times = ["t", "1000 0 100000 200000"];
    expect(isOver(decode(times, 201_010, 10))).toBe(false);
    expect(isOver(decode(times, 201_010, 9))).toBe(true);
    expect(isOver(decode(times, 261_000, 59_999))).toBe(true);
    expect(isOver(decode(times, 261_001, 60_001))).toBe(false);
    expect(() => decode(times, 261_001, 60_000)).toThrow(CorruptRecordError);
  });

  it("takes a little more than the idle timeout for a clock that has gone back, and no more, and was never seen in the future", () => {
    // Created at 1 000 000 and seen at 1 010 000 + n, by a clock that says 1 010 000 now.
    const seen = (n: number) => decode(["t", "1000000 0 60000 500000"], 1_070_000 + n, 60_000 + n);
    expect(seen(0).session.lastSeenAt).toBe(1_010_000);
    expect(seen(2000).session.lastSeenAt).toBe(1_010_000);
    expect(seen(2000).session.expiresAt).toBe(1_072_000);
    // Nor where a field tells of it.
    expect(decode(["t", "1000 0 100 500", "s", "490"], 1500, 20).session.lastSeenAt).toBe(1480);
    expect(() => seen(2001)).toThrow(CorruptRecordError);
    // Not even created yet, by a clock that is a minute behind.
    expect(decode(["t", "1000000 0 60000 500000"], 1_060_000, 120_000).session.lastSeenAt).toBe(1_000_000);
  });

  it.each([
    ["has no end", -1, -1],
    ["has no end that is a number", "soon", 1000],
    ["has no time left that is a number", ENDS, "some"],
    ["has more left than its idle timeout", ENDS + 86_400_000, 86_400_000],
  ])("refuses a session that %s", (_, ends, left) => {
    expect(() => decode(["t", TIMES], ends, left)).toThrow(CorruptRecordError);
  });

  it("takes the order of the fields as it comes, and leaves out fields of a later version", () => {
    const { session } = decode([":a", "1", "z", "later", "t", TIMES, "u", "ada"]);
    expect(session).toMatchObject({ userId: "ada", claims: { a: 1 } });
  });

  it.each([
    ["no times", ["u", "confidential"]],
    ["times that are missing one", ["t", "1700000000000 1000 1800000"]],
    ["times with one too many", ["t", `${TIMES} 1`]],
    ["times that are negative", ["t", "1700000000000 -1 1800000 43200000"]],
    ["a last sight that is no number", ["t", TIMES, "s", "confidential"]],
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
