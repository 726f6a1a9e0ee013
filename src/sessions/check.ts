/**
 * How `check()` judges the facts that servers and client tell: which settings can break a promise, what can happen, and how to
 * mend it. Pure: the facts come from redis/server-facts.ts, and what can be wrong with a client from its driver.
 */
import type { ClientPort } from "../redis/clients/client.js";
import type { ServerFacts } from "../redis/server-facts.js";
import { type CheckedServer, describeServer } from "./checked-server.js";
import { judgeAnswers } from "./refusals.js";

/** One thing that `check()` found. */
export interface CheckFinding {
  /** Stable identifier. */
  readonly code: string;
  /** `"danger"`: a promise can break. `"warning"`: it costs speed, memory or availability. */
  readonly level: "danger" | "warning";
  /** What was found. */
  readonly found: string;
  /** What can happen. */
  readonly consequence: string;
  /** What to do. */
  readonly mend: string;
}

/** The client, as far as it matters here. */
type CheckedClient = Pick<ClientPort, "underSentinel" | "findings">;

/** The outcome of `check()`. */
export interface CheckReport {
  /**
   * Whether nothing dangerous was found. A server that does not answer or refuses `INFO` is a danger, because nothing is known
   * of it.
   */
  readonly ok: boolean;
  /** Every node that was asked, whether it answered or not: one, or all of a Cluster, its replicas included. */
  readonly servers: readonly CheckedServer[];
  readonly findings: readonly CheckFinding[];
}

const OLDEST_VERSION = 7;
const CLOCK_TOLERANCE = 5000;
/** Longer than any user agent that is stored. */
const ROOMY_LISTPACK_VALUE = 512;

/**
 * Judges what servers and client say of themselves. `replicasWanted` is the `count` of the `replicas` option, `others` are
 * findings from elsewhere.
 */
export function judgeFacts(
  facts: readonly ServerFacts[],
  client: CheckedClient,
  replicasWanted: number,
  others: Iterable<CheckFinding> = [],
): CheckReport {
  const findings: CheckFinding[] = [];
  const servers = facts.map((each) => describeServer(each));
  const { underSentinel } = client;
  for (const [at, server] of servers.entries()) {
    const known = facts[at] as ServerFacts;
    const where = servers.length > 1 ? ` (${server.port === null ? server.address : `port ${server.port}`})` : "";
    const found =
      known.failure === undefined
        ? [...judgeAnswers(server, known), ...judgeServer(server, known, replicasWanted, underSentinel)]
        : [unreachableFinding(known.failure)];
    for (const finding of found) findings.push({ ...finding, found: finding.found + where });
  }
  findings.push(...client.findings(), ...others);
  return { ok: findings.every(({ level }) => level !== "danger"), servers, findings };
}

function unreachableFinding(failure: string): CheckFinding {
  return {
    code: "unreachable",
    level: "danger",
    found: `a server does not answer: ${failure}`,
    consequence:
      "nothing is known of it; while it is a master, the sessions of its users can be neither read, created nor revoked",
    mend: "bring it back, or let its replica take its place; then check again",
  };
}

function* judgeServer(
  server: CheckedServer,
  { info, config }: ServerFacts,
  replicasWanted: number,
  underSentinel: boolean,
): Generator<CheckFinding> {
  const inCluster = info["cluster_enabled"] === "1";
  const { version, role, maxmemoryPolicy, appendOnly, connectedReplicas, hashMaxListpackValue, clockAhead } = server;
  if (version !== null && Number.parseInt(version, 10) < OLDEST_VERSION) {
    yield {
      code: "version",
      level: "danger",
      found: `the server is version ${version}`,
      consequence: "coatcheck is tested on Redis 7.0 and later; what it relies on may be missing",
      mend: "upgrade to Redis 7 or Valkey",
    };
  }
  // A client for a Cluster knows which nodes are replicas, and sends them no command of the store.
  if (role === "slave" && !inCluster) {
    yield {
      code: "replica",
      level: "danger",
      found: "the client talks to a replica",
      consequence: "every verb that writes fails, and a revoked session is still found until the replica has caught up",
      mend: "connect to the primary, or through Sentinel or Cluster",
    };
  }
  if (maxmemoryPolicy !== null && maxmemoryPolicy !== "noeviction") {
    yield {
      code: "eviction",
      level: "danger",
      found: `maxmemory-policy is ${maxmemoryPolicy}`,
      consequence:
        "when memory is short Redis drops sessions (users are logged out) and indexes (revokeAllForUser misses sessions)",
      mend: "CONFIG SET maxmemory-policy noeviction, and give Redis the memory it needs",
    };
  }
  if (appendOnly === false) {
    yield {
      code: "persistence",
      level: "danger",
      found: config["save"] === "" ? "nothing is written to disk" : "there is no append-only file, only snapshots",
      consequence:
        config["save"] === ""
          ? "a restart logs every user out and lifts every block"
          : "a restart goes back to the last snapshot: sessions revoked since then come back to life",
      mend: "CONFIG SET appendonly yes",
    };
  } else if (config["appendfsync"] === "no") {
    yield {
      code: "fsync",
      level: "danger",
      found: "appendfsync is no",
      consequence: "when the machine dies, what was revoked in its last half minute comes back to life",
      mend: "CONFIG SET appendfsync everysec (or always)",
    };
  }
  const isMaster = role !== "slave" || !inCluster;
  if (isMaster && inCluster && connectedReplicas === 0 && replicasWanted === 0) {
    yield {
      code: "no-replica",
      level: "warning",
      found: "a master of the Cluster has no replica",
      consequence:
        "when it fails, its users have no sessions until it is back; and by default the whole Cluster stops serving meanwhile",
      mend: "add a replica with redis-cli --cluster add-node … --cluster-slave",
    };
  }
  if (isMaster && connectedReplicas !== null && connectedReplicas < replicasWanted) {
    yield {
      code: "replicas",
      level: "danger",
      found: `${connectedReplicas} replicas are connected, and the replicas option asks for ${replicasWanted}`,
      consequence: "every revocation rejects with NotReplicatedError",
      mend: "connect the replicas, or lower replicas.count",
    };
  }
  if (isMaster && underSentinel && connectedReplicas === 0 && replicasWanted === 0) {
    yield {
      code: "no-replica",
      level: "warning",
      found: "the master has no replica",
      consequence: "when it fails, Sentinel has nothing to put in its place, and nobody has a session until it is back",
      mend: "start a server with replicaof, and wait until SENTINEL REPLICAS lists it",
    };
  }
  if (clockAhead !== null && Math.abs(clockAhead) > CLOCK_TOLERANCE) {
    yield {
      code: "clock",
      level: "warning",
      found: `the server's clock is ${Math.abs(clockAhead)} ms ${clockAhead > 0 ? "ahead of" : "behind"} this process's`,
      consequence:
        "deadlines are right all the same, since only the server's clock counts; but an `until` that this process computes ends a block early or late, and expiresAt looks wrong here",
      mend: "synchronise both with NTP",
    };
  }
  if (hashMaxListpackValue !== null && hashMaxListpackValue < ROOMY_LISTPACK_VALUE) {
    yield {
      code: "listpack",
      level: "warning",
      found: `hash-max-listpack-value is ${hashMaxListpackValue}`,
      consequence: `one value above ${hashMaxListpackValue} bytes, such as a browser's user agent, makes its session a hash table, 1.7 times as large as a listpack that holds it`,
      mend: `CONFIG SET hash-max-listpack-value ${ROOMY_LISTPACK_VALUE}`,
    };
  }
}
