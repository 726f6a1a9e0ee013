import { createHash } from "node:crypto";
import fc from "fast-check";
import { decodeTime, isValid } from "ulid";
import { describe, expect, it } from "vitest";
import {
  bucketOfId,
  bucketOfUser,
  isId,
  mintToken,
  parseTarget,
  parseToken,
  randomBucket,
} from "../../src/leaves/token.js";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** What may stand at each place of a token, said without a regular expression. */
function allowedAt(place: number): string {
  if (place === 0) return "01234567";
  if (place < 26) return CROCKFORD;
  return place === 26 ? "." : BASE64URL;
}

const isToken = (text: string) => text.length === 70 && [...text].every((char, at) => allowedAt(at).includes(char));

/** Strings of any UTF-16 units, lone surrogates among them. */
const anyText = (length: { minLength?: number; maxLength?: number } = {}) =>
  fc.array(fc.integer({ min: 0, max: 0xffff }), length).map((units) => String.fromCharCode(...units));

describe("mintToken", () => {
  it("makes a token of an id, a dot and a secret", () => {
    const { token, id } = mintToken("ZZZ");
    expect(token).toHaveLength(70);
    expect(isToken(token)).toBe(true);
    expect(token.slice(0, 27)).toBe(`${id}.`);
  });

  it("makes ids that are valid ULIDs of this moment", () => {
    const before = Date.now();
    const { id } = mintToken("000");
    expect(isValid(id)).toBe(true);
    expect(decodeTime(id)).toBeGreaterThanOrEqual(before);
    expect(decodeTime(id)).toBeLessThanOrEqual(Date.now());
    expect(isId(id)).toBe(true);
  });

  it("puts the bucket into the id", () => {
    for (const bucket of ["000", "ZZZ", "3K7", bucketOfUser("ada")]) {
      const { id } = mintToken(bucket);
      expect(id.slice(10, 13)).toBe(bucket);
      expect(bucketOfId(id)).toBe(bucket);
      expect(isValid(id)).toBe(true);
    }
  });

  it("gives the SHA-256 of the secret to keep", () => {
    const { token, secretHash } = mintToken("000");
    expect(secretHash).toBe(createHash("sha256").update(token.slice(27)).digest("base64url"));
  });

  it("repeats neither an id nor a secret, and fills the secret with 32 bytes", () => {
    const minted = Array.from({ length: 5000 }, () => mintToken("000"));
    expect(new Set(minted.map(({ id }) => id)).size).toBe(5000);
    expect(new Set(minted.map(({ token }) => token.slice(27))).size).toBe(5000);
    for (const { token } of minted.slice(0, 100)) expect(Buffer.from(token.slice(27), "base64url")).toHaveLength(32);
    // Each of the 43 places takes many values: no part of a secret is constant.
    for (let place = 27; place < 70; place++) {
      const values = new Set(minted.map(({ token }) => token[place]));
      expect(values.size).toBe(place === 69 ? 16 : 64);
    }
  });
});

describe("buckets", () => {
  it.each([
    ["ada", "ZQQ"],
    ["42", "ED3"],
    ["user@example.com", "PK4"],
    ["日本", "SWN"],
  ])("of a user never change: %s is in %s", (userId, bucket) => {
    // Computed once and for all: with another bucket, sessions in a Redis of today could not be found any more.
    expect(bucketOfUser(userId)).toBe(bucket);
  });

  it("are the first 15 bits of SHA-256", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 64 }), (userId) => {
        const bits = createHash("sha256").update(userId).digest().readUInt16BE(0) >> 1;
        const [a = 0, b = 0, c = 0] = [...bucketOfUser(userId)].map((char) => CROCKFORD.indexOf(char));
        expect((a << 10) | (b << 5) | c).toBe(bits);
      }),
    );
  });

  it.each([
    ["users", (n: number) => bucketOfUser(`user-${n}`)],
    ["guests", () => randomBucket()],
  ])("spread %s evenly", (_, bucketOf) => {
    const buckets = Array.from({ length: 64_000 }, (_, n) => bucketOf(n));
    for (const place of [0, 1, 2]) {
      const counts = new Map<string, number>();
      for (const bucket of buckets) {
        const char = bucket[place] ?? "";
        counts.set(char, (counts.get(char) ?? 0) + 1);
      }
      expect([...counts.keys()].sort().join("")).toBe(CROCKFORD);
      // 2000 are expected of each; 300 are seven standard deviations.
      for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(300);
    }
    expect(new Set(buckets).size).toBeGreaterThan(27_000);
  });
});

describe("parseToken", () => {
  it("recognises what mintToken makes", () => {
    const { token, id, secretHash } = mintToken(randomBucket());
    expect(parseToken(token)).toEqual({ id, secretHash });
  });

  it("gives null for a token with one character changed, unless that makes another token", () => {
    const { token } = mintToken(randomBucket());
    const char = fc.oneof(
      fc.constantFrom(...CROCKFORD, ...BASE64URL, ..."ILOUilou.=+/ \n\0é😀"),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 69 }), char, (place, replacement) => {
        const changed = token.slice(0, place) + replacement + token.slice(place + 1);
        expect(parseToken(changed) !== null).toBe(isToken(changed));
      }),
      { numRuns: 5000 },
    );
  });

  it("gives null for a token that is longer or shorter", () => {
    const { token } = mintToken(randomBucket());
    for (let length = 0; length < 70; length++) {
      expect(parseToken(token.slice(0, length))).toBeNull();
      expect(parseToken(token.slice(70 - length))).toBeNull();
    }
    for (const more of ["", " ", "\n", "\0", "A", "."]) {
      expect(parseToken(`${token}${more}`) === null).toBe(more !== "");
      expect(parseToken(`${more}${token}`) === null).toBe(more !== "");
    }
  });

  it.each([
    ["dots at other places", (token: string) => `${token.slice(0, 25)}.${token[25]}${token.slice(27)}`],
    ["two dots", (token: string) => `${token.slice(0, 40)}.${token.slice(41)}`],
    ["no dot", (token: string) => token.replace(".", "0")],
    ["lower case in the id", (token: string) => token.slice(0, 26).toLowerCase() + token.slice(26)],
    ["a time that no ULID has", (token: string) => `8${token.slice(1)}`],
    ["letters that Crockford leaves out", (token: string) => `${token.slice(0, 20)}I${token.slice(21)}`],
    ["base64 instead of base64url", (token: string) => `${token.slice(0, 69)}+`],
    ["padding", (token: string) => `${token.slice(0, 69)}=`],
    ["a line break at the end", (token: string) => `${token.slice(0, 69)}\n`],
    ["full-width digits", (token: string) => `\uff10${token.slice(1)}`],
    ["a letter that becomes ASCII in upper case", (token: string) => `${token.slice(0, 20)}ſ${token.slice(21)}`],
  ])("gives null for %s", (_, spoil) => {
    const spoilt = spoil(mintToken("000").token);
    expect(spoilt).toHaveLength(70);
    expect(parseToken(spoilt)).toBeNull();
    expect(parseTarget(spoilt)).toBeNull();
  });

  it("gives null for any text, however long, and never throws", () => {
    const texts = fc.oneof(anyText(), anyText({ minLength: 70, maxLength: 70 }), fc.string({ unit: "grapheme" }));
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseToken(text)).toBeNull();
      }),
      { numRuns: 2000 },
    );
  });

  it("gives null for a megabyte at once", () => {
    const { token } = mintToken("000");
    for (const large of ["A".repeat(1 << 20), token.repeat(15_000), ".".repeat(1 << 20), "\ud800".repeat(1 << 20)]) {
      expect(parseToken(large)).toBeNull();
      expect(parseTarget(large)).toBeNull();
      expect(isId(large)).toBe(false);
    }
  });

  it("gives null for anything that is no string, and never throws", () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true }), (value) => {
        fc.pre(typeof value !== "string");
        expect(parseToken(value)).toBeNull();
        expect(parseTarget(value)).toBeNull();
        expect(isId(value)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it("is not taken in by objects that pretend to be a token", () => {
    const { token, id } = mintToken("000");
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error("touched");
        },
      },
    );
    for (const value of [new String(token), [token], { toString: () => token, length: 70 }, hostile, Symbol(token)]) {
      expect(parseToken(value)).toBeNull();
      expect(parseTarget(value)).toBeNull();
    }
    expect(isId(new String(id))).toBe(false);
  });
});

describe("parseTarget", () => {
  it("takes an id, and then there is no secret to check", () => {
    const { token, id, secretHash } = mintToken("000");
    expect(parseTarget(id)).toEqual({ id, secretHash: "" });
    expect(parseTarget(token)).toEqual({ id, secretHash });
    expect(parseToken(id)).toBeNull();
  });

  it("never takes a token of any secret for an id, whose secret is not checked", () => {
    fc.assert(
      fc.property(anyText({ minLength: 1, maxLength: 50 }), (rest) => {
        const target = parseTarget(`${mintToken("000").id}${rest}`);
        expect(target?.secretHash).not.toBe("");
      }),
    );
  });
});
