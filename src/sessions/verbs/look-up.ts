/** Looking a session up without changing it: `get`, `find`, and the reading that other verbs begin with. */

import { refuseObject } from "../../leaves/arguments.js";
import { hint } from "../../leaves/hints.js";
import { isId, isToken, parseToken, type Target } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import { isRecordText, type RecordText, type Refusal } from "../../redis/replies.js";
import { type Context, refused, rejected } from "../context.js";
import { decodeEnding, type EndedSession, type Explanation, isEndingText } from "../ending.js";
import { type LookUpReply, runExplain, runGet } from "../scripts/get.js";
import { decodeRecord, isOver, type Session, type StoredSession } from "../session.js";

export async function get<Claims extends object>(cx: Context<Claims>, token: unknown): Promise<Session<Claims> | null> {
  const target = parseToken(token);
  if (target === null) return rejected(cx, "malformed");
  const reply = await runGet(cx.redis, cx.keys.session(target.id), target.secretHash);
  const stored = storedOrRefused(cx, reply, target);
  return stored === null ? null : stored.session;
}

/** What a lookup has found: the session, or why it has ended if that is known; `null` for anything else. */
export type Seen<Claims extends object> = StoredSession<Claims> | EndedSession | null;

/** Like `get`, and tells when Redis read the session, or, with the option `endings`, why it has ended. */
export async function sight<Claims extends object>(cx: Context<Claims>, token: unknown): Promise<Seen<Claims>> {
  const target = parseToken(token);
  if (target === null) return rejected(cx, "malformed");
  if (cx.options.endings === 0) return readTarget(cx, target);
  return seenOrRefused(cx, await runExplain(cx.redis, cx.keys.session(target.id), target.secretHash), target);
}

/** Why the session of a token has ended, whether or not this store has the option `endings`. */
export async function explain<Claims extends object>(cx: Context<Claims>, token: unknown): Promise<Explanation> {
  const target = parseToken(token);
  if (target === null) {
    rejected(cx, "malformed");
    return UNKNOWN;
  }
  const seen = seenOrRefused(cx, await runExplain(cx.redis, cx.keys.session(target.id), target.secretHash), target);
  if (seen === null) return UNKNOWN;
  return seen.session === null ? Object.freeze({ state: "ended", ...seen.ended }) : LIVE;
}

const LIVE: Explanation = Object.freeze({ state: "live" });
const UNKNOWN: Explanation = Object.freeze({ state: "unknown" });

export async function find<Claims extends object>(cx: Context<Claims>, id: unknown): Promise<Session<Claims> | null> {
  if (!isId(id)) {
    refuseObject("find", id);
    if (isToken(id))
      hint(
        "COATCHECK_ID",
        "find",
        "find was given a token, and gives null: it takes the id of a session, and get takes a token",
      );
    return null;
  }
  const stored = await lookUp(cx, id);
  return stored === null ? null : stored.session;
}

/** Reads the record of a target. `null`: a refusal, which is announced. */
export async function readTarget<Claims extends object>(
  cx: Context<Claims>,
  target: Target,
  deadline?: Deadline,
): Promise<StoredSession<Claims> | null> {
  return storedOrRefused(cx, await runGet(cx.redis, cx.keys.session(target.id), target.secretHash, deadline), target);
}

/** Reads a record by its id, for callers that announce nothing. `null` if there is none. */
export async function lookUp<Claims extends object>(
  cx: Context<Claims>,
  id: string,
): Promise<StoredSession<Claims> | null> {
  const reply = await runGet(cx.redis, cx.keys.session(id), "");
  if (!isRecordText(reply)) return reply === "none" ? null : refused(cx, reply, { id, secretHash: "" });
  const stored = decodeRecord<Claims>(reply, id, cx.keys.session(id));
  return isOver(stored) ? null : stored;
}

/** The same for a script that may give the ending of a session, of which the event `rejected` tells too. */
export function seenOrRefused<Claims extends object>(
  cx: Context<Claims>,
  reply: LookUpReply,
  target: Target,
): Seen<Claims> {
  if (!isEndingText(reply)) return storedOrRefused(cx, reply, target);
  const ended = decodeEnding(reply);
  const nothing = rejected(cx, "unknown", target.id);
  return ended === undefined ? nothing : { session: null, readAt: 0, ended };
}

/** Decodes the reply of a script that reads a session. `null`: a refusal, or a session that is over; it is announced. */
export function storedOrRefused<Claims extends object>(
  cx: Context<Claims>,
  reply: RecordText | Refusal,
  target: Target,
): StoredSession<Claims> | null {
  if (!isRecordText(reply)) return refused(cx, reply, target);
  const stored = decodeRecord<Claims>(reply, target.id, cx.keys.session(target.id));
  return isOver(stored) ? rejected(cx, "unknown", target.id) : stored;
}
