/** Calls revoke-all-session.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import { newMark } from "../../redis/marks.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { Cause } from "../ending.js";
import { encodeCause } from "./cause.js";
import { ofIndex } from "./preludes.js";
import { type Ended, endedIn } from "./revoke.js";
import body from "./revoke-all-session.lua";

export const revokeAllSessionScript = script(
  (reply): Ended | { readonly status: "none" } => {
    const texts = textsOf(reply);
    if (texts.length === 1 && texts[0] === "none") return { status: "none" };
    const ended = endedIn(texts);
    if (ended?.status !== "ended") throw unknownReply(reply);
    return ended;
  },
  ...ofIndex,
  body,
);

export interface OldSessionRevocation {
  /** The key of the session. */
  readonly key: string;
  /** It ends if it was created up to this instant, epoch ms. */
  readonly instant: number;
  readonly cause: Cause;
  /** For how many ms it leaves its ending; 0 for none. */
  readonly endings: number;
}

/** Ends a session that was created up to an instant, and leaves its partner alone. */
export function runRevokeAllSession(
  redis: RedisDoor,
  { key, instant, cause, endings }: OldSessionRevocation,
  deadline: Deadline,
): Promise<Ended | { readonly status: "none" }> {
  const args = [instant, newMark(), redis.markLife, ...encodeCause(cause, endings)];
  return redis.run(revokeAllSessionScript, [key], args, deadline);
}
