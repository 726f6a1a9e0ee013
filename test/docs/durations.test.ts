/** What an editor shows over an option that is a time: its unit, so that nobody has to guess it. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const TIME = /^(\w*(?:Timeout|Interval|Tolerance|Within)|timeout|ttl|grace|until|lease|endings)$/;

/** The properties of interfaces in a file that are times, each with its documentation. */
function timesIn(file: string): [name: string, doc: string][] {
  const source = readFileSync(new URL(file, ROOT), "utf8");
  const found = source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*readonly (\w+)\??: (?:number|readonly number)/g);
  return [...found].flatMap(([, doc = "", name = ""]) =>
    TIME.test(name) ? [[`${file}: ${name}`, doc] as [string, string]] : [],
  );
}

const times = readdirSync(new URL("src", ROOT), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .sort()
  .flatMap((file) => timesIn(`src/${file}`));

it("finds the options that are times", () => {
  expect(times.length).toBeGreaterThanOrEqual(16);
  expect(times.map(([name]) => name.split(": ")[1])).toEqual(
    expect.arrayContaining(["idleTimeout", "absoluteTimeout", "touchInterval", "timeout", "ttl", "grace", "until"]),
  );
});

it.each(times)("says the unit of %s", (_, doc) => {
  // A number with its unit, such as "30 minutes", says how long the default is and not what to give.
  expect(doc).toMatch(/\bms\b|\bin seconds\b/);
});
