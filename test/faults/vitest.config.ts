/**
 * `npm run test:faults`: every fault in full, which takes the better part of an hour and writes docs/faults.md. With a path, such
 * as `-- faults/near`, only those of one folder, whose section of docs/faults.md it writes.
 * `npm run test:faults:quick`: the same faults for a few minutes, which writes nothing.
 */
import { defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";
import FaultReport from "./report.ts";

const root = `${import.meta.dirname}/../..`;

export default defineConfig(({ mode }) => {
  const full = mode === "full";
  return {
    ...config,
    root,
    test: {
      ...config.test,
      include: ["test/faults/*/**/*.test.ts"],
      exclude: [],
      env: { COATCHECK_FAULTS: full ? "full" : "quick" },
      reporters: full ? ["default", new FaultReport()] : ["default"],
      typecheck: { enabled: false },
      // Servers and Clusters are stopped after each file.
      hookTimeout: 120_000,
      // What one fault does to the machine must not be measured as another's.
      maxWorkers: full ? 1 : 2,
    },
  };
});
