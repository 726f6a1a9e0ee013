/** What is built: jose comes with coatcheck/jwt and with nothing else, and is never copied into the package. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt } from "../harness/dist.js";

const ROOT = new URL("../../", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  readonly dependencies: object;
  readonly peerDependencies: object;
  readonly peerDependenciesMeta: object;
};
const entries = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === "string" ? [] : [[name, target.default] as const],
);

/** A built module and all that it imports of the package, by path, with what each of them imports from elsewhere. */
function modulesOf(entry: string): Map<string, string[]> {
  const modules = new Map<string, string[]>();
  const visit = (file: URL) => {
    const path = fileURLToPath(file);
    if (modules.has(path)) return;
    const code = readFileSync(file, "utf8");
    const imports = [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']/g)].map(
      ([, from]) => from as string,
    );
    modules.set(
      path,
      imports.filter((from) => !from.startsWith(".")),
    );
    for (const from of imports) if (from.startsWith(".")) visit(new URL(from, file));
  };
  visit(new URL(entry, ROOT));
  return modules;
}

const packagesOf = (entry: string) => new Set([...modulesOf(entry).values()].flat());
/** Words that only jose's own code has. */
const JOSE = /ERR_JWS|ERR_JWT|CompactSign|JWSSignatureVerificationFailed\s*=|jwtVerify\s*\(\s*jwt\s*,\s*key/;

describe("the built package", { timeout: 120_000 }, () => {
  beforeAll(ensureBuilt, 120_000);

  it("has coatcheck/jwt among its entries, and jose as a peer that nobody has to install", () => {
    expect(entries.map(([name]) => name)).toContain("./jwt");
    expect(manifest.peerDependencies).toHaveProperty("jose");
    expect(manifest.peerDependenciesMeta).toHaveProperty("jose", { optional: true });
    expect(manifest.dependencies).not.toHaveProperty("jose");
    for (const [, target] of entries) expect(existsSync(new URL(target, ROOT)), target).toBe(true);
  });

  it.each(entries)("imports jose in coatcheck/jwt alone: %s", (name, target) => {
    expect(packagesOf(target).has("jose")).toBe(name === "./jwt");
  });

  it.each(entries)("holds no code of jose: %s", (_, target) => {
    const copied = [...modulesOf(target).keys()].filter((path) => JOSE.test(readFileSync(path, "utf8")));
    expect(copied).toEqual([]);
    expect(JOSE.test(readFileSync(new URL("node_modules/jose/dist/webapi/util/errors.js", ROOT), "utf8"))).toBe(true);
  });

  it("shares its error classes and its store with coatcheck/jwt, instead of a second copy", () => {
    const [core, jwt] = [modulesOf("dist/index.js"), modulesOf("dist/jwt.js")].map((modules) => [...modules.keys()]);
    expect(jwt?.filter((path) => core?.includes(path)).length).toBeGreaterThan(0);
  });
});
