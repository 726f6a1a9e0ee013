/** Calls revoke-all-guest.lua. */

import { isId } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import { newMark } from "../../redis/marks.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { Cause } from "../ending.js";
import { encodeCause } from "./cause.js";
import { ofIndex } from "./preludes.js";
import { type Ended, endedIn } from "./revoke.js";
import body from "./revoke-all-guest.lua";

/** The slot is moving, and nothing was done: the guest's latest session has this id, and is not where the whereabouts are. */
export interface SessionMoving {
  readonly status: "moving";
  readonly id: string;
}

export const revokeAllGuestScript = script(
  (reply): Ended | SessionMoving | { readonly status: "none" } => {
    const texts = textsOf(reply);
    if (texts.length === 1 && texts[0] === "none") return { status: "none" };
    const ended = endedIn(texts);
    if (ended?.status === "moving" && isId(ended.partner)) return { status: "moving", id: ended.partner };
    if (ended?.status !== "ended" || ended.user !== "" || ended.moving) throw unknownReply(reply);
    return ended;
  },
  ...ofIndex,
  body,
);

export interface GuestRevocation {
  /** The key of the guest's whereabouts. */
  readonly key: string;
  /** Their session ends if it was created up to this instant, epoch ms. */
  readonly instant: number;
  readonly cause: Cause;
  /** For how many ms it leaves its ending; 0 for none. */
  readonly endings: number;
}

/** Ends the latest session of a guest if it was created up to an instant, and leaves its partner alone. */
export function runRevokeAllGuest(
  redis: RedisDoor,
  { key, instant, cause, endings }: GuestRevocation,
  deadline: Deadline,
): Promise<Ended | SessionMoving | { readonly status: "none" }> {
  const args = [instant, newMark(), redis.markLife, ...encodeCause(cause, endings)];
  return redis.run(revokeAllGuestScript, [key], args, deadline);
}
