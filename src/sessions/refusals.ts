/**
 * What `check()` finds in what servers refuse or do not tell: what is missing in the report or in the store then, and what to allow.
 * Pure, as check.ts.
 */
import type { ServerFacts } from "../redis/server-facts.js";
import type { CheckFinding } from "./check.js";
import type { CheckedServer } from "./checked-server.js";

/** What is missing in the report or in the store if a command is refused. */
const REFUSED: Readonly<Record<string, Pick<CheckFinding, "level" | "consequence" | "mend">>> = {
  INFO: {
    level: "danger",
    consequence:
      "nothing is known of its version, eviction, persistence and replicas: a setting that breaks a promise stays unnoticed",
    mend: "allow it to the user of the store (ACL SETUSER … +info), or look at the settings yourself",
  },
  TIME: {
    level: "danger",
    consequence: "scripts ask for the time with the same rights, so most verbs reject with StoreUnavailableError",
    mend: "allow it to the user of the store (ACL SETUSER … +time)",
  },
  "CONFIG GET": {
    level: "warning",
    consequence: "save, appendfsync and hash-max-listpack-value are not judged",
    mend: "allow it to the user of the store (ACL SETUSER … +config|get), or look at the settings yourself",
  },
  EVALSHA: {
    level: "danger",
    consequence: "every verb is a script that is called by its hash, so every verb rejects with StoreUnavailableError",
    mend: "allow it to the user of the store (ACL SETUSER … +evalsha)",
  },
  EVAL: {
    level: "danger",
    consequence:
      "as soon as Redis does not know a script, at first and after a restart or a failover, every verb rejects with StoreUnavailableError; and nobody can tell which commands the scripts may run",
    mend: "allow it to the user of the store (ACL SETUSER … +eval), and check again",
  },
  WAIT: {
    level: "danger",
    consequence: "with the replicas option, every revocation rejects with NotReplicatedError",
    mend: "allow it to the user of the store (ACL SETUSER … +wait)",
  },
  "CLUSTER SLOTS": {
    level: "danger",
    consequence:
      "the client cannot learn which node serves which keys, so every verb rejects with StoreUnavailableError",
    mend: "allow it to the user of the store, on every node (ACL SETUSER … +cluster|slots)",
  },
  "CLUSTER INFO": {
    level: "danger",
    consequence: "the client cannot tell when a node can serve, so verbs may reject with StoreUnavailableError",
    mend: "allow it to the user of the store, on every node (ACL SETUSER … +cluster|info)",
  },
};

/** What a healthy server tells by `INFO`. Hosted servers and compatible ones may leave some of it out. */
const TOLD = ["redis_version", "role", "maxmemory_policy", "aof_enabled"];

/** Findings for what the server does not tell: unknown is not healthy. */
export function* judgeAnswers(
  { role }: CheckedServer,
  { info, refusals = [], deniedInScripts = [] }: ServerFacts,
): Generator<CheckFinding> {
  for (const { command, code } of refusals) {
    const { level = "warning", consequence = "", mend = "" } = REFUSED[command] ?? {};
    yield { code: "refused", level, found: `the server refuses ${command} (${code})`, consequence, mend };
  }
  if (deniedInScripts.length > 0) {
    yield {
      code: "refused",
      level: "danger",
      found: `the server refuses ${deniedInScripts.join(", ")} in scripts (NOPERM)`,
      consequence: "the verbs whose scripts call that reject with StoreUnavailableError",
      mend: `allow it to the user of the store (ACL SETUSER … ${deniedInScripts.map((name) => `+${name.toLowerCase()}`).join(" ")})`,
    };
  }
  if (refusals.some(({ command }) => command === "INFO")) return;
  const expected = role === "slave" ? TOLD : [...TOLD, "connected_slaves"];
  const missing = expected.filter((field) => info[field] === undefined);
  if (missing.length > 0) {
    yield {
      code: "untold",
      level: "warning",
      found: `INFO does not tell ${missing.join(", ")}`,
      consequence: "what it does not tell is not judged: a setting that breaks a promise stays unnoticed",
      mend: "make sure by other means that nothing is evicted (maxmemory-policy noeviction) and that an append-only file is kept",
    };
  }
}
