/** Touching a session: looking it up, and sliding its idle deadline. */

import { parseToken, type Target } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import { type Context, rejected } from "../context.js";
import type { ResolvedOptions } from "../options.js";
import { type Pace, runTouch } from "../scripts/touch.js";
import { type Seen, seenOrRefused } from "./look-up.js";

/** How the sessions of a store slide. */
export function paceOf({ idleTimeout, absoluteTimeout, touchInterval, endings }: ResolvedOptions<object>): Pace {
  return {
    usualTimes: ` ${idleTimeout} ${absoluteTimeout}`,
    due: idleTimeout - touchInterval,
    endings: endings > 0 ? "1" : "",
  };
}

/** Touches a session. Gives everything that is known of it, including when Redis read it, or why it has ended. */
export async function touch<Claims extends object>(cx: Context<Claims>, token: unknown): Promise<Seen<Claims>> {
  const target = parseToken(token);
  if (target === null) return rejected(cx, "malformed");
  return seenOrRefused(cx, await runTouch(cx.redis, cx.keys.session(target.id), target.secretHash, cx.pace), target);
}

/** The same for a token that is parsed already. `deadline` is given if it is one step of a longer call. */
export async function touchTarget<Claims extends object>(
  cx: Context<Claims>,
  target: Target,
  deadline?: Deadline,
): Promise<Seen<Claims>> {
  const { id, secretHash } = target;
  return seenOrRefused(cx, await runTouch(cx.redis, cx.keys.session(id), secretHash, cx.pace, deadline), target);
}
