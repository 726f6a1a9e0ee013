/** What the package carries: an application that does not import one-time tokens or introspection does not get them. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { oneTimeScripts } from "../../src/one-time/scripts/scripts.js";
import prelude from "../../src/redis/prelude.lua";
import { ensureBuilt } from "../harness/dist.js";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));
beforeAll(ensureBuilt, 120_000);

/** The code of an entry of the package and of all chunks that it loads. */
function codeOf(entry: string, seen = new Set<string>()): string {
  const file = join(dist, entry);
  if (seen.has(file)) return "";
  seen.add(file);
  const code = readFileSync(file, "utf8");
  const chunks = [...code.matchAll(/(?:from|import) "(\.[^"]+\.js)"/g)].map(([, path = ""]) =>
    join(dirname(entry), path),
  );
  return [code, ...chunks.map((chunk) => codeOf(chunk, seen))].join("\n");
}

const sources = Object.values(oneTimeScripts).map(({ source }) => source);
const bodies = Object.entries(oneTimeScripts).map(([name, { source }]) => {
  // The longest line that no other script has and no prelude, and that looks in a module as it does in Lua.
  const lines = source.split("\n").filter((text) => !prelude.includes(text));
  const own = lines.filter((text) => sources.filter((other) => other.includes(text)).length === 1);
  const [line = ""] = own.filter((text) => !/["\\]/.test(text)).sort((a, b) => b.length - a.length);
  return [name, line] as const;
});

describe("the built package", () => {
  it.each(bodies)("carries the script %s in coatcheck/one-time, and nowhere else", (_, line) => {
    expect(line.length).toBeGreaterThan(20);
    expect(codeOf("one-time.js")).toContain(line);
    for (const entry of ["index.js", "http.js", "express.js", "fastify.js", "koa.js", "introspection.js"]) {
      expect([entry, codeOf(entry).includes(line)]).toEqual([entry, false]);
    }
  });

  it("carries nothing of either beside their own entries", () => {
    for (const entry of ["index.js", "http.js", "express.js", "fastify.js", "koa.js"]) {
      const code = codeOf(entry);
      expect(code).toContain("STORE_UNAVAILABLE");
      for (const theirs of ["createOneTimeTokens", "ISSUE_LIMIT", "introspect"]) expect(code).not.toContain(theirs);
    }
    expect(codeOf("one-time.js")).toContain("ISSUE_LIMIT");
    expect(codeOf("introspection.js")).toContain("introspect");
  });

  it("carries no script of the store in coatcheck/introspection", () => {
    expect(codeOf("introspection.js")).not.toContain("KEYS[1]");
    expect(codeOf("index.js")).toContain("KEYS[1]");
  });

  it("has one class for each error, so that instanceof holds between the entries", async () => {
    const core = (await import(join(dist, "index.js"))) as typeof import("../../src/index.js");
    const { IssueLimitError } = (await import(join(dist, "one-time.js"))) as typeof import("../../src/one-time.js");
    const error = new IssueLimitError(1, 1);
    expect(error).toBeInstanceOf(core.SessionError);
    expect(core.isSessionError(error)).toBe(true);
  });
});
