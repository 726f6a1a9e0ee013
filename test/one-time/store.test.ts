/** The contract of one-time tokens on a real Redis, alone and as a node of a Cluster. */
import { afterFile, connect } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { describeOneTimeTokens } from "./contract.js";

describeOneTimeTokens("one-time tokens on Redis", connect, { exactClock: true });

// A node that has every slot refuses a script whose keys lie in more than one.
const cluster = await startRedisServer({ cluster: true });
afterFile(() => cluster.stop());
describeOneTimeTokens(
  "one-time tokens on a node of a Cluster",
  (options) => connect({ ...options, port: cluster.port }),
  { exactClock: true },
);
