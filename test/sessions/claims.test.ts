import type { StandardSchemaV1 } from "@standard-schema/spec";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClaimsError } from "../../src/leaves/errors.js";
import { escapeText } from "../../src/leaves/text.js";
import {
  claimsTooLarge,
  differenceOf,
  type EncodedClaims,
  encodeClaims,
  encodedBytes,
  namesIn,
  patchClaims,
  validateClaims,
} from "../../src/sessions/claims.js";
import { decodeClaim } from "../../src/sessions/stored-claim.js";
import { describeClaimLimits } from "./contract/claim-limits.js";
import { describeClaimValues } from "./contract/claim-values.js";
import { describeOnRedisAndMock } from "./contract/on-redis-and-mock.js";
import { describeSchemas } from "./contract/schema.js";

/** Names of every kind, those that objects already have among them. */
const names = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "toString", "", ":", "\n", "\ud800", "0"),
  fc.string({ unit: "binary", maxLength: 8 }),
);
/** Claims as JSON.parse gives them: objects whose `__proto__`, if they have one, is a property like any other. */
const claims = fc
  .array(fc.tuple(names, fc.jsonValue()), { maxLength: 8 })
  .map((entries) => Object.fromEntries(entries) as Record<string, unknown>);
/** The same with removals. */
const patches = fc
  .array(fc.tuple(names, fc.oneof(fc.jsonValue(), fc.constant(undefined))), { maxLength: 8 })
  .map((entries) => Object.fromEntries(entries) as Record<string, unknown>);

function decode(encoded: EncodedClaims): Record<string, unknown> {
  const decoded: Record<string, unknown> = {};
  for (let i = 0; i < encoded.length; i += 2) decodeClaim(decoded, encoded[i] ?? "", encoded[i + 1] ?? "");
  return decoded;
}

/** Own properties in a form that shows all of them, `__proto__` too. */
const shape = (value: object) => Object.entries(value).map(([name, part]) => [name, JSON.stringify(part)]);
const sorted = (value: object) => shape(value).sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));

describe("encodeClaims", () => {
  it("writes each claim as a field of its own, whose name begins with a colon", () => {
    expect(encodeClaims({ role: "admin", "a\nb": [1], "": null, ":": {}, gone: undefined })).toEqual([
      ":role",
      '"admin"',
      ":a\\nb",
      "[1]",
      ":",
      "null",
      "::",
      "{}",
      ":gone",
      "",
    ]);
  });

  it("is undone by decodeClaim, whatever the names and values", () => {
    fc.assert(
      fc.property(claims, (given) => {
        const decoded = decode(encodeClaims(given));
        expect(shape(decoded)).toEqual(shape(given));
        expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
      }),
      { numRuns: 1000 },
    );
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("leaves no line break in any field or value", () => {
    fc.assert(
      fc.property(claims, (given) => {
        expect(encodeClaims(given).join("")).not.toContain("\n");
      }),
    );
  });

  it.each([
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a bigint", 1n],
    ["NaN", Number.NaN],
    ["-Infinity, deep inside", { a: [{ b: Number.NEGATIVE_INFINITY }] }],
    ["undefined in an array", [undefined]],
    ["a method", { a: () => 1 }],
    ["a Date, which would come back as a string", new Date(0)],
    ["a Map, deep inside", { a: [new Map([["b", 1]])] }],
    ["an instance of a class", new URL("https://example.com")],
  ])("refuses %s and names the claim", (_, value) => {
    expect(() => encodeClaims({ fine: 1, 'the "bad" one': value })).toThrow(ClaimsError);
    expect(() => encodeClaims({ fine: 1, 'the "bad" one': value })).toThrow(
      /^The claim "the \\"bad\\" one" is not JSON: /,
    );
  });

  it("takes objects without a prototype", () => {
    expect(encodeClaims({ a: Object.assign(Object.create(null), { b: 1 }) })).toEqual([":a", '{"b":1}']);
  });

  it("leaves out what is undefined inside an object, as JSON does", () => {
    expect(encodeClaims({ a: { b: undefined, c: 1 } })).toEqual([":a", '{"c":1}']);
  });
});

describe("decodeClaim", () => {
  it("freezes what it gives, all the way down", () => {
    const { deep } = decode(encodeClaims({ deep: { list: [{ a: [] }] } })) as { deep: { list: [{ a: [] }] } };
    for (const part of [deep, deep.list, deep.list[0], deep.list[0].a]) expect(Object.isFrozen(part)).toBe(true);
  });

  it("makes __proto__ a property like any other", () => {
    const decoded = decode(["::__proto__".slice(1), '{"polluted":true}']);
    expect(Object.keys(decoded)).toEqual(["__proto__"]);
    expect(decoded["polluted"]).toBeUndefined();
  });

  it.each(["", "{", "nul", '{"a":1', "[1,]", '"\\x"', "undefined"])(
    "throws for a value that is no JSON: %s",
    (text) => {
      expect(() => decodeClaim({}, ":a", text)).toThrow(SyntaxError);
    },
  );
});

describe("encodedBytes", () => {
  it("counts names and values in UTF-8, and nothing for what is removed", () => {
    expect(encodedBytes(encodeClaims({ é: "日", gone: undefined }))).toBe(2 + 2 + 3);
    expect(encodedBytes([])).toBe(0);
    fc.assert(
      fc.property(claims, (given) => {
        const expected = Object.entries(given)
          .map(([name, value]) => Buffer.byteLength(escapeText(name)) + Buffer.byteLength(JSON.stringify(value)))
          .reduce((sum, bytes) => sum + bytes, 0);
        expect(encodedBytes(encodeClaims(given))).toBe(expected);
      }),
    );
  });

  it("stands in the error for too many", () => {
    expect(claimsTooLarge(12, 10)).toEqual(new ClaimsError("The claims take 12 bytes, more than maxClaimsBytes (10)"));
  });
});

describe("patchClaims", () => {
  it("sets, removes and leaves", () => {
    const before = Object.freeze({ a: 1, b: 2, c: 3 });
    expect(shape(patchClaims(before, { a: 9, b: undefined, d: null }))).toEqual([
      ["a", "9"],
      ["c", "3"],
      ["d", "null"],
    ]);
  });

  it("agrees with a Map, whatever the names", () => {
    fc.assert(
      fc.property(claims, patches, (before, patch) => {
        const model = new Map(Object.entries(before));
        for (const [name, value] of Object.entries(patch)) {
          if (value === undefined) model.delete(name);
          else model.set(name, value);
        }
        const after = patchClaims(before, patch);
        expect(sorted(after)).toEqual(sorted(Object.fromEntries(model)));
        expect(Object.getPrototypeOf(after)).toBe(Object.prototype);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("differenceOf", () => {
  it("is the smallest patch from one to the other", () => {
    const before = encodeClaims({ same: [1], changed: 1, gone: 1 });
    const after = encodeClaims({ same: [1], changed: 2, added: 3 });
    expect(differenceOf(before, after)).toEqual([":changed", "2", ":added", "3", ":gone", ""]);
    expect(differenceOf(before, before)).toEqual([]);
  });

  it("leads from one to the other, whatever they are", () => {
    fc.assert(
      fc.property(claims, claims, (before, after) => {
        const patch = differenceOf(encodeClaims(before), encodeClaims(after));
        const model = new Map(pairs(encodeClaims(before)));
        for (const [field, value] of pairs(patch)) {
          if (value === "") model.delete(field);
          else model.set(field, value);
        }
        expect([...model].sort()).toEqual(pairs(encodeClaims(after)).sort());
      }),
      { numRuns: 1000 },
    );
  });
});

describe("namesIn", () => {
  it("gives the names of a patch as they were before they were escaped", () => {
    const odd = { "a\nb": 1, "": undefined, ":": 2, "\ud800": 3 };
    expect(namesIn(encodeClaims(odd))).toEqual(Object.keys(odd));
  });
});

describe("validateClaims", () => {
  const schemaOf = (result: StandardSchemaV1.Result<object> | Promise<StandardSchemaV1.Result<object>>) =>
    ({ "~standard": { version: 1, vendor: "test", validate: () => result } }) satisfies StandardSchemaV1<
      unknown,
      object
    >;

  it("gives what the schema makes of the claims, at once or later", async () => {
    const value = { made: true };
    expect(await validateClaims(schemaOf({ value }), {})).toBe(value);
    expect(await validateClaims(schemaOf(Promise.resolve({ value })), {})).toBe(value);
  });

  it("gives the issues with plain paths, whatever form the library gives them", async () => {
    const symbol = Symbol("s");
    const schema = schemaOf({
      issues: [{ message: "bad", path: ["list", { key: 0 }, { key: symbol }] }, { message: "worse" }],
    });
    const error = await validateClaims(schema, { list: "confidential" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ClaimsError);
    expect(error).toMatchObject({
      message: "The schema refuses these claims: list.0.Symbol(s): bad; worse",
      issues: [
        { message: "bad", path: ["list", 0, symbol] },
        { message: "worse", path: [] },
      ],
    });
  });

  it("passes on what the schema itself throws", async () => {
    const own = new Error("the schema is broken");
    await expect(validateClaims(schemaOf(Promise.reject(own)), {})).rejects.toBe(own);
  });
});

function pairs(encoded: EncodedClaims): [string, string][] {
  return encoded.flatMap((field, at) => (at % 2 === 0 ? [[field, encoded[at + 1] ?? ""] as [string, string]] : []));
}

describeOnRedisAndMock(describeClaimValues, describeClaimLimits, describeSchemas);
