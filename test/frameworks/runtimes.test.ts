/** docs/fetch.md: its program on Request and Response runs on Bun and Deno as it stands. */
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { expectVisit } from "../examples/log-in-visit.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { Recipe, type Running } from "./recipe.js";

const APP = fileURLToPath(new URL("../../examples/fetch/app.ts", import.meta.url));
// As the page has it, and without a look for newer versions. Deno serves the default export, and takes the port from here.
const DENO = ["--allow-net", "--allow-env", "--allow-read", "--allow-sys"];
const RUNTIMES = [
  { name: "Bun", scope: "@oven", bin: "bin/bun", command: ["app.ts"] },
  {
    name: "Deno",
    scope: "@deno",
    bin: "deno",
    command: ["serve", ...DENO, "--no-remote", "--node-modules-dir=manual", "--host=127.0.0.1", "--port=0", "app.ts"],
  },
] as const;

const redis = await startRedisServer();
afterFile(() => redis.stop());
let recipe: Recipe;
beforeAll(async () => {
  recipe = await Recipe.install("runtimes");
  recipe.copyPackage();
  copyFileSync(APP, join(recipe.folder, "app.ts"));
});

describe.each(RUNTIMES)("on $name", ({ scope, bin, command }) => {
  let program: Running;
  beforeAll(async () => {
    // The binaries are in packages of their own, one for each platform, of which npm installs what fits.
    const packages = join(recipe.folder, "node_modules", scope);
    const found = readdirSync(packages).map((name) => join(packages, name, bin));
    expect(found).not.toEqual([]);
    const env = { REDIS_URL: redis.url, DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" };
    program = await recipe.start(env, command, found[0]);
  });

  it("the program logs in, guards, logs out, blocks, and logs no stack", async () => {
    const { url } = program;
    const block = (user: string) => fetch(`${url}/block?user=${user}`, { method: "POST" });
    const shows = () => '{"role":"member"}';
    // The other runtime has blocked somebody.
    await connect({ port: redis.port }).flushall();
    await expectVisit({ url, guarded: "/me", login: "/login", logout: "/logout", block, shows });
    expect(program.output()).not.toMatch(/^\s+at /m);
  });

  it("an error has its status, its headers and its type", async () => {
    const refused = await fetch(`${program.url}/me`);
    expect([refused.status, await refused.text()]).toEqual([401, "Log in first"]);
    expect(refused.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(refused.headers.get("vary")).toContain("Cookie");
  });

  it("while Redis does not answer it is 503, and afterwards as before", async () => {
    const login = await fetch(`${program.url}/login`, {
      ...{ method: "POST", body: new URLSearchParams({ user: "ada" }), redirect: "manual" },
    });
    const headers = { cookie: login.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
    redis.freeze();
    try {
      const answer = await fetch(`${program.url}/me`, { headers });
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    } finally {
      redis.thaw();
    }
    await expect.poll(async () => (await fetch(`${program.url}/me`, { headers })).status).toBe(200);
  });
});
