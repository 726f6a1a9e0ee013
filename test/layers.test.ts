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
  /^leaves\/.*\.ts$/,
  /^redis\/.*\.ts$/,
  /^(sessions|one-time|drop-in)\/.*\.ts$/,
  /^(http|jwt|introspection)\/.*\.ts$/,
  /^(adapters|testing|cli)\/.*\.ts$/,
  /^[\w-]+\.ts$/,
];

/** Rooms of one layer that know nothing of each other. */
const APART: readonly (readonly [room: RegExp, others: RegExp])[] = [
  [/^sessions\//, /^(one-time|drop-in)\//],
  [/^one-time\//, /^(sessions|drop-in)\//],
  [/^drop-in\//, /^(sessions|one-time)\//],
  [/^drop-in\/express\//, /^drop-in\/koa\//],
  [/^drop-in\/koa\//, /^drop-in\/express\//],
  [/^http\//, /^(jwt|introspection)\//],
  [/^introspection\//, /^(http|jwt)\//],
  [/^adapters\//, /^testing\//],
  [/^testing\//, /^(adapters|jwt|introspection|one-time|drop-in|redis)\//],
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
    expect(importsOf("sessions/assembly.ts")).toContain("sessions/verbs/create.ts");
    expect(importsOf("sessions/verbs/create.ts")).toContain("leaves/token.ts");
    expect(importsOf("index.ts")).toContain("sessions/assembly.ts");
  });

  it.each(APART)("keep %s apart from %s", (room, others) => {
    const inside = files.filter((file) => room.test(file));
    expect(inside.length).toBeGreaterThan(0);
    for (const file of inside) expect([file, importsOf(file).filter((path) => others.test(path))]).toEqual([file, []]);
  });

  it("leave nothing but re-exports at the top", () => {
    for (const file of files.filter((name) => !name.includes("/"))) {
      const rest = codeOf(file)
        .replace(/^#!.*/, "")
        .replace(/export (type )?(\*|\{[^}]*\}) from "\.\/[^"]+";/g, "");
      expect([file, rest.trim()]).toEqual([file, ""]);
    }
  });

  it("let the doors to Redis alone call a client's commands, and the drop-in stores alone use the side door", () => {
    const calls = /\.(evalsha|eval|pipeline|multi|wait|info|config|time|z?scan|sendCommand)(\?\.)?\(|client\[/;
    expect(files.filter((file) => calls.test(codeOf(file))).sort()).toEqual([
      "redis/clients/ioredis/port.ts",
      "redis/clients/node-redis/cluster.ts",
      "redis/clients/node-redis/port.ts",
      "redis/clients/node-redis/rediscovery.ts",
      "redis/clients/node-redis/sentinel.ts",
      "redis/clients/node-redis/single.ts",
      // These call the port of the same names.
      "redis/cluster/masters.ts",
      "redis/redis-door.ts",
      "redis/replicas.ts",
      "redis/server-facts.ts",
    ]);
    const users = files.filter((file) => importsOf(file).includes("redis/keyspace.ts"));
    expect(users.filter((file) => !file.startsWith("drop-in/"))).toEqual([]);
  });

  it("let no file name a command of Redis but what asks for facts, and what tells of the answers", () => {
    const names =
      /["'`](GET|SET|DEL|HGETALL|HMGET|HSET|HDEL|HINCRBY|EXISTS|PEXPIREAT|Z[A-Z]+|EVALSHA|EVAL|TIME|INFO|CONFIG|WAIT|SCAN)["'`]/;
    expect(files.filter((file) => !/^(http|testing)\//.test(file) && names.test(codeOf(file))).sort()).toEqual([
      "redis/clients/client.ts",
      "redis/clients/ioredis/client.ts",
      "redis/clients/ioredis/port.ts",
      // Raw commands have replies that the client does not transform.
      "redis/clients/node-redis/port.ts",
      "redis/clients/node-redis/sentinel.ts",
      "redis/clients/node-redis/single.ts",
      "redis/server-facts.ts",
      "sessions/refusals.ts",
    ]);
  });

  it("let coatcheck/jwt alone know jose", () => {
    const knowJose = files.filter((file) => /from "jose"/.test(codeOf(file)));
    expect(knowJose).toContain("jwt/profile.ts");
    expect(knowJose.filter((file) => !file.startsWith("jwt/"))).toEqual([]);
    const users = files.filter((file) => importsOf(file).some((path) => path.startsWith("jwt/")));
    expect(users.filter((file) => !file.startsWith("jwt/"))).toEqual(["jwt.ts"]);
  });

  it("keep every client out of the package, and its family below redis/clients", () => {
    for (const file of files) expect(codeOf(file)).not.toMatch(/from "(ioredis|iovalkey|ioredis-mock|redis)"/);
    const family = /^redis\/clients\/(ioredis|node-redis)\//;
    const users = files.filter((file) => !family.test(file) && importsOf(file).some((path) => family.test(path)));
    expect(users.sort()).toEqual(["index.ts", "redis/clients/subscriber.ts", "redis/clients/supported.ts"]);
  });
});
