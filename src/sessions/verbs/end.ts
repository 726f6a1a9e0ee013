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
import type { Cause } from "../ending.js";
import { runLeaveEnding } from "../scripts/leave-ending.js";
import { type ClaimsConflict, type Left, runLogIn, type Superseded } from "../scripts/log-in.js";
import { type Ended, type NotEnded, type PartnerMoving, runRevoke, type UnexplainedEnd } from "../scripts/revoke.js";
import { runRevokeAllGuest } from "../scripts/revoke-all-guest.js";
import { runRevokeAllSession } from "../scripts/revoke-all-session.js";
import { runUnlist } from "../scripts/unlist.js";
import { lookUp } from "./look-up.js";

const NONE: Shortfall = Promise.resolve(null);

type Store = Pick<Context<object>, "redis" | "keys" | "options">;

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
  cx: Store,
  { id, secretHash }: Target,
  { deadline = cx.redis.deadline(), confirmed = true, note }: RevocationOptions & { readonly note?: string } = {},
): Promise<SessionEnd<Ended | NotEnded>> {
  const cause: Cause = { reason: "revoked", note };
  const options = { deadline, confirmed, cause };
  const { endings } = cx.options;
  const key = cx.keys.session(id);
  const end = (alone: boolean) => runRevoke(cx.redis, { key, secretHash, alone, cause, endings }, options);
  return endPair(cx, id, end, options);
}

/**
 * Ends the session from which a log-in came, as one step of the log-in. `newId` is the session that replaces it, `userId` is
 * its user, and `version` is what the claims must still have.
 */
export function endForLogIn(
  cx: Store,
  { id, secretHash }: Target,
  { newId, userId, version }: { readonly newId: string; readonly userId: string; readonly version: string | undefined },
  deadline: Deadline,
): Promise<SessionEnd<Ended | NotEnded | Superseded | ClaimsConflict | Left>> {
  const end = async (alone: boolean) => {
    const { endings } = cx.options;
    const logIn = { key: cx.keys.session(id), secretHash, version, alone, newId, user: escapeText(userId), endings };
    return { reply: await runLogIn(cx.redis, logIn, deadline), shortfall: NONE };
  };
  return endPair(cx, id, end, { deadline, confirmed: false, cause: { reason: "rotated" } });
}

/**
 * Ends a session by a script that also ends its partner, or says that the slot is moving and the partner is on the other node.
 */
async function endPair<Reply extends NotEnded | Superseded | ClaimsConflict | Left>(
  cx: Store,
  id: string,
  end: (alone: boolean) => Promise<Revocation<Ended | PartnerMoving | Reply>>,
  options: { readonly deadline: Deadline; readonly confirmed: boolean; readonly cause: Cause },
): Promise<SessionEnd<Ended | Reply>> {
  const { reply, shortfall } = await end(false);
  if (!isMoving(reply)) return combined(cx, id, reply, [reply], shortfall, options);
  const { cause } = options;
  const { endings } = cx.options;
  const partner = await runRevoke(
    cx.redis,
    { key: cx.keys.session(reply.partner), secretHash: "", alone: true, cause, endings },
    options,
  );
  const own = await end(true);
  // A script never says this of a session that it must end alone.
  if (isMoving(own.reply)) throw unknownReply(own.reply);
  return combined(cx, id, own.reply, [own.reply, partner.reply], firstOf([own.shortfall, partner.shortfall]), options);
}

function isMoving(reply: { readonly status: string }): reply is PartnerMoving {
  return reply.status === "moving";
}

function isEnded(reply: { readonly status: string }): reply is Ended {
  return reply.status === "ended";
}

/** Combines the results for a session and its partner, and does what a script could not: in the index, and with their endings. */
async function combined<Reply extends { readonly status: string }>(
  cx: Store,
  id: string,
  own: Reply,
  replies: readonly { readonly status: string }[],
  shortfall: Shortfall,
  { deadline, cause }: { readonly deadline: Deadline; readonly cause: Cause },
): Promise<SessionEnd<Reply>> {
  const parts = replies.filter(isEnded);
  await explainEach(
    cx,
    parts.flatMap(({ unexplained }) => unexplained),
    cause,
    deadline,
  );
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

/** Leaves the endings that scripts could not leave, because the slot is moving. */
async function explainEach(
  cx: Store,
  ends: readonly UnexplainedEnd[],
  cause: Cause,
  deadline?: Deadline,
): Promise<void> {
  const { endings } = cx.options;
  const left = ends.map(({ id, secretHash }) =>
    runLeaveEnding(cx.redis, { key: cx.keys.ending(id), secretHash, cause, endings }, deadline),
  );
  // The sessions have ended. Their bearers are not told why.
  await Promise.all(left.map((each) => each.catch(ignoreOutage)));
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
  cause: Cause,
): Promise<End | null> {
  const kept = spared === "" ? null : await lookUp(cx, spared);
  const others = ids.filter((id) => id !== kept?.successor && id !== kept?.predecessor);
  if (others.length === 0) return null;
  const { endings } = cx.options;
  const ends = await Promise.all(
    others.map((id) => runRevoke(cx.redis, { key: cx.keys.session(id), secretHash: "", alone: true, cause, endings })),
  );
  await explainEach(
    cx,
    ends.flatMap(({ reply }) => (reply.status === "ended" ? reply.unexplained : [])),
    cause,
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
  cx: Store,
  id: string,
  instant: number,
  cause: Cause,
): Promise<SessionEnd<Ended | { readonly status: "none" }>> {
  const deadline = cx.redis.deadline();
  const { endings } = cx.options;
  const reply = await runRevokeAllSession(cx.redis, { key: cx.keys.session(id), instant, cause, endings }, deadline);
  return combined(cx, id, reply, [reply], NONE, { deadline, cause });
}

/** The same for the latest session of a guest whose first session had this id: no rotation can come in between. */
export async function endOldGuest(cx: Store, first: string, instant: number, cause: Cause): Promise<End> {
  const deadline = cx.redis.deadline();
  const { endings } = cx.options;
  const key = cx.keys.whereabouts(first);
  const reply = await runRevokeAllGuest(cx.redis, { key, instant, cause, endings }, deadline);
  // While a slot is moving, nothing in it is rotated.
  if (reply.status === "moving") return endOld(cx, reply.id, instant, cause);
  return combined(cx, first, reply, [reply], NONE, { deadline, cause });
}

/** The first shortfall of several revocations. */
export async function firstOf(shortfalls: readonly Shortfall[]): Shortfall {
  const settled = await Promise.all(shortfalls);
  return settled.find((shortfall) => shortfall !== null) ?? null;
}
