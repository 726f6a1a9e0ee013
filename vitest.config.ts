import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { clientUnderTest } from "./test/harness/client-under-test.ts";
import { luaModule } from "./tools/lua.mjs";

/** `COATCHECK_CLIENT=ioredis-6` runs the tests on ioredis 6. ioredis-mock is not bundled, so it keeps the ioredis 5 it needs. */
const client = clientUnderTest();

/** What takes long by nature: `npm run test:long`. */
export const LONG = ["test/sessions/scale.test.ts", "test/bench/run.test.ts"];

const source = (file: string) => `${import.meta.dirname}/src/${file}`;

/** On node-redis the tests get these entries, whose stores get clients of node-redis. */
const TWINS: Record<string, string> = { "index.ts": "node-redis/index.ts", "one-time.ts": "node-redis/one-time.ts" };

export default defineConfig({
  plugins: [
    {
      name: "node-redis-twins",
      enforce: "pre",
      async resolveId(id, importer, options) {
        if (!client.isNodeRedis || importer === undefined || importer.includes("/test/harness/node-redis/"))
          return null;
        const found = await this.resolve(id, importer, { ...options, skipSelf: true });
        const twin = TWINS[found?.id.startsWith(source("")) ? found.id.slice(source("").length) : ""];
        return twin === undefined || importer.startsWith(source(""))
          ? null
          : `${import.meta.dirname}/test/harness/${twin}`;
      },
    },
    {
      name: "lua-as-text",
      enforce: "pre",
      async load(id) {
        const [file = id] = id.split("?");
        return file.endsWith(".lua") ? luaModule(await readFile(file, "utf8")) : null;
      },
    },
  ],
  resolve: {
    alias: [
      { find: /^ioredis$/, replacement: client.ioredis },
      // The examples import the package by its name; the tests run them on the sources, without a build.
      { find: /^coatcheck$/, replacement: source("index.ts") },
      { find: /^coatcheck\/([\w-]+)$/, replacement: source("$1.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // Each of these has a command of its own: the first needs a Chromium, the second other servers, the third installs packages,
    // and the others take long.
    exclude: ["test/browser/**", "test/servers/**", "test/frameworks/**", "test/faults/*/**", ...LONG],
    globalSetup: ["test/harness/global-setup.ts"],
    // The servers that a test file starts end with its process, so each file needs one of its own.
    pool: "forks",
    // More than there are cores on a machine of two: a third of the time a file waits for Redis, for a process or for a timer.
    maxWorkers: Math.max(3, availableParallelism()),
    // Nothing is judged by its speed: these are for what hangs, also on a machine that is slow or busy.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes soon on any machine, but within the second of the default not on every one.
    expect: { poll: { timeout: 10_000 } },
    // `npm run coverage`. What runs in a process of its own, such as an example, is not counted.
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // Its tests run the built program.
      exclude: ["src/cli.ts", "src/cli/**"],
      reporter: ["text", "html", "json-summary"],
      reportsDirectory: ".cache/coverage",
      reportOnFailure: true,
      // A little below what was measured, so that new code does not come without tests.
      thresholds: { statements: 94, branches: 90, functions: 93, lines: 95 },
    },
    // The type tests alone and what they import: `npm run typecheck` judges all other files.
    typecheck: { enabled: true, include: ["test/**/*.test-d.ts"], tsconfig: "test/types.tsconfig.json" },
  },
});
