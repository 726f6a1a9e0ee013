/** The programs of docs/testing.md, run as they stand there by Node's own test runner, and its table of routes. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import RedisMock from "ioredis-mock";
import { beforeAll, describe, expect, it } from "vitest";
import { start } from "../../examples/adapters/node-http-contract.js";
import { adapterContract } from "../../src/testing.js";
import { ensureBuilt } from "../harness/dist.js";
import { afterFile } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = new MarkdownDocument(new URL("../../docs/testing.md", import.meta.url));
// Inside the project, so that a program finds the packages that it imports, and this one by its own name.
const folder = join(root, ".cache/testing-programs", String(process.pid));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

beforeAll(async () => {
  await ensureBuilt();
  mkdirSync(folder, { recursive: true });
  for (const file of ["node-http.ts", "node-http-contract.ts", "node-http.test.ts"])
    cpSync(join(root, "examples/adapters", file), join(folder, file));
}, 120_000);
afterFile(() => rmSync(folder, { recursive: true }));

/** Runs a file with `node --test`. Gives its last lines. */
async function nodeTest(file: string): Promise<string> {
  // Else the runner inside would answer in the protocol of a runner outside.
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const settings = { cwd: folder, env: { ...env, TSX_TSCONFIG_PATH: join(root, "examples/tsconfig.json") } };
  const args = ["--import", tsx, "--test", "--test-reporter", "tap", file];
  const { stdout } = await promisify(execFile)(process.execPath, args, settings);
  return stdout;
}

const program = (part: string) => {
  const found = page.blocks("ts").filter(({ code }) => code.includes(part));
  expect(found).toHaveLength(1);
  return found[0]?.code ?? "";
};

describe("docs/testing.md", () => {
  it("has a test of an application that passes", async () => {
    writeFileSync(join(folder, "log-in.test.ts"), program("logIn("));
    const output = await nodeTest("log-in.test.ts");
    expect(output).toMatch(/^# pass 2$/m);
    expect(output).toMatch(/^# fail 0$/m);
  });

  it("has a test of an adapter that passes on the adapter of the examples, all cases of it", async () => {
    const code = program("adapterContract(").replace(
      'declare const start: AdapterSubject["start"];',
      'import { start as mine } from "./node-http-contract.ts";\nconst start: AdapterSubject["start"] = mine;',
    );
    expect(code).toContain("node-http-contract.ts");
    writeFileSync(join(folder, "contract.test.ts"), code);
    const cases = adapterContract({ redis: new RedisMock(), start });
    for (const file of ["contract.test.ts", "node-http.test.ts"]) {
      const output = await nodeTest(file);
      expect(output).toMatch(new RegExp(`^# pass ${cases.length}$`, "m"));
      expect(output).toMatch(/^# fail 0$/m);
    }
  });

  it("names the routes that the source asks for", () => {
    const source = readFileSync(join(root, "src/testing/adapter-subject.ts"), "utf8");
    const inSource = [...source.matchAll(/^ {3}\* \| (`(?:GET|POST) .*) \|$/gm)].map(([, row]) => row?.split(" | "));
    expect(inSource).toHaveLength(12);
    expect(page.table("route")).toEqual(inSource);
  });
});
