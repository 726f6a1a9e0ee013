/** `npm run test:browser`: the tests in a real Chromium, with everything else as in the other tests. */
import { defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

export default defineConfig({
  ...config,
  root: `${import.meta.dirname}/../..`,
  test: {
    ...config.test,
    include: ["test/browser/**/*.test.ts"],
    exclude: [],
    typecheck: { enabled: false },
    // A page is looked at four times, and a busy machine takes its time for each.
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
