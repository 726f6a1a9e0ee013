/** Calls log-in.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { isRecordText, type RecordText, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./log-in.lua";
import { ofIndex } from "./preludes.js";
import { type Ended, endedIn, type NotEnded, type PartnerMoving } from "./revoke.js";

/** The session has a successor, so this log-in came from an old session. Nothing was done. */
export interface Superseded {
  readonly status: "superseded";
}

/** The claims have another version, and nothing was done. */
export interface ClaimsConflict {
  readonly status: "conflict";
  /** The record as it is now. */
  readonly record: RecordText;
}

/** Another log-in of the same user has ended the session a moment ago. */
export interface Left {
  readonly status: "left";
  /** What that log-in has left of the session. */
  readonly trail: RecordText;
}

type LogInReply = Ended | PartnerMoving | NotEnded | Superseded | ClaimsConflict | Left;

export const logInScript = script(
  (reply): LogInReply => {
    const texts = textsOf(reply);
    const [status, record] = texts;
    if (texts.length === 1 && (status === "none" || status === "secret" || status === "superseded")) return { status };
    if (texts.length === 2 && status === "conflict" && isRecordText(record)) return { status, record };
    if (texts.length === 2 && status === "left" && isRecordText(record)) return { status, trail: record };
    const ended = endedIn(texts);
    if (ended === undefined) throw unknownReply(reply);
    return ended;
  },
  ...ofIndex,
  body,
);

export interface LogIn {
  /** The key of the session that ends. */
  readonly key: string;
  readonly secretHash: string;
  /** The version that its claims must still have. Default: any version, and then it may also have a successor. */
  readonly version?: string | undefined;
  /** Whether to leave the partner alone. Default: `false`. */
  readonly alone?: boolean;
  /** The id of the session that replaces it. */
  readonly newId: string;
  /** Who logs in, JSON-escaped. */
  readonly user: string;
  /** For how many ms each session that ends leaves its ending; 0 for none. */
  readonly endings: number;
}

/** Ends a session because a log-in has replaced it by another. */
export function runLogIn(redis: RedisDoor, logIn: LogIn, deadline: Deadline): Promise<LogInReply> {
  const { key, secretHash, version = "", alone = false, newId, user, endings } = logIn;
  const args = [secretHash, version, alone ? "1" : "", newId, Math.ceil(deadline.left) + 1, user, endings];
  return redis.run(logInScript, [key], args, deadline);
}
