/** The package as npm packs it: what a reader of its documents finds there, without the repository. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");

// Packing runs no build: the documents are packed as they are, and dist/ is tested by `npm run check:package`.
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
