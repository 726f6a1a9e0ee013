/** Calls rotate.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { isRecordText, isRefusal, type RecordText, type Refusal, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { Timeouts } from "../timeouts.js";
import { type Blocked, blockedIn } from "./create.js";
import { type Excess, excessIn } from "./excess.js";
import { ofIndex } from "./preludes.js";
import body from "./rotate.lua";

export interface Rotation {
  /** The key of the old session. */
  readonly key: string;
  /** The key of the new session. */
  readonly newKey: string;
  /** The prefix of the index: the script appends the user id from the record. */
  readonly indexes: string;
  readonly secretHash: string;
  readonly newSecretHash: string;
  /** Whose session it must be, JSON-escaped. Default: anybody's. */
  readonly user?: string | undefined;
  /** After a new authentication, which restarts both clocks of a user's session. */
  readonly reauthenticated: boolean;
  /** The timeouts that the session has from now on, with `reauthenticated`. Default: no change. */
  readonly timeouts?: Timeouts | undefined;
  /** How many ms the old session stays valid. */
  readonly grace: number;
  /** The version that the claims must still have. */
  readonly version?: string | undefined;
  /** How many bytes all claims may take. */
  readonly maxBytes: number;
  /** How many sessions the user may have, for the second of two log-ins on one session, which adds one; 0 for any number. */
  readonly limit: number;
  /** For how many ms a session that ends leaves its ending; 0 for none. */
  readonly endings: number;
  /** Fields and values in turn; an empty value removes the field. */
  readonly patch: readonly string[];
}

export type Rotated =
  /** The record of the new session. */
  | { readonly status: "ok"; readonly record: RecordText }
  /**
   * The record of the old session: `conflict`: its claims have another version; `foreign`: it is another user's, or a guest's.
   */
  | { readonly status: "conflict" | "foreign"; readonly record: RecordText }
  | Excess
  | Blocked
  /** Another session has the new id. */
  | { readonly status: "taken" }
  | { readonly status: "superseded" | Refusal };

export const rotateScript = script(
  (reply): Rotated => {
    const texts = textsOf(reply);
    const [status, rest] = texts;
    const blocked = blockedIn(texts);
    if (blocked !== undefined) return blocked;
    if (texts.length === 1 && (status === "superseded" || status === "taken" || isRefusal(status))) return { status };
    const excess = excessIn(texts);
    if (excess !== undefined) return excess;
    if ((status === "ok" || status === "conflict" || status === "foreign") && isRecordText(rest)) {
      return { status, record: rest };
    }
    throw unknownReply(reply);
  },
  ...ofIndex,
  body,
);

/** Replaces a session by one with a new id and secret, for the same user. */
export function runRotate(redis: RedisDoor, rotation: Rotation, deadline?: Deadline): Promise<Rotated> {
  const { key, newKey, indexes, secretHash, newSecretHash, user = "", version = "", maxBytes, limit, patch } = rotation;
  const { reauthenticated, timeouts } = rotation;
  const restarted = timeouts === undefined ? "1" : `${timeouts.idleTimeout} ${timeouts.absoluteTimeout}`;
  return redis.run(
    rotateScript,
    [key, newKey, indexes],
    [
      secretHash,
      newSecretHash,
      user,
      reauthenticated ? restarted : "0",
      rotation.grace,
      version,
      maxBytes,
      limit,
      rotation.endings,
      ...patch,
    ],
    deadline,
  );
}
