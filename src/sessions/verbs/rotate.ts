/**
 * Giving a session a new id and secret. For one user this is one atomic step. A log-in moves the session to the user's slot,
 * which one step cannot do: it creates the user's session first, and then ends the guest's.
 */

import { StoreUnavailableError } from "../../leaves/errors.js";
import { escapeText } from "../../leaves/text.js";
import { bucketOfId, bucketOfUser, mintToken, parseToken, type Target } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import { repeatedError } from "../../redis/redis-errors.js";
import { unknownReply } from "../../redis/replies.js";
import { patchClaims } from "../claims.js";
import { type Context, refused, rejected } from "../context.js";
import { runGet } from "../scripts/get.js";
import { runRotate } from "../scripts/rotate.js";
import { runTrail } from "../scripts/trail.js";
import { decodeRecord, type Session, type StoredSession } from "../session.js";
import { hasTimeouts, resolveTimeouts } from "../timeouts.js";
import { decodeTrail, type Origin } from "../trail.js";
import { blockedError, type IssuedSession, makeSession } from "./create.js";
import { endForLogIn, endSession } from "./end.js";
import { storedOrRefused } from "./look-up.js";
import { checkRotateOptions, encodeNewClient, encodeNewPersistence, type RotateOptions } from "./rotate-options.js";
import { encodeChange, encodePatch, encodeReplacement, excessError, writeClaims } from "./update.js";

export async function rotate<Claims extends object>(
  cx: Context<Claims>,
  token: unknown,
  options: RotateOptions<Claims> = {},
): Promise<IssuedSession<Claims> | null> {
  checkRotateOptions(cx, options);
  const old = parseToken(token);
  if (old === null) return rejected(cx, "malformed");
  const { userId } = options;
  // The session of a guest or another user is nearly always in another slot, and then rotate.lua cannot do it.
  if (userId !== undefined && bucketOfUser(userId) !== bucketOfId(old.id)) return handOver(cx, old, userId, options);

  const deadline = cx.redis.deadline();
  const patch = options.claims ?? {};
  const key = cx.keys.session(old.id);
  let judged: { readonly claims: object; readonly version: string } | undefined;
  if (cx.options.claims !== undefined && options.claims !== undefined) {
    const reply = await runGet(cx.redis, key, old.secretHash, deadline);
    const trail = reply === "none" && userId !== undefined ? await readTrail(cx, old, userId, deadline) : null;
    if (trail !== null && trail.userId === userId) {
      judged = trail;
    } else {
      if (reply === "none" && userId !== undefined) return handOver(cx, old, userId, options, deadline);
      const stored = storedOrRefused(cx, reply, old);
      if (stored === null) return null;
      judged = originOf(stored);
    }
  }
  let minted = mintToken(bucketOfId(old.id));
  const { maxClaimsBytes: maxBytes } = cx.options;
  for (;;) {
    const claims = judged?.claims as Claims | undefined;
    const encoded =
      claims === undefined ? encodePatch(cx, patch) : await deadline.exclude(() => encodeChange(cx, claims, patch));
    const newKey = cx.keys.session(minted.id);
    const rotation = {
      key,
      newKey,
      indexes: cx.keys.indexes(old.id),
      secretHash: old.secretHash,
      newSecretHash: minted.secretHash,
      user: userId === undefined ? undefined : escapeText(userId),
      reauthenticated: options.reauthenticated ?? userId !== undefined,
      timeouts: hasTimeouts(options) ? resolveTimeouts(cx.options, options) : undefined,
      grace: options.grace ?? 0,
      version: judged?.version,
      maxBytes,
      limit: cx.options.maxSessionsPerUser ?? 0,
      endings: cx.options.endings,
      patch: [...encoded, ...encodeNewClient(options.client), ...encodeNewPersistence(options.persistent)],
    };
    const { losses } = cx.redis;
    const rotated = await runRotate(cx.redis, rotation, deadline);
    // Also if another process has ended it, of which this one may not have heard yet.
    cx.forget(old.id);
    switch (rotated.status) {
      case "ok": {
        const { session } = decodeRecord<Claims>(rotated.record, minted.id, newKey);
        announceRotation(cx, session, old.id, session.userId);
        return { token: minted.token, session };
      }
      case "conflict":
        judged = originOf(decodeRecord<Claims>(rotated.record, old.id, key));
        break;
      case "taken":
        // This happens once in 2^65 ids of one millisecond.
        minted = mintToken(bucketOfId(old.id));
        break;
      case "foreign": {
        // The script gives this only if a user was given.
        if (userId === undefined) throw unknownReply(rotated);
        const found = decodeRecord<Claims>(rotated.record, old.id, key);
        return handOver(cx, old, userId, options, deadline, found);
      }
      case "blocked":
        throw blockedError(rotated);
      case "size":
      case "many":
        throw excessError(rotated, maxBytes);
      case "superseded":
        // The first run of this call may have superseded it, and the new session may have ended since.
        if (cx.redis.losses !== losses) throw repeatedError();
        return rejected(cx, "superseded", old.id);
      default:
        if (rotated.status === "none" && cx.redis.losses !== losses) throw repeatedError();
        // It may have been a guest's on which its user has logged in twice at once: then the other log-in has left its claims.
        if (rotated.status === "none" && userId !== undefined) return handOver(cx, old, userId, options, deadline);
        return refused(cx, rotated.status, old);
    }
  }
}

/**
 * The log-in of a guest, or of one user on another's session. Three round trips: read the old session (unless the caller has
 * just `found` it), create the new one, end the old one. If the process dies in between, only a guest's session is left, which
 * has no privilege. If another log-in of the same user has just ended the old session, this one succeeds too, and uses what the
 * other one has left of it.
 */
async function handOver<Claims extends object>(
  cx: Context<Claims>,
  old: Target,
  userId: string,
  options: RotateOptions<Claims>,
  deadline = cx.redis.deadline(),
  found?: StoredSession<Claims>,
): Promise<IssuedSession<Claims> | null> {
  const opened = found === undefined ? await openOrigin(cx, old, userId, deadline) : originOf(found);
  if (opened === null) return null;
  if (opened.successor !== undefined) return rejected(cx, "superseded", old.id);
  let origin: Origin = opened;
  const previousUserId = origin.userId;
  const carriesClaims = previousUserId === null || previousUserId === userId;
  const carry = ({ claims }: Origin) => patchClaims(carriesClaims ? claims : {}, options.claims ?? {}) as Claims;

  const { client = origin.client, idleTimeout, absoluteTimeout } = options;
  const persistent = options.persistent ?? undefined;
  const loggedIn = { userId, claims: carry(origin), client, idleTimeout, absoluteTimeout, persistent };
  const issued = await makeSession(cx, loggedIn, deadline);
  let { session } = issued;
  /** The claims have changed after they were read: this carries the change over too. */
  const catchUp = async (latest: Origin) => {
    origin = latest;
    const [before, after, made] = [session.claims, carry(latest), { id: session.id, secretHash: "" }];
    try {
      const change = await deadline.exclude(() => encodeReplacement(cx, before, after));
      const outcome = await writeClaims(cx, made, { patch: change }, deadline);
      session = outcome?.stored.session ?? session;
    } catch (error) {
      // The claims are too many together, or the schema refuses them. Nobody gets this session, so it does not stay.
      if (!(error instanceof StoreUnavailableError)) await endSession(cx, made, { deadline, confirmed: false });
      throw error;
    }
  };
  while (!opened.hasEnded) {
    const version = carriesClaims ? origin.version : undefined;
    const { losses } = cx.redis;
    const { own, ended } = await endForLogIn(cx, old, { newId: session.id, userId, version }, deadline);
    for (const id of ended) cx.forget(id);
    if (own.status === "ended") break;
    if (own.status === "left") {
      const left = decodeTrail(own.trail, cx.keys.trail(old.id));
      if (carriesClaims && left.version !== origin.version) await catchUp(left);
      break;
    }
    if (own.status !== "conflict") {
      // Somebody has revoked it, rotated it or logged in on it meanwhile: so this log-in did not come from a live session.
      await endSession(cx, { id: session.id, secretHash: "" }, { deadline, confirmed: false });
      if (own.status === "none" && cx.redis.isUnsure(losses)) throw repeatedError();
      return own.status === "superseded" ? rejected(cx, "superseded", old.id) : refused(cx, own.status, old);
    }
    await catchUp(originOf(decodeRecord<Claims>(own.record, old.id, cx.keys.session(old.id))));
  }
  announceRotation(cx, session, old.id, previousUserId);
  return { token: issued.token, session };
}

/** The session from which a log-in comes. */
interface OpenedOrigin extends Origin {
  readonly successor: string | undefined;
  /** Whether another log-in of the same user has ended it already. */
  readonly hasEnded: boolean;
}

function originOf({ session, version, successor }: StoredSession<object>): OpenedOrigin {
  const { claims, client, userId } = session;
  return { claims, client, userId, version, successor, hasEnded: false };
}

/** Reads the session from which a log-in comes, or what another log-in of the same user has just left of it. */
async function openOrigin<Claims extends object>(
  cx: Context<Claims>,
  old: Target,
  userId: string,
  deadline: Deadline,
): Promise<OpenedOrigin | null> {
  const reply = await runGet(cx.redis, cx.keys.session(old.id), old.secretHash, deadline);
  const trail = reply === "none" ? await readTrail(cx, old, userId, deadline) : null;
  // What a user has left of their own session only rotate.lua may use, which sees whether it still holds.
  if (trail !== null && trail.userId !== userId) return { ...trail, successor: undefined, hasEnded: true };
  const stored = storedOrRefused(cx, reply, old);
  return stored === null ? null : originOf(stored);
}

/** Reads what a log-in of this user has left of a session; `null` for nothing. */
async function readTrail<Claims extends object>(
  cx: Context<Claims>,
  old: Target,
  userId: string,
  deadline: Deadline,
): Promise<Origin | null> {
  const key = cx.keys.trail(old.id);
  const trail = await runTrail(cx.redis, { key, secretHash: old.secretHash, user: escapeText(userId) }, deadline);
  return trail === "none" ? null : decodeTrail(trail, key);
}

function announceRotation<Claims extends object>(
  cx: Context<Claims>,
  { id, userId, client }: Session<Claims>,
  previousId: string,
  previousUserId: string | null,
): void {
  cx.forget(previousId);
  cx.events.announce("rotated", { id, previousId, userId, previousUserId, client });
}
