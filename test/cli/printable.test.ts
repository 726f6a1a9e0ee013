/** What a terminal gets of others, and what messages show of an address. */
import { describe, expect, it } from "vitest";
import { printable, printableJson, redacted } from "../../src/cli/printable.js";

const EVIL = "a\u001b[2Jb\u202ec\u0007d\u200be\u009bf\u007f\n";

describe("printable", () => {
  it("is one line without what a terminal would obey", () => {
    expect(printable(EVIL)).toBe("a\\u001b[2Jb\\u202ec\\u0007d\\u200be\\u009bf\\u007f\\u000a");
  });

  it("is JSON too, from which a program reads the same text", () => {
    for (const indent of [0, 2]) {
      const json = printableJson({ [EVIL]: [EVIL] }, indent);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
      expect(json).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]/);
      expect(json.split("\n")).toHaveLength(indent === 0 ? 1 : 5);
      expect(JSON.parse(json)).toEqual({ [EVIL]: [EVIL] });
    }
  });
});

describe("the address in a message", () => {
  it.each([
    ["redis://op:secret@redis.example:6380/2?family=6", "redis://redis.example:6380/2"],
    ["redis://redis.example", "redis://redis.example"],
    ["redis://:secret@redis.example/", "redis://redis.example"],
  ])("of %s is %s", (url, shown) => {
    expect(redacted(url)).toBe(shown);
  });

  it.each(["/", "#", "?"])("shows nothing of a password that has a %s", (mark) => {
    for (const url of [`redis://op:12${mark}34@redis.example`, `redis://:12${mark}34@redis.example`])
      expect(redacted(url)).not.toMatch(/12|34/);
  });
});
