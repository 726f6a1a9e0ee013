/** The options of a session store, and their defaults. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { checkDuration, checkInteger, checkNames, checkOneOf, checkPrefix, show } from "../leaves/arguments.js";
import { hint, hintAtShortUnit, hintAtUnit } from "../leaves/hints.js";
import type { ReplicaOptions } from "../redis/replicas.js";
import type { NearOptions } from "./near/near-options.js";

/**
 * The options of `createSessionStore`. Every duration is in ms. A value that is allowed but nearly always a mistake, such as a
 * number of seconds, gives a process warning with the code `COATCHECK_UNIT` or `COATCHECK_NO_EFFECT`, once for each option.
 */
export interface SessionStoreOptions<Claims extends object> {
  /** What every key begins with; no braces. Default: `"coatcheck:"`. */
  readonly prefix?: string | undefined;
  /**
   * A session ends if it is not used for this many ms (OWASP ASVS 5.0, 7.3.1). Default: 30 minutes, or `absoluteTimeout` if
   * that is shorter.
   */
  readonly idleTimeout?: number | undefined;
  /** A session ends this many ms after its log-in, however much it is used (ASVS 5.0, 7.3.2). Default: 12 hours. */
  readonly absoluteTimeout?: number | undefined;
  /**
   * A `touch` writes at most once in this many ms, so `lastSeenAt` is no more precise than that. At most half of
   * `idleTimeout`. Default: 60 seconds, or half of `idleTimeout` if that is less.
   */
  readonly touchInterval?: number | undefined;
  /** How many live sessions a user may have, 1 to 1000 (ASVS 5.0, 7.1.2). Default: unlimited. */
  readonly maxSessionsPerUser?: number | undefined;
  /**
   * What a log-in beyond `maxSessionsPerUser` does: `"evict-oldest"` ends the session created first, `"evict-idle"` the
   * one not seen for longest, `"reject"` throws `SessionLimitError`. Default: `"evict-oldest"`.
   */
  readonly onSessionLimit?: SessionLimitPolicy | undefined;
  /**
   * A Standard Schema (zod, valibot, arktype …) that gives the claims their type, and checks them whenever they are created or
   * changed. It must accept its own output. With a schema an update costs two round trips, because all claims must be read to
   * be checked. Default: none.
   */
  readonly claims?: StandardSchemaV1<unknown, Claims> | undefined;
  /**
   * How many bytes the names and JSON values of all claims of a session may take. A session may have 100 claims, whatever their
   * size: put what belongs together into one claim, as an object or a list. Default: 16 KiB.
   */
  readonly maxClaimsBytes?: number | undefined;
  /**
   * How many ms a call waits for Redis before it rejects with `StoreUnavailableError`. A verb that goes through many
   * sessions page by page waits this long for each page. Default: 1 second.
   */
  readonly timeout?: number | undefined;
  /**
   * How many ms a session that a verb has ended leaves its ending in Redis, so that `explain` and `session.ended` can tell its
   * bearer why: with the hash of its secret, the reason, the instant and the note. A session that expires leaves none. Give all
   * processes the same value. Default: 0, none.
   */
  readonly endings?: number | undefined;
  /**
   * A revocation also waits until this many replicas have it, and otherwise rejects with `NotReplicatedError`: so a failover
   * cannot undo a revocation that has resolved. Default: none.
   */
  readonly replicas?: ReplicaOptions | undefined;
  /**
   * Keeps sessions in the memory of this process, so that most lookups take a microsecond and ask no Redis, and hears of every
   * revocation: see docs/near.md for what then is promised. `true` takes all defaults. Default: none.
   */
  readonly near?: NearOptions | boolean | undefined;
}

/** What happens to a log-in beyond `maxSessionsPerUser`. */
export type SessionLimitPolicy = "evict-oldest" | "evict-idle" | "reject";

/** The options of a store with their defaults filled in. */
export interface ResolvedOptions<Claims extends object> {
  readonly prefix: string;
  readonly idleTimeout: number;
  readonly absoluteTimeout: number;
  readonly touchInterval: number;
  readonly maxSessionsPerUser: number | undefined;
  readonly onSessionLimit: SessionLimitPolicy;
  readonly claims: StandardSchemaV1<unknown, Claims> | undefined;
  readonly maxClaimsBytes: number;
  readonly timeout: number;
  readonly endings: number;
  readonly replicas: ReplicaOptions | undefined;
}

const MINUTE = 60_000;
const STORE_OPTIONS = [
  "prefix",
  "idleTimeout",
  "absoluteTimeout",
  "touchInterval",
  "maxSessionsPerUser",
  "onSessionLimit",
  "claims",
  "maxClaimsBytes",
  "timeout",
  "endings",
  "replicas",
  "near",
] as const;

/** Checks the options of a store, and fills their defaults in. Throws `TypeError` and `RangeError` for wrong ones. */
export function resolveOptions<Claims extends object>(options: SessionStoreOptions<Claims>): ResolvedOptions<Claims> {
  checkNames("createSessionStore", options, STORE_OPTIONS);
  const { prefix = "coatcheck:", timeout = 1000, replicas } = options;
  checkPrefix(prefix);
  checkInteger("timeout (ms)", timeout, 1, 2 ** 31 - 1);
  hintAtShortUnit("timeout", timeout);
  checkReplicas(replicas);
  const endings = checkDuration("endings", options.endings ?? 0, 0);
  const absoluteTimeout = checkDuration("absoluteTimeout", options.absoluteTimeout ?? 12 * 60 * MINUTE);
  const idleTimeout = checkDuration("idleTimeout", options.idleTimeout ?? Math.min(30 * MINUTE, absoluteTimeout));
  if (idleTimeout > absoluteTimeout) {
    throw new RangeError(`idleTimeout (${idleTimeout}) must not exceed absoluteTimeout (${absoluteTimeout})`);
  }
  const half = Math.floor(idleTimeout / 2);
  const touchInterval = checkDuration("touchInterval", options.touchInterval ?? Math.min(MINUTE, half), 0);
  if (touchInterval > half) {
    throw new RangeError(`touchInterval (${touchInterval}) must not exceed half of idleTimeout (${idleTimeout})`);
  }
  // Only for given values: the defaults follow from these.
  hintAtUnit("idleTimeout", options.idleTimeout);
  hintAtUnit("absoluteTimeout", options.absoluteTimeout);
  hintAtUnit("touchInterval", options.touchInterval);
  hintAtUnit("endings", options.endings);
  const { maxSessionsPerUser, onSessionLimit = "evict-oldest", claims, maxClaimsBytes = 16 * 1024 } = options;
  if (maxSessionsPerUser !== undefined) checkInteger("maxSessionsPerUser", maxSessionsPerUser, 1, 1000);
  checkOneOf("onSessionLimit", onSessionLimit, ["evict-oldest", "evict-idle", "reject"]);
  if (options.onSessionLimit !== undefined && maxSessionsPerUser === undefined) {
    const message = "onSessionLimit does nothing without maxSessionsPerUser: a user may have any number of sessions";
    hint("COATCHECK_NO_EFFECT", "onSessionLimit", message);
  }
  checkInteger("maxClaimsBytes", maxClaimsBytes, 0, 512 * 1024 * 1024);
  if (claims !== undefined && typeof claims?.["~standard"]?.validate !== "function") {
    throw new TypeError(
      `claims must be a Standard Schema (an object with a "~standard" property, as of zod or valibot), got ${show(claims)}`,
    );
  }
  return {
    ...{ prefix, idleTimeout, absoluteTimeout, touchInterval },
    ...{ maxSessionsPerUser, onSessionLimit, claims, maxClaimsBytes, timeout, endings, replicas },
  };
}

function checkReplicas(replicas: ReplicaOptions | undefined): void {
  if (replicas === undefined) return;
  checkNames("replicas", replicas, ["count", "timeout"]);
  checkInteger("replicas.count", replicas.count, 1);
  // Redis takes 0 for "wait for ever".
  checkInteger("replicas.timeout (ms)", replicas.timeout, 1, 2 ** 31 - 1);
  hintAtShortUnit("replicas.timeout", replicas.timeout);
}
