/** The contract of the store on a Redis Cluster of three masters and three replicas, as the user of docs/operations.md. */

import { documentedUser, grant } from "../harness/access.js";
import { afterFile, connectCluster } from "../harness/fixtures.js";
import { startCluster } from "../harness/redis-cluster.js";
import { describeContract } from "../sessions/contract.js";

const cluster = await startCluster({ masters: 3, replicas: 1 });
afterFile(() => cluster.close());
const user = documentedUser("a Redis Cluster", "`revokeAll`");
for (const { admin } of cluster.nodes) await grant(admin, user);
const { username, password } = user;

describeContract(
  "the store on a Redis Cluster",
  (options) => connectCluster(cluster, { ...options, redisOptions: { username, password } }),
  { exactClock: true, observe: () => connectCluster(cluster) },
);
