/** coatcheck: revocable, opaque-token sessions in Redis. */

export type { CheckedServer, CheckFinding, CheckReport } from "./check.js";
export type { ClaimsPatch } from "./claims.js";
export type { IssuedSession, SessionLimitPolicy } from "./context.js";
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
} from "./errors.js";
export type { Events, RejectionReason, RevocationReason, SessionEvents } from "./events.js";
export type { RedisClient, RedisPipeline, ReplicaOptions } from "./redis/redis.js";
export type { Client, Session } from "./session.js";
export { createSessionStore, type SessionStore, type SessionStoreOptions } from "./store.js";
export type { Block, BlockOptions } from "./verbs/block.js";
export type { CreateOptions } from "./verbs/create.js";
export type { RevokeAllOptions } from "./verbs/revoke.js";
export type { RotateOptions } from "./verbs/rotate.js";
export type { ClaimsChange } from "./verbs/update.js";
