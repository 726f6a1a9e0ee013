/** The layers of the HTTP side: the kit knows headers and no framework, an adapter knows one framework and no header. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const read = (file: string) => readFileSync(new URL(file, ROOT), "utf8");

/** Code lines: what is left without comments and blanks. No string in these files looks like a comment. */
function codeLines(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return code.split("\n").filter((line) => line.trim() !== "");
}

/** What a file imports from outside its own folder tree: names of packages, and relative paths as they are. */
function importsOf(source: string): string[] {
  return [...source.matchAll(/^(?:import|export|\}) ?.*?from "([^"]+)";$|^import "([^"]+)";$/gm)].map(
    ([, from, bare]) => from ?? bare ?? "",
  );
}

const kit = readdirSync(new URL("src/http/", ROOT)).map((name) => `src/http/${name}`);
const ADAPTERS: Record<string, string[]> = {
  "src/adapters/express.ts": ["express"],
  "src/adapters/fastify.ts": ["../leaves/arguments.js", "fastify-plugin"],
  "src/adapters/koa.ts": ["koa"],
  "src/adapters/hono.ts": ["hono"],
  "src/adapters/fetch.ts": ["../leaves/errors.js", "../sessions/store.js"],
};

describe("the kit", () => {
  it.each(kit)("%s knows no framework", (file) => {
    const source = read(file);
    const packages = importsOf(source).filter((path) => !path.startsWith("."));
    expect(["cookie", "node:http"]).toEqual(expect.arrayContaining(packages));
    // Node's requests are one kind among others: their types alone are named, and in one place.
    if (file !== "src/http/node-port.ts") expect(packages).not.toContain("node:http");
    else expect(source).toContain("import type { IncomingMessage, ServerResponse }");
  });

  it("reads and writes headers through the port alone", () => {
    for (const file of kit.filter((name) => !/(node|fetch)-port\.ts$/.test(name))) {
      expect([
        file,
        codeLines(read(file)).filter((line) => /\.(headers|setHeader|getHeader|rawHeaders)\b/.test(line)),
      ]).toEqual([file, []]);
    }
  });

  it("imports nothing from an adapter", () => {
    for (const file of kit) {
      expect(
        importsOf(read(file)).filter((path) => /(express|fastify|koa|hono|adapters\/fetch)\.js$/.test(path)),
      ).toEqual([]);
    }
  });
});

describe("an adapter", () => {
  it.each(Object.entries(ADAPTERS))("%s knows its framework and the kit", (file, packages) => {
    const others = importsOf(read(file)).filter(
      (path) => !/^\.\.\/http\/[\w-]+\.js$|^\.\/(fastify|hono)-port\.js$/.test(path),
    );
    expect([...new Set(others)].sort()).toEqual([...packages].sort());
  });

  it.each([...Object.keys(ADAPTERS), "examples/adapters/node-http.ts"])("%s takes 60 lines of code at most", (file) => {
    // The examples' tiny programs are no part of their adapters.
    const [adapter = ""] = read(file).split("/** A tiny application");
    const lines = codeLines(adapter);
    expect(lines.length).toBeLessThanOrEqual(60);
    expect(lines.length).toBeGreaterThan(20);
  });

  it("names no header but the one that Fastify treats on its own", () => {
    for (const file of [...Object.keys(ADAPTERS), "src/adapters/fastify-port.ts", "src/adapters/hono-port.ts"]) {
      const code = codeLines(read(file)).join("\n");
      const named = [...code.matchAll(/"((?:Set-|Cache-|WWW-|Clear-)[\w-]+|cookie|authorization|origin)"/gi)].map(
        ([, name]) => name,
      );
      expect([file, named]).toEqual([file, file === "src/adapters/fastify-port.ts" ? ["Set-Cookie"] : []]);
    }
  });
});
