/**
 * `npm run test:long`: what is long by nature, and so has no part in `npm test`: users with a hundred thousand sessions, the
 * benchmark as a user starts it, and four times as many random histories for the model.
 */
import config, { LONG } from "../../vitest.config.ts";

export default {
  ...config,
  root: `${import.meta.dirname}/../..`,
  test: {
    ...config.test,
    include: [...LONG, "test/sessions/model.test.ts"],
    exclude: [],
    env: { COATCHECK_HISTORIES: "800" },
    typecheck: { enabled: false },
    // One of the files looks how long others wait for Redis.
    maxWorkers: 2,
  },
};
