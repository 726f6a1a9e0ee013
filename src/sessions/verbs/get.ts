/** Looking a session up: `get`, `touch` and `find`. */

import { refuseObject } from "../../leaves/arguments.js";
import { isId, parseToken } from "../../leaves/token.js";
import { type Context, decodeReply, lookUp, type ResolvedOptions, rejected } from "../context.js";
import { scripts } from "../scripts/scripts.js";
import type { Session, StoredSession } from "../session.js";

export async function get<Claims extends object>(cx: Context<Claims>, token: unknown): Promise<Session<Claims> | null> {
  const target = parseToken(token);
  if (target === null) return rejected(cx, "malformed");
  const { id, secretHash } = target;
  const reply = await cx.redis.run(scripts.get, [cx.keys.session(id)], [secretHash]);
  const stored = decodeReply(cx, reply, target);
  return stored === null ? null : stored.session;
}

/** What touch.lua takes after the hash of the secret: the same for every call of a store, so it is made once. */
export function touchArguments({ idleTimeout, absoluteTimeout, touchInterval }: ResolvedOptions<object>) {
  return [touchInterval, ` ${idleTimeout} ${absoluteTimeout}`, idleTimeout - touchInterval] as const;
}

/** Touches a session. Gives all that is known of it, the clock of Redis included. */
export async function touch<Claims extends object>(
  cx: Context<Claims>,
  token: unknown,
): Promise<StoredSession<Claims> | null> {
  const target = parseToken(token);
  if (target === null) return rejected(cx, "malformed");
  const { id, secretHash } = target;
  const reply = await cx.redis.run(scripts.touch, [cx.keys.session(id)], [secretHash, ...cx.touchArguments]);
  return decodeReply(cx, reply, target);
}

export async function find<Claims extends object>(cx: Context<Claims>, id: unknown): Promise<Session<Claims> | null> {
  if (!isId(id)) {
    refuseObject("find", id);
    return null;
  }
  const stored = await lookUp(cx, id);
  return stored === null ? null : stored.session;
}
