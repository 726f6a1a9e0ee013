/**
 * The verbs of a store that has a near cache. If one rejects that changes sessions, it may have run all the same: then memory
 * forgets what it could have changed. If it succeeds, the verb itself has told which sessions to forget. But those of a user that
 * another process has just ended it does not tell, and this process may not have heard of them yet.
 */
import type { SessionStore } from "../store.js";

/** The verbs that change or end sessions. */
type Writing<Claims extends object> = Pick<
  SessionStore<Claims>,
  | "create"
  | "updateClaims"
  | "updateClaimsForUser"
  | "rotate"
  | "revoke"
  | "revokeAllForUser"
  | "revokeAll"
  | "blockUser"
>;

/** Forgets what a call may have changed: a session with what has replaced it, or all sessions of a user. */
type Doubt = (id: string | undefined, userId: string | undefined) => void;

/** The same verbs; before one of them rejects, `doubt` is called, or `doubtAll` if nobody knows which sessions it has ended. */
export function doubting<Claims extends object>(
  verbs: Writing<Claims>,
  doubt: Doubt,
  doubtAll: () => void,
): Writing<Claims> {
  const guarded = <T>(call: Promise<T>, target: unknown, userId?: string): Promise<T> =>
    call.catch((error: unknown) => {
      doubt(idOf(target), userId);
      throw error;
    });
  return {
    create: (options) => guarded(verbs.create(options), undefined, options?.userId),
    updateClaims: (target, change) => guarded(verbs.updateClaims(target, change), target),
    updateClaimsForUser: (userId, patch) => guarded(verbs.updateClaimsForUser(userId, patch), undefined, userId),
    rotate: (token, options) => guarded(verbs.rotate(token, options), token, options?.userId),
    revoke: (target, options) => guarded(verbs.revoke(target, options), target),
    revokeAllForUser: (userId, options) =>
      verbs.revokeAllForUser(userId, options).finally(() => doubt(undefined, userId)),
    revokeAll: (options) =>
      verbs.revokeAll(options).catch((error: unknown) => {
        doubtAll();
        throw error;
      }),
    blockUser: (userId, options) => verbs.blockUser(userId, options).finally(() => doubt(undefined, userId)),
  };
}

/** The id that a token begins with, or an id. */
function idOf(target: unknown): string | undefined {
  return typeof target === "string" ? target.slice(0, 26) : undefined;
}
