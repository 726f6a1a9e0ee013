/** Creating a session, within the limit of sessions per user and never for a blocked user. */

import { checkBoolean, checkClaims, checkNames, checkUserId } from "../../leaves/arguments.js";
import { CorruptRecordError, SessionLimitError, UserBlockedError } from "../../leaves/errors.js";
import { escapeText, unescapeText } from "../../leaves/text.js";
import { bucketOfUser, mintToken, randomBucket } from "../../leaves/token.js";
import { checkExtent, type EncodedClaims, encodeClaims, validateClaims } from "../claims.js";
import { clientAddress, clientAgent } from "../client.js";
import type { Context } from "../context.js";
import { type Blocked, runCreate } from "../scripts/create.js";
import { type Client, decodeRecord, type Session } from "../session.js";
import { resolveTimeouts } from "../timeouts.js";
import { endSession } from "./end.js";
import { announceEnd } from "./revoke.js";

/** What a session is created with. */
export interface CreateOptions<Claims extends object> {
  /** Whose session it is: any non-empty string up to 256 bytes that is no token. Without it the session is a guest's. */
  readonly userId?: string | undefined;
  /** What the session says of its user. Default: none. */
  readonly claims?: Claims | undefined;
  /**
   * What to remember of the client, for a list of devices. Both may be the value of a header. If `ip` has several addresses, as
   * in `X-Forwarded-For`, the first is kept; an address of more than 64 characters is left out; `userAgent` is cut after 512
   * characters; control characters become spaces. What the client sends here never makes the call fail.
   */
  readonly client?: { readonly ip?: HeaderValue | undefined; readonly userAgent?: HeaderValue | undefined } | undefined;
  /** Instead of the store's, ms. */
  readonly idleTimeout?: number | undefined;
  /** Instead of the store's, ms. */
  readonly absoluteTimeout?: number | undefined;
  /**
   * Whether the client is to keep its token when it closes: `start` of coatcheck/http makes the cookie by it. It is stored, and
   * every rotation keeps it. Default: not stored, and the options of the application decide.
   */
  readonly persistent?: boolean | undefined;
}

/** A header as Node gives it; of several values the first counts. */
export type HeaderValue = string | readonly string[];

/** A new token and the session it opens. */
export interface IssuedSession<Claims extends object> {
  /** The bearer's credential. Only its hash is stored, so nobody can get it a second time. */
  readonly token: string;
  readonly session: Session<Claims>;
}

export async function create<Claims extends object>(
  cx: Context<Claims>,
  options: CreateOptions<Claims> = {},
): Promise<IssuedSession<Claims>> {
  checkNames("create", options, ["userId", "claims", "client", "idleTimeout", "absoluteTimeout", "persistent"]);
  const issued = await makeSession(cx, options);
  const { id, userId, client } = issued.session;
  cx.events.announce("created", { id, userId, client });
  return issued;
}

/** Creates a session without announcing it. `deadline` is given if it is one step of a longer call. */
export async function makeSession<Claims extends object>(
  cx: Context<Claims>,
  options: CreateOptions<Claims>,
  deadline = cx.redis.deadline(),
): Promise<IssuedSession<Claims>> {
  const userId = options.userId === undefined ? undefined : checkUserId(options.userId);
  const { idleTimeout, absoluteTimeout } = resolveTimeouts(cx.options, options);
  const fields = [
    ...encodeUser(userId),
    ...encodeClient(options.client),
    ...encodePersistence(options.persistent),
    ...(await deadline.exclude(() => encodeNewClaims(cx, options.claims))),
  ];
  const { maxSessionsPerUser: limit = 0, onSessionLimit: onLimit, endings } = cx.options;
  const user = userId === undefined ? undefined : cx.keys.user(userId);
  const bucket = userId === undefined ? randomBucket() : bucketOfUser(userId);
  for (;;) {
    const minted = mintToken(bucket);
    const { id, secretHash } = minted;
    const key = cx.keys.session(id);
    const { losses } = cx.redis;
    const creation = { key, user, secretHash, idleTimeout, absoluteTimeout, limit, onLimit, endings, fields };
    const created = await runCreate(cx.redis, creation, deadline);
    if (created.status === "blocked") throw blockedError(created);
    if (created.status === "corrupt") throw new CorruptRecordError(cx.keys.session(created.id));
    if (created.status === "limit") throw new SessionLimitError(limit);
    // This happens once in 2^65 ids of one millisecond.
    if (created.status === "taken") continue;
    announceEnd(cx, created.evicted, userId ?? null, "limit");
    // There were too many sessions for one call.
    if (created.status === "again") continue;
    if (cx.redis.losses === losses) {
      return { token: minted.token, session: decodeRecord<Claims>(created.record, id, key).session };
    }
    // A connection was lost meanwhile, so the script may have run twice, and between the two runs somebody may have revoked the
    // session that the first run made (P1). Nobody has its token yet: end it, and create another.
    await endSession(cx, minted, { deadline, confirmed: false });
  }
}

function encodeUser(userId: string | undefined): string[] {
  return userId === undefined ? [] : ["u", escapeText(userId)];
}

/** The client as the scripts take it. Throws `TypeError` for one that holds anything but text. */
export function encodeClient(client: Client | CreateOptions<object>["client"] = {}): string[] {
  checkNames("client", client, ["ip", "userAgent"]);
  const [ip, userAgent] = [clientAddress(client.ip), clientAgent(client.userAgent)];
  return [
    ...(ip === undefined ? [] : ["i", escapeText(ip)]),
    ...(userAgent === undefined ? [] : ["a", escapeText(userAgent)]),
  ];
}

/** Whether the client keeps its token, as the scripts take it; empty if that is not given. */
export function encodePersistence(persistent: boolean | undefined): string[] {
  return persistent === undefined ? [] : ["c", checkBoolean("persistent", persistent) ? "1" : "0"];
}

async function encodeNewClaims<Claims extends object>(
  cx: Context<Claims>,
  claims: Claims | undefined,
): Promise<EncodedClaims> {
  const { claims: schema, maxClaimsBytes } = cx.options;
  const given = checkClaims("claims", claims ?? {});
  const valid = schema === undefined ? given : await validateClaims(schema, given);
  const defined = Object.fromEntries(Object.entries(valid).filter(([, value]) => value !== undefined));
  const encoded = encodeClaims(defined);
  checkExtent(encoded, maxClaimsBytes);
  return encoded;
}

/** The error for a user whom a script found blocked. */
export function blockedError({ until, reason }: Blocked): UserBlockedError {
  return new UserBlockedError(until === "" ? null : Number(until), reason === "" ? null : unescapeText(reason));
}
