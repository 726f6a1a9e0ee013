/** Calls revoke-user.lua. */
import { newMark } from "../../redis/marks.js";
import type { RedisDoor, Revocation } from "../../redis/redis-door.js";
import { textsOf, unknownReply } from "../../redis/replies.js";
import { tracedScript } from "../../redis/script.js";
import type { Cause } from "../ending.js";
import type { UserKeys } from "../keys.js";
import { encodeCause } from "./cause.js";
import { ofIndex } from "./preludes.js";
import body from "./revoke-user.lua";

/** The result for one page of a user's sessions. */
export interface RevokedPage {
  /** `more`: more are left. `moving`: the slot is moving, and no session has ended; each must be ended by itself. */
  readonly status: "done" | "more" | "moving";
  /** The sessions that have ended; if the slot is moving, those that must be ended. */
  readonly ids: readonly string[];
}

/** Decodes the reply of a script that ends a page of sessions; `undefined` if it is another reply. */
export function pageIn([status, ...ids]: readonly string[]): RevokedPage | undefined {
  return status === "done" || status === "more" || status === "moving" ? { status, ids } : undefined;
}

export const revokeUserScript = tracedScript(
  (reply): RevokedPage => {
    const page = pageIn(textsOf(reply));
    if (page === undefined) throw unknownReply(reply);
    return page;
  },
  ...ofIndex,
  body,
);

export interface PageRevocation {
  readonly user: UserKeys;
  /** The id of a session to spare, with its partner; `""` for none. */
  readonly spared: string;
  /** How many sessions to end at most. */
  readonly most: number;
  readonly cause: Cause;
  /** For how many ms each session leaves its ending; 0 for none. */
  readonly endings: number;
}

/** Ends one page of a user's sessions. */
export function runRevokeUser(
  redis: RedisDoor,
  { user, spared, most, cause, endings }: PageRevocation,
): Promise<Revocation<RevokedPage>> {
  const args = [user.name, spared, most, newMark(), redis.markLife, ...encodeCause(cause, endings)];
  return redis.runRevocation(revokeUserScript, [user.index], args);
}
