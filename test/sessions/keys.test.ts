import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeText, unescapeText } from "../../src/leaves/text.js";
import { bucketOfUser, mintToken } from "../../src/leaves/token.js";
import { Keys } from "../../src/sessions/keys.js";
import { describeKeys } from "./contract/keys.js";
import { describeOnRedisAndMock } from "./contract/on-redis-and-mock.js";

/** Strings of any UTF-16 units, lone surrogates among them. */
const anyText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.constantFrom(...[...'{}:\\"\n'].map((char) => char.charCodeAt(0))),
    ),
  )
  .map((units) => String.fromCharCode(...units));

/** The part of a key that Redis Cluster hashes, as its specification has it. */
function hashTag(key: string): string {
  const open = key.indexOf("{");
  const close = key.indexOf("}", open + 1);
  return open === -1 || close === -1 || close === open + 1 ? key : key.slice(open + 1, close);
}

describe("escapeText", () => {
  it("can be undone, whatever the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(unescapeText(escapeText(text))).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it("leaves nothing that UTF-8 or a reply of lines would change", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const escaped = escapeText(text);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there.
        expect(escaped).not.toMatch(/[\u0000-\u001f]/);
        expect(Buffer.from(escaped, "utf8").toString("utf8")).toBe(escaped);
      }),
      { numRuns: 2000 },
    );
  });

  it("leaves ordinary text as it is", () => {
    for (const text of ["", "ada", "a:b{c}d", "日本 😀", "it's"]) expect(escapeText(text)).toBe(text);
  });
});

describe("Keys", () => {
  const keys = new Keys("coatcheck:");

  it("names the keys as they are documented", () => {
    const { id } = mintToken(bucketOfUser("ada"));
    expect(keys.session(id)).toBe(`coatcheck:{ZQQ}:s:${id}`);
    expect(keys.trail(id)).toBe(`coatcheck:{ZQQ}:e:${id}`);
    expect(keys.whereabouts(id)).toBe(`coatcheck:{ZQQ}:g:${id}`);
    expect(keys.named(keys.whereabouts(id))).toEqual({ kind: "guest", id });
    expect(keys.named(keys.whereabouts(id).replace("ZQQ", "ZQR"))).toBeNull();
    expect(keys.indexes(id)).toBe("coatcheck:{ZQQ}:u:");
    expect(keys.user("ada")).toEqual({
      index: "coatcheck:{ZQQ}:u:ada",
      block: "coatcheck:{ZQQ}:b:ada",
      arrivals: "coatcheck:{ZQQ}:n:ada",
      name: "ada",
    });
  });

  it("puts the prefix before every key, as it is", () => {
    const { index, block } = new Keys("").user("ada");
    expect([index, block]).toEqual(["{ZQQ}:u:ada", "{ZQQ}:b:ada"]);
    expect(new Keys("my app\n*").user("ada").index).toBe("my app\n*{ZQQ}:u:ada");
  });

  it("gives all keys of a user, and the prefixes that scripts complete, one hash tag", () => {
    fc.assert(
      fc.property(anyText, anyText, (userId, text) => {
        const prefixed = new Keys(text.replace(/[{}]/g, ""));
        const bucket = bucketOfUser(userId);
        const { id } = mintToken(bucket);
        const { index, block, name } = prefixed.user(userId);
        // As the scripts do it: a key without the id in which it ends, and without the kind.
        const stem = (key: string, tail: string) => key.slice(0, -tail.length - 2);
        for (const key of [index, block, prefixed.session(id), prefixed.indexes(id) + escapeText(userId)]) {
          expect(hashTag(key)).toBe(bucket);
        }
        expect(new Set([stem(index, name), stem(block, name), stem(prefixed.session(id), id)]).size).toBe(1);
        expect(prefixed.indexes(id) + escapeText(userId)).toBe(index);
      }),
    );
  });

  it("gives different users different keys, also where their ids look alike in UTF-8", () => {
    const alike = ["a\ud800", "a\udfff", "a\ufffd", "a\\ud800", "a", "a\n", "a\\n", "a:u:a", ":u:a", "u"];
    const named = alike.flatMap((userId) => {
      const { index, block } = keys.user(userId);
      return [index, block];
    });
    expect(new Set(named.map((key) => Buffer.from(key, "utf8").toString("hex"))).size).toBe(named.length);
  });
});

describeOnRedisAndMock(describeKeys);
