/** What memory keeps of a token, and what it takes for the same token. */
import { createHash, hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { mintToken, randomBucket } from "../../../src/leaves/token.js";
import { digestBy, fingerprintOf, isTokenOf, placeOf } from "../../../src/sessions/near/fingerprint.js";

const { id, token } = mintToken(randomBucket());

/** A text with another character in one place. */
function changed(text: string, at: number, by = text[at] === "A" ? "B" : "A"): string {
  return text.slice(0, at) + by + text.slice(at + 1);
}

describe("a fingerprint", () => {
  it("is the SHA-256 of the token", () => {
    const digest = createHash("sha256").update(token).digest();
    expect(fingerprintOf(token)).toEqual(Array.from({ length: 8 }, (_, at) => digest.readInt32LE(4 * at)));
  });

  it("belongs to its token alone: to no text that differs in one character, of the id or of the secret", () => {
    const fingerprint = fingerprintOf(token);
    expect(isTokenOf(token, fingerprint)).toBe(true);
    for (let at = 0; at < token.length; at++) expect(isTokenOf(changed(token, at), fingerprint)).toBe(false);
  });

  it.each(["\ud800", "é", "\u0000", "\uffff"])("belongs to no text with the character %j", (character) => {
    const fingerprint = fingerprintOf(token);
    for (const at of [0, 26, 69]) expect(isTokenOf(changed(token, at, character), fingerprint)).toBe(false);
  });

  it("belongs to no token if one of its 256 bits is another", () => {
    const fingerprint = fingerprintOf(token);
    for (let bit = 0; bit < 256; bit++) {
      const other = fingerprint.map((word, at) => (at === bit >> 5 ? word ^ (1 << (bit & 31)) : word));
      expect(isTokenOf(token, other)).toBe(false);
    }
  });
});

describe("the place of a session", () => {
  it("is the same for a token and its id, and a whole number of 32 bits", () => {
    expect(placeOf(token)).toBe(placeOf(id));
    expect(placeOf(id)).toBe(placeOf(id) | 0);
  });

  it("is another for nearly all ids", () => {
    const places = new Set(Array.from({ length: 10_000 }, () => placeOf(mintToken(randomBucket()).id)));
    // At random two of 10 000 have the same place in one run of twenty, and 20 have it never.
    expect(places.size).toBeGreaterThan(9_990);
  });
});

describe("the digest of a text", () => {
  const right = createHash("sha256").update(token).digest().toString("utf16le");

  it.each<[string, (encoding: BufferEncoding) => string]>([
    ["throws for an encoding that it does not know", () => "never"],
    ["gives something else for it", () => hash("sha256", "", "hex")],
  ])("is the same in a runtime whose hash %s", (_, otherwise) => {
    const digest = digestBy((algorithm, text, encoding) => {
      if (encoding === "hex") return hash(algorithm, text, "hex");
      const answer = otherwise(encoding);
      if (answer === "never") throw new TypeError("Unknown encoding");
      return answer;
    });
    expect(digest(token)).toBe(right);
  });

  it("is asked for directly where the hash knows the encoding", () => {
    const asked: string[] = [];
    const digest = digestBy((algorithm, text, encoding) => {
      asked.push(encoding);
      return createHash(algorithm).update(text).digest().toString(encoding);
    });
    asked.length = 0;
    expect(digest(token)).toBe(right);
    expect(asked).toEqual(["utf16le"]);
  });
});
