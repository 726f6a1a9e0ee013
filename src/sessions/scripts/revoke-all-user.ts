/** Calls revoke-all-user.lua. */
import { newMark } from "../../redis/marks.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { Cause } from "../ending.js";
import type { UserKeys } from "../keys.js";
import { encodeCause } from "./cause.js";
import { type Cursor, cursorOf } from "./list.js";
import { ofIndex } from "./preludes.js";
import body from "./revoke-all-user.lua";

/** The result for one page of a user's sessions. */
export interface OldPage {
  /** `moving`: the slot is moving, and no session has ended; each must be ended by itself. */
  readonly status: "ok" | "moving";
  readonly next: Cursor | undefined;
  /** The sessions that have ended; if the slot is moving, those of the page. */
  readonly ids: readonly string[];
}

export const revokeAllUserScript = script(
  (reply): OldPage => {
    const [status, score, last, ...ids] = textsOf(reply);
    if ((status !== "ok" && status !== "moving") || score === undefined || last === undefined)
      throw unknownReply(reply);
    return { status, next: cursorOf(score, last), ids };
  },
  ...ofIndex,
  body,
);

export interface OldPageRevocation {
  readonly user: Pick<UserKeys, "index" | "name">;
  /** Sessions that were created up to this instant end, epoch ms. */
  readonly instant: number;
  readonly after: Cursor;
  /** How many sessions to look at. */
  readonly most: number;
  readonly cause: Cause;
  /** For how many ms each session leaves its ending; 0 for none. */
  readonly endings: number;
}

/** Ends those sessions in one page of a user's index that were created up to an instant. */
export function runRevokeAllUser(
  redis: RedisDoor,
  { user, instant, after, most, cause, endings }: OldPageRevocation,
): Promise<OldPage> {
  const args = [
    user.name,
    instant,
    after.score,
    after.id,
    most,
    newMark(),
    redis.markLife,
    ...encodeCause(cause, endings),
  ];
  return redis.run(revokeAllUserScript, [user.index], args);
}
