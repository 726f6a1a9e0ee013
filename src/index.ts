/**
 * Revocable, opaque-token sessions in Redis.
 * @module coatcheck
 */

export {
  ClaimsError,
  CorruptRecordError,
  ForbiddenError,
  isSessionError,
  NotReplicatedError,
  SessionError,
  SessionLimitError,
  StoreUnavailableError,
  UnauthenticatedError,
  UntrustedOriginError,
  UserBlockedError,
  type WatchEnd,
  WatchEndedError,
} from "./leaves/errors.js";
export type { CallFailure, CallOutcome, TracedCall } from "./leaves/tracing.js";
export type { IoredisClient, IoredisPipeline } from "./redis/clients/ioredis/client.js";
export type { NodeRedisClient } from "./redis/clients/node-redis/client.js";
export type { RedisClient } from "./redis/clients/supported.js";
export type { ReplicaOptions } from "./redis/replicas.js";
export { createSessionStore } from "./sessions/assembly.js";
export type { CheckFinding, CheckReport } from "./sessions/check.js";
export type { CheckedServer } from "./sessions/checked-server.js";
export type { ClaimsPatch } from "./sessions/claims.js";
export type { Ending, Explanation } from "./sessions/ending.js";
export type { Events, RejectionReason, RevocationReason, SessionEvents } from "./sessions/events.js";
export type { EndingReason } from "./sessions/feed.js";
export type { Near, NearStats } from "./sessions/near/near.js";
export type { NearCounts } from "./sessions/near/near-cache.js";
export type { NearOptions } from "./sessions/near/near-options.js";
export type { NearReason, NearState } from "./sessions/near/pulse.js";
export type { SessionLimitPolicy, SessionStoreOptions } from "./sessions/options.js";
export type { Client, Session } from "./sessions/session.js";
export type { SessionStore } from "./sessions/store.js";
export type { Block, BlockOptions } from "./sessions/verbs/block.js";
export type { CreateOptions, HeaderValue, IssuedSession } from "./sessions/verbs/create.js";
export type { RevokeAllOptions, RevokeOptions } from "./sessions/verbs/revoke.js";
export type { RevokeAllProgress, RevokeEverythingOptions } from "./sessions/verbs/revoke-all.js";
export type { RotateOptions } from "./sessions/verbs/rotate-options.js";
export type { ClaimsChange } from "./sessions/verbs/update.js";
export type { Watch, WatchOptions } from "./sessions/watching/watch.js";
