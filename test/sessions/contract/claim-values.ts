/** What a claim may be called and may hold, and that it comes back as it went in. */
import { describe, expect, it } from "vitest";
import { ClaimsError } from "../../../src/index.js";
import { expectDeeplyFrozen, type Opened, present, type Rig } from "./rig.js";

type Claims = Record<string, unknown>;

/** Claims as JSON.parse makes them: a literal `{ __proto__: … }` would set a prototype. */
const ODD_NAMES = JSON.parse(
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":"text","hasOwnProperty":1,' +
    '"":"empty","-":"",":":"colon","::":2,"h":"a hash?","t":"0 0 0 0 0","v":"9","n":"x","p":"y","u":"eve",' +
    '"line\\nbreak":"value\\nwith\\r\\nbreaks","tab\\t\\u0000":"\\u0000\\u001f\\u007f","quote\\"s":"\\"","back\\\\slash":"\\\\n",' +
    '"naïve 日本 😀":"é 漢字 👩‍👩‍👧‍👦 \\u2028\\u2029","\\ud800":"\\udfff \\ud83d","0":"zero","10":"ten","{tag}":"{}"}',
) as Claims;

const ODD_VALUES: Claims = {
  nested: { a: { b: { c: [1, [2, [3]]] } }, "": {} },
  emptyArray: [],
  arrayOfEmpty: [[], {}, ""],
  emptyObject: {},
  emptyString: "",
  nothing: null,
  nulls: [null, null],
  yes: true,
  no: false,
  zero: 0,
  negative: -1.5e-7,
  large: Number.MAX_SAFE_INTEGER,
  huge: 1.7976931348623157e308,
  bigNumber: "9007199254740993123456789",
  looksLikeJson: '{"a":1}',
  looksLikeNull: "null",
  proto: JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  long: "é".repeat(3000),
};

/** Every way by which claims come in, each with the outcome read back in every way. */
const WAYS: Record<string, (opened: Opened<Claims>, claims: Claims) => Promise<string>> = {
  create: async ({ store }, claims) => (await store.create({ userId: "ada", claims })).token,
  "updateClaims with a patch": async ({ store }, claims) => {
    const { token } = await store.create({ userId: "ada" });
    await store.updateClaims(token, claims);
    return token;
  },
  "updateClaims with a function": async ({ store }, claims) => {
    const { token } = await store.create({ userId: "ada" });
    await store.updateClaims(token, () => claims);
    return token;
  },
  updateClaimsForUser: async ({ store }, claims) => {
    const { token } = await store.create({ userId: "ada" });
    await store.updateClaimsForUser("ada", claims);
    return token;
  },
  rotate: async ({ store }, claims) => {
    const { token } = await store.create({ userId: "ada" });
    return present(await store.rotate(token, { claims })).token;
  },
  "rotate after create": async ({ store }, claims) => {
    const { token } = await store.create({ userId: "ada", claims });
    return present(await store.rotate(token)).token;
  },
  "the log-in of a guest": async ({ store }, claims) => {
    const { token } = await store.create({ claims });
    return present(await store.rotate(token, { userId: "ada" })).token;
  },
};

export function describeClaimValues(rig: Rig): void {
  describe.each(Object.entries(WAYS))("claims that come in by %s", (_, bring) => {
    it.each([
      ["names", ODD_NAMES],
      ["values", ODD_VALUES],
    ])("come back equal, whatever their %s", async (_, claims) => {
      const opened = rig.open();
      const token = await bring(opened, claims);
      const session = present(await opened.store.get(token));
      expectSame(session.claims, claims);
      expectSame(present(await opened.store.touch(token)).claims, claims);
      expectSame(present(await opened.store.find(session.id)).claims, claims);
      expectSame(present((await opened.store.listForUser("ada"))[0]).claims, claims);
      expectDeeplyFrozen(session);
      expect(({} as Claims)["polluted"]).toBeUndefined();
      expect(Object.getPrototypeOf(session.claims)).toBe(Object.prototype);
    });
  });

  describe("claims of odd names", () => {
    it("are removed one by one, each without the others", async () => {
      const { store } = rig.open();
      const { token } = await store.create({ claims: ODD_NAMES });
      const left = { ...ODD_NAMES };
      for (const name of Object.keys(ODD_NAMES)) {
        delete left[name];
        // A computed name in a literal makes a property even of `__proto__`.
        expectSame(present(await store.updateClaims(token, { [name]: undefined })).claims, left);
      }
      expect(await store.get(token)).not.toBeNull();
    });
  });

  describe("claims that JSON cannot hold", () => {
    const cycle: Claims = {};
    cycle["self"] = cycle;
    it.each([
      ["a function", () => 1, 'The claim "bad" is not JSON: a function would be lost'],
      ["a symbol", Symbol("s"), 'The claim "bad" is not JSON: a symbol would be lost'],
      ["a function inside", { list: [() => 1] }, 'The claim "bad" is not JSON: a function would be lost'],
      ["a bigint", 1n, /^The claim "bad" is not JSON: .*BigInt/],
      ["NaN", Number.NaN, 'The claim "bad" is not JSON: NaN would come back as null'],
      ["Infinity inside", { deep: [Number.POSITIVE_INFINITY] }, /Infinity would come back as null$/],
      ["undefined in an array", [1, undefined], /undefined in an array would come back as null$/],
      ["a cycle", cycle, /^The claim "bad" is not JSON: .*circular/],
    ])("are refused before anything is written: %s", async (_, bad, message) => {
      const { store, keys } = rig.open();
      await expectClaimsError(store.create({ userId: "eve", claims: { good: 1, bad } }), message);
      expect(await keys()).toEqual([]);

      const { token, session } = await store.create({ userId: "ada", claims: { bad: "old" } });
      await expectClaimsError(store.updateClaims(token, { good: 1, bad }), message);
      await expectClaimsError(
        store.updateClaims(token, () => ({ good: 1, bad })),
        message,
      );
      await expectClaimsError(store.updateClaimsForUser("ada", { good: 1, bad }), message);
      await expectClaimsError(store.rotate(token, { claims: { good: 1, bad } }), message);
      await expectClaimsError(store.rotate(token, { userId: "eve", claims: { good: 1, bad } }), message);
      expect(await store.get(token)).toEqual(session);
    });
  });
}

/** Equal, own property by own property: `toEqual` alone looks away from a property called `__proto__`. */
function expectSame(actual: object, expected: object): void {
  const entries = (object: object) => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
  expect(entries(actual).map(([name]) => name)).toEqual(entries(expected).map(([name]) => name));
  for (const [at, [, value]] of entries(actual).entries()) {
    expect(JSON.stringify(value)).toBe(JSON.stringify(entries(expected)[at]?.[1]));
    expect(value).toEqual(entries(expected)[at]?.[1]);
  }
}

async function expectClaimsError(pending: Promise<unknown>, message: string | RegExp): Promise<void> {
  const error = await pending.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ClaimsError);
  expect(error).toMatchObject({ name: "ClaimsError", code: "CLAIMS", issues: [] });
  expect((error as Error).message).toMatch(message);
}
