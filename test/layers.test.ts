/** The layers: imports point one way, and few files know Redis. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { describe, expect, it } from "vitest";

const SRC = new URL("../src/", import.meta.url);
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"));

/** From the bottom up. A file may import from its own layer and from those before it. */
const LAYERS: readonly RegExp[] = [
  /^(deadline|errors|token|keys|options|claims|session|events)\.ts$/,
  /^(redis|scripts)\/.*\.ts$/,
  /^(check|context|verbs\/.*|one-time|one-time\/.*|drop-in\/.*)\.ts$/,
  /^store\.ts$/,
  /^introspection\.ts$/,
  /^http\/.*\.ts$/,
  /^jwt\/.*\.ts$/,
  /^(express|fastify|koa|jwt|express-session|koa-session)\.ts$/,
  /^index\.ts$/,
];
const layerOf = (file: string) => LAYERS.findIndex((layer) => layer.test(file));

/** The files of this package that a file imports. */
function importsOf(file: string): string[] {
  const source = readFileSync(new URL(file, SRC), "utf8");
  const paths = [...source.matchAll(/^(?:import|export|\}) .*?from "(\.[^"]+)";$|^import "(\.[^"]+)";$/gm)];
  return paths.map(([, from, bare]) => join(dirname(file), from ?? bare ?? "").replace(/\.js$/, ".ts"));
}

const codeOf = (file: string) => readFileSync(new URL(file, SRC), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");

describe("the layers", () => {
  it.each(files)("let %s import nothing from above it", (file) => {
    expect(layerOf(file), `${file} has no layer: give it one`).toBeGreaterThanOrEqual(0);
    const above = importsOf(file).filter((path) => path.endsWith(".ts") && layerOf(path) > layerOf(file));
    expect(above).toEqual([]);
  });

  it("see the imports that there are", () => {
    expect(importsOf("store.ts")).toContain("verbs/create.ts");
    expect(importsOf("verbs/create.ts")).toContain("scripts/scripts.ts");
    expect(importsOf("index.ts")).toContain("store.ts");
  });

  it("let the doors to Redis alone call a client's commands, and the drop-in stores alone use the side door", () => {
    const calls = /\.(evalsha|eval|pipeline|multi|wait|info|config|time|z?scan|sendCommand)(\?\.)?\(|client\[/;
    expect(files.filter((file) => calls.test(codeOf(file))).sort()).toEqual([
      "redis/keyspace.ts",
      "redis/node-redis.ts",
      "redis/redis.ts",
      "redis/script-runner.ts",
    ]);
    const users = files.filter((file) =>
      importsOf(file).some((path) => /^redis\/(keyspace|node-redis)\.ts$/.test(path)),
    );
    expect(users.filter((file) => !/^(redis\/node-redis\.ts|drop-in\/)/.test(file))).toEqual([]);
  });

  it("let redis.ts alone name a command of Redis", () => {
    const names =
      /["'`](GET|SET|DEL|HGETALL|HMGET|HSET|HDEL|HINCRBY|EXISTS|PEXPIREAT|Z[A-Z]+|EVALSHA|EVAL|TIME|INFO|CONFIG|WAIT|SCAN)["'`]/;
    expect(files.filter((file) => !file.startsWith("http/") && names.test(codeOf(file)))).toEqual(["redis/redis.ts"]);
  });

  it("let coatcheck/jwt alone know jose", () => {
    const knowJose = files.filter((file) => /from "jose"/.test(codeOf(file)));
    expect(knowJose).toContain("jwt/profile.ts");
    expect(knowJose.filter((file) => !file.startsWith("jwt/"))).toEqual([]);
    const users = files.filter((file) => importsOf(file).some((path) => path.startsWith("jwt/")));
    expect(users.filter((file) => !file.startsWith("jwt/"))).toEqual(["jwt.ts"]);
  });

  it("keep everything but types of ioredis out of the package", () => {
    for (const file of files) expect(codeOf(file)).not.toMatch(/from "(ioredis|iovalkey|ioredis-mock)"/);
  });
});
