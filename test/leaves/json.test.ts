/** What is the same JSON, and what is none. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkJson, equalJson } from "../../src/leaves/json.js";

describe("equalJson", () => {
  it("holds for a value and what comes back of it, with its members in any order", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(equalJson(value, JSON.parse(JSON.stringify(value)))).toBe(true);
        expect(equalJson({ a: value, b: 1 }, { b: 1, a: value })).toBe(true);
      }),
    );
  });

  it("holds for no two values that are written differently", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        // The order of members is the one thing that may differ.
        const sorted = (value: unknown) =>
          JSON.stringify(value, (_, part: unknown) =>
            typeof part === "object" && part !== null && !Array.isArray(part)
              ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
              : part,
          );
        expect(equalJson(one, other)).toBe(sorted(one) === sorted(other));
      }),
    );
  });
});

describe("checkJson", () => {
  it("takes JSON, and names what is none", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        checkJson("it", value);
      }),
    );
    for (const value of [undefined, { a: undefined }, [undefined], Number.NaN, 1n, new Map(), () => 1]) {
      expect(() => checkJson("it", value)).toThrow(/^it must hold JSON values: /);
    }
  });
});
