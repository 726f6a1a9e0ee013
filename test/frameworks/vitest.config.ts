/**
 * `npm run test:frameworks`: the recipes of docs/frameworks, each with the real packages, in a folder of its own under .cache. The
 * first run installs them.
 */
import { defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

export default defineConfig({
  ...config,
  root: `${import.meta.dirname}/../..`,
  test: {
    ...config.test,
    include: ["test/frameworks/**/*.test.ts"],
    exclude: [],
    typecheck: { enabled: false },
    // An installation, and for some a build.
    hookTimeout: 600_000,
    maxWorkers: 2,
  },
});
