/**
 * How sessions end in Redis: in one script, except while Redis Cluster moves the slot of their user. Then a session, its
 * partner and the index may lie on two nodes, and no script sees them all. A revocation does not wait for that to pass:
 * each session is ended at once by a script of its own, and the index is put right afterwards.
 */

import { escapeText, unescapeText } from "../../leaves/text.js";
import type { Target } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Revocation, RevocationOptions } from "../../redis/redis-door.js";
import { ignoreOutage } from "../../redis/redis-errors.js";
import type { Shortfall } from "../../redis/replicas.js";
import { unknownReply } from "../../redis/replies.js";
import type { Context } from "../context.js";
import { type ClaimsConflict, type Left, runLogIn, type Superseded } from "../scripts/log-in.js";
import { type Ended, type NotEnded, type PartnerMoving, runRevoke } from "../scripts/revoke.js";
import { runUnlist } from "../scripts/unlist.js";
import { lookUp } from "./look-up.js";

const NONE: Shortfall = Promise.resolve(null);

type RedisAndKeys = Pick<Context<object>, "redis" | "keys">;

/** What the end of sessions came to. */
export interface End {
  /** The ids of those that were live. */
  readonly ended: readonly string[];
  /** What replicas make of it. */
  readonly shortfall: Shortfall;
}

/** What the end of one session came to. It takes its partner with it. */
export interface SessionEnd<Reply> extends End {
  /** What became of the session itself. */
  readonly own: Reply;
  /** Whose session it was; `null` for a guest's, and where it has not ended. */
  readonly userId: string | null;
}

/** Ends one session. `options.deadline` where this is one step of a longer call. */
export function endSession(
  cx: RedisAndKeys,
  { id, secretHash }: Target,
  { deadline = cx.redis.deadline(), confirmed = true }: RevocationOptions = {},
): Promise<SessionEnd<Ended | NotEnded>> {
  const options = { deadline, confirmed };
  const end = (alone: boolean) => runRevoke(cx.redis, { key: cx.keys.session(id), secretHash, alone }, options);
  return endPair(cx, id, end, options);
}

/**
 * Ends the session that a log-in came from, as one step of it. `newId` is the session that takes its place, `userId` whose
 * it is, and `version` what the claims must still have.
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
  return endPair(cx, id, end, { deadline, confirmed: false });
}

/** Ends a session by a script that ends its partner too, or says that the slot is moving and the partner is elsewhere. */
async function endPair<Reply extends NotEnded | Superseded | ClaimsConflict | Left>(
  cx: RedisAndKeys,
  id: string,
  end: (alone: boolean) => Promise<Revocation<Ended | PartnerMoving | Reply>>,
  options: { readonly deadline: Deadline; readonly confirmed: boolean },
): Promise<SessionEnd<Ended | Reply>> {
  const { reply, shortfall } = await end(false);
  if (!isMoving(reply)) return combined(cx, id, reply, [reply], shortfall, options.deadline);
  const partner = await runRevoke(
    cx.redis,
    { key: cx.keys.session(reply.partner), secretHash: "", alone: true },
    options,
  );
  const own = await end(true);
  // Of a session that is to end alone no script says so.
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

/** Puts together what became of a session and its partner, and takes out of the index what a script could not. */
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
    // A dead id in the index does no harm, and goes when the session would have expired: the revocation stands without this.
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
 * Ends sessions of a user one by one, all but the spared one and its partner, and takes them out of the index: a page on
 * which revoke-user.lua would do nothing. `null` if there was nothing to end.
 */
export async function endEach(
  cx: Context<object>,
  index: string,
  ids: readonly string[],
  spared: string,
): Promise<End | null> {
  const kept = spared === "" ? null : await lookUp(cx, spared);
  const others = ids.filter((id) => id !== kept?.successor && id !== kept?.predecessor);
  if (others.length === 0) return null;
  const ends = await Promise.all(
    others.map((id) => runRevoke(cx.redis, { key: cx.keys.session(id), secretHash: "", alone: true })),
  );
  // The next page is read from the index again, so this one has to leave it.
  await runUnlist(cx.redis, index, others);
  return {
    ended: ends.flatMap(({ reply }) => (reply.status === "ended" ? reply.ids : [])),
    shortfall: firstOf(ends.map(({ shortfall }) => shortfall)),
  };
}

/** The first shortfall of several revocations. */
export async function firstOf(shortfalls: readonly Shortfall[]): Shortfall {
  const settled = await Promise.all(shortfalls);
  return settled.find((shortfall) => shortfall !== null) ?? null;
}
