/** Changing the claims of one live session. */
import { checkClaims, refuseObject } from "../../leaves/arguments.js";
import { type ClaimsError, StoreUnavailableError } from "../../leaves/errors.js";
import { unescapeText } from "../../leaves/text.js";
import { parseTarget, type Target } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import {
  type ClaimsPatch,
  checkExtent,
  claimsTooLarge,
  differenceOf,
  type EncodedClaims,
  encodeClaims,
  namesIn,
  patchClaims,
  tooManyClaims,
  validateClaims,
} from "../claims.js";
import { type Context, refused, rejected } from "../context.js";
import type { Excess } from "../scripts/excess.js";
import { runUpdate } from "../scripts/update.js";
import { decodeRecord, type Session, type StoredSession } from "../session.js";
import { readTarget } from "./look-up.js";

/** A patch, or a function that makes one from the claims as they are. */
export type ClaimsChange<Claims> =
  | ClaimsPatch<Claims>
  | ((claims: Readonly<Claims>) => ClaimsPatch<Claims> | Promise<ClaimsPatch<Claims>>);

export async function updateClaims<Claims extends object>(
  cx: Context<Claims>,
  tokenOrId: unknown,
  change: ClaimsChange<Claims>,
): Promise<Session<Claims> | null> {
  if (typeof change !== "function") checkClaims("patch", change);
  const target = parseTarget(tokenOrId);
  if (target === null) {
    refuseObject("updateClaims", tokenOrId);
    return rejected(cx, "malformed");
  }
  // A function needs the current claims, and a schema checks all of them.
  if (typeof change === "function" || cx.options.claims !== undefined) return compareAndSet(cx, target, change);
  const encoded = encodePatch(cx, change);
  const outcome = await writeClaims(cx, target, { patch: encoded });
  return outcome === null ? null : announced(cx, outcome.stored.session, encoded);
}

/** Reads the claims, gives them to the change, and writes only if nobody else has written meanwhile; otherwise tries again. */
export async function compareAndSet<Claims extends object>(
  cx: Context<Claims>,
  target: Target,
  change: ClaimsChange<Claims>,
): Promise<Session<Claims> | null> {
  const deadline = cx.redis.deadline();
  let stored = await readTarget(cx, target, deadline);
  if (stored !== null && stored.successor !== undefined) {
    // During the grace of a rotation the claims of the successor count. They are still written through the target, whose secret
    // must be right and which may have ended by then.
    stored = await readTarget(cx, { id: stored.successor, secretHash: "" }, deadline);
  }
  while (stored !== null) {
    const { claims } = stored.session;
    const encoded = await deadline.exclude(() => encodeChange(cx, claims, change));
    if (encoded.length === 0) return stored.session;
    const writing = { patch: encoded, version: stored.version };
    const outcome: Written<Claims> | null = await writeClaims(cx, target, writing, deadline);
    if (outcome === null) return null;
    if (outcome.written) return announced(cx, outcome.stored.session, encoded);
    stored = outcome.stored;
  }
  return null;
}

/** The error for claims that a script has found too large or too many. */
export function excessError(excess: Excess, maxBytes: number): ClaimsError {
  return excess.status === "size" ? claimsTooLarge(excess.bytes, maxBytes) : tooManyClaims(excess.claims);
}

interface Written<Claims extends object> {
  /** `false` when the claims were no longer of the version that was asked for. */
  readonly written: boolean;
  /** The session as it is now. */
  readonly stored: StoredSession<Claims>;
}

/** A patch to write. */
interface Writing {
  readonly patch: EncodedClaims;
  /** The version that the claims must still have. Default: any. */
  readonly version?: string;
}

/** Writes a patch, if the claims still have the version that is asked for. `null` if there is no such session. */
export async function writeClaims<Claims extends object>(
  cx: Context<Claims>,
  target: Target,
  writing: Writing,
  deadline?: Deadline,
): Promise<Written<Claims> | null> {
  const { maxClaimsBytes: maxBytes } = cx.options;
  const { id, secretHash } = target;
  const updated = await runUpdate(cx.redis, { key: cx.keys.session(id), secretHash, maxBytes, ...writing }, deadline);
  if (updated.status === "size" || updated.status === "many") throw excessError(updated, maxBytes);
  cx.forget(id);
  if (updated.status === "gone") {
    const userId = updated.user === "" ? null : unescapeText(updated.user);
    cx.events.announce("updated", { id, userId, claims: namesIn(writing.patch) });
    throw new StoreUnavailableError("The claims were changed, but the session has ended or has another id by now");
  }
  if (updated.status !== "ok" && updated.status !== "conflict") return refused(cx, updated.status, target);
  // During the grace of a rotation the claims have changed in the successor too.
  if (updated.id !== id) cx.forget(updated.id);
  const stored = decodeRecord<Claims>(updated.record, updated.id, cx.keys.session(updated.id));
  return { written: updated.status === "ok", stored };
}

/** The patch of a change to these claims, after the schema has checked the result. */
export async function encodeChange<Claims extends object>(
  cx: Context<Claims>,
  claims: Readonly<Claims>,
  change: ClaimsChange<Claims>,
): Promise<EncodedClaims> {
  const patch = typeof change === "function" ? await change(claims) : change;
  checkClaims("patch", patch);
  return cx.options.claims === undefined
    ? encodePatch(cx, patch)
    : encodeReplacement(cx, claims, patchClaims(claims, patch));
}

/** The patch that replaces claims by others, after the schema has checked these. */
export async function encodeReplacement<Claims extends object>(
  cx: Context<Claims>,
  before: object,
  after: object,
): Promise<EncodedClaims> {
  const { claims: schema } = cx.options;
  const valid = schema === undefined ? after : await validateClaims(schema, after);
  return differenceOf(encodeClaims(before), encodeClaims(patchClaims({}, valid)));
}

/** The patch as the scripts take it. Throws `ClaimsError` if it is too large by itself. */
export function encodePatch<Claims extends object>(cx: Context<Claims>, patch: object): EncodedClaims {
  const encoded = encodeClaims(patch);
  checkExtent(encoded, cx.options.maxClaimsBytes);
  return encoded;
}

function announced<Claims extends object>(
  cx: Context<Claims>,
  session: Session<Claims>,
  encoded: EncodedClaims,
): Session<Claims> {
  if (encoded.length > 0) {
    cx.events.announce("updated", { id: session.id, userId: session.userId, claims: namesIn(encoded) });
  }
  return session;
}
