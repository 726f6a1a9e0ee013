/**
 * The package as npm packs it: what a reader of its documents finds there, without the repository, and what somebody has who
 * installs it.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt } from "../harness/dist.js";
import { afterFile } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");

// Packing runs no build: the documents are packed as they are.
const npmPack = ["pack", "--dry-run", "--json", "--ignore-scripts"];
const { stdout } = await promisify(execFile)("npm", npmPack, { cwd: root, maxBuffer: 1 << 24 });
const [packed] = JSON.parse(stdout) as [{ files: { path: string }[] }];
const files = new Set(packed.files.map(({ path }) => path));
const documents = [...files].filter((path) => path.endsWith(".md")).sort();

/** Relative targets of links and images, also of images in HTML, as paths in the package. */
function targetsIn(document: string): string[] {
  const text = read(document).replaceAll(/```[\s\S]*?```/g, "");
  const found = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/\b(?:src|href)="([^"]+)"/g)];
  const relative = found.map(([, target = ""]) => target).filter((target) => !/^(?:[a-z]+:|#)/.test(target));
  return relative.map((target) => posix.join(posix.dirname(document), target.replace(/#.*$/, "")));
}

describe("the package", () => {
  it("holds its documents", () => {
    expect(documents).toEqual(expect.arrayContaining(["README.md", "SECURITY.md", "CHANGELOG.md", "docs/http.md"]));
    expect(targetsIn("README.md").length).toBeGreaterThan(20);
  });

  it.each(documents)("holds what %s links to", (document) => {
    expect(targetsIn(document).filter((target) => !files.has(target))).toEqual([]);
  });

  it("holds no tests, no sources and no source maps", () => {
    expect([...files].filter((path) => /^(?:src|test|tools)\/|\.map$/.test(path))).toEqual([]);
  });

  it("takes the address of its repository from one place, and is not published without one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "coatcheck-"));
    try {
      await mkdir(join(folder, "tools"));
      await copyFile(`${root}tools/repository.mjs`, join(folder, "tools/repository.mjs"));
      const { homepage: _, bugs: __, repository: ___, ...bare } = JSON.parse(read("package.json"));
      await writeFile(join(folder, "package.json"), JSON.stringify(bare));
      const run = (...args: string[]) => promisify(execFile)("node", [join(folder, "tools/repository.mjs"), ...args]);
      await expect(run()).rejects.toThrow("package.json has no address of the repository");
      await expect(run("http://git.example/ada/coatcheck")).rejects.toThrow("The address must be https://");
      await run("https://git.example/ada/coatcheck");
      const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
      expect(manifest).toEqual({
        ...bare,
        homepage: "https://git.example/ada/coatcheck#readme",
        bugs: { url: "https://git.example/ada/coatcheck/issues" },
        repository: { type: "git", url: "git+https://git.example/ada/coatcheck.git" },
      });
      await run();
      await writeFile(
        join(folder, "package.json"),
        JSON.stringify({ ...manifest, homepage: "https://elsewhere.example" }),
      );
      await expect(run()).rejects.toThrow("package.json has no address of the repository");
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(JSON.parse(read("package.json")).scripts.prepublishOnly).toMatch(/^npm run repository && /);
  });
});

describe("the package, installed from its tarball", () => {
  let folder: string;
  const run = (command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    promisify(execFile)(command, args, { cwd: folder, env: { ...process.env, ...env } });

  /** Runs a program there, and gives what it prints as JSON. */
  async function printed(file: string, program: string): Promise<unknown> {
    await writeFile(join(folder, file), program);
    return JSON.parse((await run(process.execPath, [file])).stdout);
  }

  beforeAll(async () => {
    await ensureBuilt();
    folder = await mkdtemp(join(tmpdir(), "coatcheck-installed-"));
    afterFile(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "package.json"), '{ "private": true }');
    const pack = ["pack", root, "--json", "--ignore-scripts", "--pack-destination", folder];
    const [{ filename }] = JSON.parse((await run("npm", pack)).stdout) as [{ filename: string }];
    // What the entries need beside the package's own dependencies: a client, and `jose` for coatcheck/jwt. No framework.
    const peers = ["ioredis", "jose"].map((name) => `${name}@${versionHere(name)}`);
    const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
    await run("npm", ["install", ...quiet, `./${filename}`, ...peers]);
  }, 120_000);

  it("runs as npx coatcheck, and checks a Redis", async () => {
    const server = await startRedisServer({ args: ["--appendonly", "yes", "--maxmemory", "64mb"] });
    try {
      const { stdout: report } = await run("npx", ["--no", "coatcheck", "check"], { REDIS_URL: server.url });
      expect(report).toContain(`127.0.0.1:${server.port}`);
    } finally {
      await server.stop();
    }
  });

  it("gives each of its entries to import and to require, with all that the sources export", async () => {
    const entries = entriesOf(JSON.parse(read("package.json")).exports);
    const expected = Object.fromEntries(
      await Promise.all(
        entries.map(async ([name, file]) => [name, Object.keys(await import(`../../src/${file}.ts`)).sort()]),
      ),
    );
    expect(expected["coatcheck"]).toContain("createSessionStore");
    const names = JSON.stringify(entries.map(([name]) => name));
    const keys = "Object.keys(entry).filter((key) => key !== 'module.exports').sort()";
    const by = (how: string) =>
      `const all = {}; for (const name of ${names}) { const entry = ${how}(name); all[name] = ${keys}; }
      console.log(JSON.stringify(all));`;
    expect(await printed("importing.mjs", by("await import"))).toEqual(expected);
    expect(await printed("requiring.cjs", by("require"))).toEqual(expected);
    const version = `console.log(JSON.stringify(require("coatcheck/package.json").version));`;
    expect(await printed("version.cjs", version)).toBe(JSON.parse(read("package.json")).version);
  });
});

/** The entries that are modules: the name to import, and the file of the sources. */
function entriesOf(exports: object): [name: string, file: string][] {
  const paths = Object.keys(exports).filter((path) => path !== "./package.json");
  return paths.map((path) => [posix.join("coatcheck", path), path === "." ? "index" : path.slice(2)]);
}

function versionHere(name: string): string {
  return JSON.parse(read(`node_modules/${name}/package.json`)).version;
}
