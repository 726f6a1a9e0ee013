/**
 * `COATCHECK_CLIENT=node-redis-6 npm run test:clients`: what depends on the client, on another one: the contracts, races and
 * replays, clocks, the key space, secrecy, one-time tokens, slots that move, the near cache and watches. What only a kind of
 * client does is tested beside its driver, by `npm test`.
 */
import { defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

export default defineConfig({
  ...config,
  root: `${import.meta.dirname}/../..`,
  test: {
    ...config.test,
    include: [
      "test/harness/{twin,fixtures}.test.ts",
      "test/sessions/verbs/!(revoke-all).test.ts",
      "test/sessions/{events,expiry,clock,foreign-replies,keys,keyspace,last-ms,roundtrips,secrecy,secrecy-errors}.test.ts",
      "test/sessions/races/*.test.ts",
      "test/sessions/faults/{corrupt,hand}.test.ts",
      "test/sessions/near/{faults,model,near,races}.test.ts",
      "test/sessions/watching/{outages,watch}.test.ts",
      "test/one-time/{store,races,redis,replay}.test.ts",
      "test/cluster/{store,slot-move,routing}.test.ts",
    ],
    typecheck: { enabled: false },
  },
});
