/** What `check` finds in the options of a client of ioredis: which of them can break a promise. Pure. */
import type { ClientFinding } from "../client.js";

export function* ioredisFindings(options: Readonly<Record<string, unknown>>): Generator<ClientFinding> {
  // Clients that show no connection options (ioredis-mock) have none to judge.
  const connection = (options["redisOptions"] as Record<string, unknown> | undefined) ?? options;
  const known = "connectTimeout" in connection || "redisOptions" in options;
  if (known && !connection["socketTimeout"]) {
    const underSentinel = Array.isArray(options["sentinels"]);
    yield {
      code: "socketTimeout",
      level: underSentinel ? "danger" : "warning",
      found: "the client has no socketTimeout",
      consequence: underSentinel
        ? "when a master freezes, the client stays with it, also when it wakes up after its failover: for some ten seconds it then finds sessions that were revoked meanwhile"
        : "when a server freezes or a network black-holes, the client never gives the connection up",
      mend: underSentinel
        ? "new Redis({ sentinels, name, socketTimeout: 2000 }), shorter than Sentinel's down-after-milliseconds"
        : "new Redis({ socketTimeout: 5000 }) (in a Cluster under redisOptions)",
    };
  }
  if (Array.isArray(options["sentinels"]) && options["failoverDetector"]) {
    yield {
      code: "failoverDetector",
      level: "danger",
      found: "the client has a failoverDetector",
      consequence:
        "when Sentinel announces a new master while ioredis is just asking for it, the client ends for good (seen with ioredis 5.11 and 6.0), and every call rejects until the process is restarted",
      mend: "leave it out, and set a socketTimeout shorter than Sentinel's down-after-milliseconds",
    };
  }
  const { scaleReads } = options;
  if (scaleReads !== undefined && scaleReads !== "master") {
    yield {
      code: "scaleReads",
      level: "warning",
      found: `scaleReads is ${typeof scaleReads === "string" ? `"${scaleReads}"` : "a function"}`,
      consequence:
        "the store gains nothing, since ioredis sends every script to the master; but what else reads its keys through this client may find a session that was revoked",
      mend: "leave scaleReads out of the client that is given to the store",
    };
  }
}
