/**
 * `npm run test:long`: what is long by nature, and so has no part in `npm test`: users with a hundred thousand sessions, the
 * benchmark as a user starts it, four times as many random histories for the model, and twenty times as many races for the near
 * cache.
 */
import config, { LONG } from "../../vitest.config.ts";

export default {
  ...config,
  root: `${import.meta.dirname}/../..`,
  test: {
    ...config.test,
    include: [...LONG, "test/sessions/model.test.ts", "test/sessions/near/races.test.ts"],
    exclude: [],
    env: { COATCHECK_HISTORIES: "800", COATCHECK_FILL_RACES: "10000" },
    typecheck: { enabled: false },
    // One of the files looks how long others wait for Redis.
    maxWorkers: 2,
  },
};
