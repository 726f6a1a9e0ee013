/** What `check` finds in the settings of a client of node-redis: which of them can break a promise. Pure. */
import type { ClientFinding } from "../client.js";
import type { ClientOptions, ClusterClient } from "./client.js";

/** Findings in the options of a client, or of the nodes of a cluster. */
export function* nodeRedisFindings({ socket = {}, pingInterval }: ClientOptions): Generator<ClientFinding> {
  const { socketTimeout, reconnectStrategy } = socket;
  if (reconnectStrategy === false) {
    yield {
      code: "reconnectStrategy",
      level: "danger",
      found: "reconnectStrategy is false",
      consequence:
        "the first lost connection ends the client for good, and every call rejects until the process is restarted",
      mend: "leave it out, or give a function that returns how many ms to wait",
    };
  }
  if (!socketTimeout) {
    yield {
      code: "socketTimeout",
      level: "warning",
      found: "the client has no socketTimeout",
      consequence: "when a server freezes or a network black-holes, the client never gives the connection up",
      mend: "createClient({ pingInterval: 1000, socket: { socketTimeout: 5000, reconnectStrategy: (retries) => Math.min(retries * 50, 2000) } }) (in a cluster under defaults)",
    };
    return;
  }
  if (reconnectStrategy === undefined) {
    yield {
      code: "reconnectStrategy",
      level: "danger",
      found: "the client has a socketTimeout and no reconnectStrategy",
      consequence:
        "by default node-redis does not reconnect after a socketTimeout: a server that freezes once ends the client for good, and every call rejects until the process is restarted",
      mend: "give a reconnectStrategy: (retries) => Math.min(retries * 50, 2000)",
    };
  }
  if (!pingInterval || pingInterval >= socketTimeout) {
    yield {
      code: "pingInterval",
      level: "warning",
      found: `the client has a socketTimeout of ${socketTimeout} ms and no pingInterval below it`,
      consequence:
        "a connection without calls for that long counts as dead: it is closed, and the next call waits for another one",
      mend: "set a pingInterval of less than half of the socketTimeout",
    };
  }
}

/** The same of a cluster, which keeps the options of its nodes among its own. */
export function* clusterFindings({ _options: options = {} }: ClusterClient): Generator<ClientFinding> {
  yield* nodeRedisFindings(options.defaults ?? {});
  if (options.useReplicas) {
    yield {
      code: "scaleReads",
      level: "warning",
      found: "useReplicas is true",
      consequence:
        "the store gains nothing; and after a failover and another one back, a replica may answer its lookups until the next write, and find a session that was revoked. What else reads its keys through this client may find one at any time",
      mend: "leave useReplicas out of the client that is given to the store",
    };
  }
}

/** For what shows no options. */
export function untoldFindings(kind: "pool" | "sentinel"): ClientFinding[] {
  return [
    {
      code: "client-untold",
      level: "warning",
      found: `a ${kind} of node-redis does not show its options`,
      consequence:
        "socketTimeout, reconnectStrategy and pingInterval are not judged: a setting that breaks a promise stays unnoticed",
      mend: "compare them with docs/clients.md yourself",
    },
  ];
}

/** For a sentinel of node-redis 5, whose connections nobody can reach (see late-writes.ts). */
export const MIXED_REPLIES: ClientFinding = {
  code: "mixed-replies",
  level: "danger",
  found: "the client is a sentinel of node-redis 5",
  consequence:
    "if a connection breaks in the moment when a command is about to be written, calls can get the replies of others from then on: those of a store reject, and whatever else uses the client gets what is not its own",
  mend: "update the package redis to version 6",
};
