/**
 * How sessions end in Redis: in one script, except while the slot of their user is moving. Then a session, its partner and the
 * index may be on two nodes, and no script can use them all. A revocation does not wait for the end of the move: a script for
 * each session ends it at once, and another corrects the index afterwards.
 */

import { escapeText, unescapeText } from "../../leaves/text.js";
import type { Target } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Revocation, RevocationOptions } from "../../redis/redis-door.js";
import { ignoreOutage } from "../../redis/redis-errors.js";
import type { Shortfall } from "../../redis/replicas.js";
import { unknownReply } from "../../redis/replies.js";
import type { Context } from "../context.js";
import type { EndingReason } from "../feed.js";
import { type ClaimsConflict, type Left, runLogIn, type Superseded } from "../scripts/log-in.js";
import { type Ended, type NotEnded, type PartnerMoving, runRevoke } from "../scripts/revoke.js";
import { runRevokeAllSession } from "../scripts/revoke-all-session.js";
import { runUnlist } from "../scripts/unlist.js";
import { lookUp } from "./look-up.js";

const NONE: Shortfall = Promise.resolve(null);

type RedisAndKeys = Pick<Context<object>, "redis" | "keys">;

/** The result of ending sessions. */
export interface End {
  /** The ids of the sessions that were live. */
  readonly ended: readonly string[];
  /** Whether replicas have confirmed it. */
  readonly shortfall: Shortfall;
}

/** The result of ending one session and its partner. */
export interface SessionEnd<Reply> extends End {
  /** The reply for the session itself. */
  readonly own: Reply;
  /** Whose session it was; `null` for a guest, or if it has not ended. */
  readonly userId: string | null;
}

/** Ends one session. `options.deadline` is given if this is one step of a longer call. */
export function endSession(
  cx: RedisAndKeys,
  { id, secretHash }: Target,
  { deadline = cx.redis.deadline(), confirmed = true }: RevocationOptions = {},
): Promise<SessionEnd<Ended | NotEnded>> {
  const reason = "revoked";
  const options = { deadline, confirmed };
  const end = (alone: boolean) => runRevoke(cx.redis, { key: cx.keys.session(id), secretHash, alone, reason }, options);
  return endPair(cx, id, end, { ...options, reason });
}

/**
 * Ends the session from which a log-in came, as one step of the log-in. `newId` is the session that replaces it, `userId` is
 * its user, and `version` is what the claims must still have.
 */
export function endForLogIn(
  cx: RedisAndKeys,
  { id, secretHash }: Target,
  { newId, userId, version }: { readonly newId: string; readonly userId: string; readonly version: string | undefined },
  deadline: Deadline,
): Promise<SessionEnd<Ended | NotEnded | Superseded | ClaimsConflict | Left>> {
  const end = async (alone: boolean) => {
    const logIn = { key: cx.keys.session(id), secretHash, version, alone, newId, user: escapeText(userId) };
    return { reply: await runLogIn(cx.redis, logIn, deadline), shortfall: NONE };
  };
  return endPair(cx, id, end, { deadline, confirmed: false, reason: "rotated" });
}

/**
 * Ends a session by a script that also ends its partner, or says that the slot is moving and the partner is on the other node.
 */
async function endPair<Reply extends NotEnded | Superseded | ClaimsConflict | Left>(
  cx: RedisAndKeys,
  id: string,
  end: (alone: boolean) => Promise<Revocation<Ended | PartnerMoving | Reply>>,
  options: { readonly deadline: Deadline; readonly confirmed: boolean; readonly reason: EndingReason },
): Promise<SessionEnd<Ended | Reply>> {
  const { reply, shortfall } = await end(false);
  if (!isMoving(reply)) return combined(cx, id, reply, [reply], shortfall, options.deadline);
  const partner = await runRevoke(
    cx.redis,
    { key: cx.keys.session(reply.partner), secretHash: "", alone: true, reason: options.reason },
    options,
  );
  const own = await end(true);
  // A script never says this of a session that it must end alone.
  if (isMoving(own.reply)) throw unknownReply(own.reply);
  return combined(
    cx,
    id,
    own.reply,
    [own.reply, partner.reply],
    firstOf([own.shortfall, partner.shortfall]),
    options.deadline,
  );
}

function isMoving(reply: { readonly status: string }): reply is PartnerMoving {
  return reply.status === "moving";
}

function isEnded(reply: { readonly status: string }): reply is Ended {
  return reply.status === "ended";
}

/** Combines the results for a session and its partner, and takes out of the index what a script could not. */
async function combined<Reply extends { readonly status: string }>(
  cx: RedisAndKeys,
  id: string,
  own: Reply,
  replies: readonly { readonly status: string }[],
  shortfall: Shortfall,
  deadline: Deadline,
): Promise<SessionEnd<Reply>> {
  const parts = replies.filter(isEnded);
  const listed = parts.filter(({ moving }) => moving);
  if (listed[0] !== undefined) {
    const index = `${cx.keys.indexes(id)}${listed[0].user}`;
    const ids = listed.flatMap((part) => part.ids);
    // A dead id in the index does no harm, and is removed when the session would have expired. So the revocation is complete
    // without this.
    await runUnlist(cx.redis, index, ids, deadline).catch(ignoreOutage);
  }
  const user = isEnded(own) ? own.user : "";
  return {
    own,
    ended: parts.flatMap(({ ids }) => ids),
    userId: user === "" ? null : unescapeText(user),
    shortfall,
  };
}

/**
 * Ends sessions of a user one by one, except the spared one and its partner, and takes them out of the index. For a page that
 * revoke-user.lua leaves because the slot is moving. `null` if there was nothing to end.
 */
export async function endEach(
  cx: Context<object>,
  index: string,
  ids: readonly string[],
  spared: string,
  reason: EndingReason,
): Promise<End | null> {
  const kept = spared === "" ? null : await lookUp(cx, spared);
  const others = ids.filter((id) => id !== kept?.successor && id !== kept?.predecessor);
  if (others.length === 0) return null;
  const ends = await Promise.all(
    others.map((id) => runRevoke(cx.redis, { key: cx.keys.session(id), secretHash: "", alone: true, reason })),
  );
  // The next page is read from the start of the index, so this one must be removed from it.
  await runUnlist(cx.redis, index, others);
  return {
    ended: ends.flatMap(({ reply }) => (reply.status === "ended" ? reply.ids : [])),
    shortfall: firstOf(ends.map(({ shortfall }) => shortfall)),
  };
}

/** Ends a session that was created up to an instant, as one step of `revokeAll`, which waits for the replicas itself. */
export async function endOld(
  cx: RedisAndKeys,
  id: string,
  instant: number,
): Promise<SessionEnd<Ended | { readonly status: "none" }>> {
  const deadline = cx.redis.deadline();
  const reply = await runRevokeAllSession(cx.redis, { key: cx.keys.session(id), instant }, deadline);
  return combined(cx, id, reply, [reply], NONE, deadline);
}

/** The first shortfall of several revocations. */
export async function firstOf(shortfalls: readonly Shortfall[]): Shortfall {
  const settled = await Promise.all(shortfalls);
  return settled.find((shortfall) => shortfall !== null) ?? null;
}
