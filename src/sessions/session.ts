/**
 * The session as callers see it, and how a stored record becomes one. record.lua describes the record's fields.
 */

import { CorruptRecordError } from "../leaves/errors.js";
import { unescapeText } from "../leaves/text.js";
import type { RecordText } from "../redis/replies.js";
import { decodeClaim } from "./stored-claim.js";

/** What the client told about itself when the session was created. */
export interface Client {
  readonly ip?: string;
  readonly userAgent?: string;
}

/** A live session. A frozen plain object; every instant is epoch ms by the clock of Redis. It holds no token. */
export interface Session<Claims extends object = Record<string, unknown>> {
  /** Public id, a ULID. It names the session and never authenticates. */
  readonly id: string;
  /** `null` for a guest. */
  readonly userId: string | null;
  readonly claims: Readonly<Claims>;
  readonly client: Client;
  /** When the session was created. A rotation keeps it; a log-in sets it again. */
  readonly createdAt: number;
  /** When the user last proved who they are; `null` for a guest. */
  readonly authenticatedAt: number | null;
  /** When the session was last used, to the resolution of `touchInterval`: `expiresAt - idleTimeout` for most of its life. */
  readonly lastSeenAt: number;
  /** When the session ends if it is not used: `min(lastSeenAt + idleTimeout, absoluteExpiresAt)`. */
  readonly expiresAt: number;
  /** When the session ends however much it is used. */
  readonly absoluteExpiresAt: number;
  /** Whether the client is to keep its token when it closes; absent if its log-in did not say. */
  readonly persistent?: boolean;
}

/** A stored record, decoded: the session, and what only the store needs to know of it. */
export interface StoredSession<Claims extends object> {
  readonly session: Session<Claims>;
  /** How often the claims were changed, as the scripts compare it. */
  readonly version: string;
  /** The id of the session that has replaced this one in a rotation with grace. Both are live until the grace ends. */
  readonly successor: string | undefined;
  /** The id of the session that this one has replaced in its last rotation with grace. It may have ended long ago. */
  readonly predecessor: string | undefined;
  /** When Redis read it, epoch ms by the clock of Redis. */
  readonly readAt: number;
  /** Its own idle timeout, ms. */
  readonly idleTimeout: number;
}

const SESSION_TIMES = /^(\d+) (-|\d+) (\d+) (\d+)$/;
const COUNT = /^\d+$/;
/** How many ms more than its idle timeout a session may have left: see record.lua. */
const SLACK = 2000;
/** By how much a move to another node may put off the end of a key, ms: see record.lua. */
const DRIFT = 60_000;

/**
 * Whether a session was over when it was read: its absolute deadline had passed, and its key was still there only because a
 * move to another node has put off the end of the key. Those who read a session by itself ask this; scripts of several keys
 * tell of no such session.
 */
export function isOver({ session, readAt }: StoredSession<object>): boolean {
  return readAt > session.absoluteExpiresAt;
}

/**
 * Decodes a session as the scripts tell it: its end, the name of the call, the ms it has left, its times, and its other fields
 * and values in turn, joined by newlines.
 * `key` is the Redis key, for the error. Throws `CorruptRecordError` for anything that coatcheck did not write. A TTL that
 * somebody has set by hand counts too, if the session would live longer than after a touch.
 */
export function decodeRecord<Claims extends object>(text: RecordText, id: string, key: string): StoredSession<Claims> {
  const parts = text.split("\n");
  const claims: Record<string, unknown> = {};
  const client: { ip?: string; userAgent?: string } = {};
  let userId: string | null = null;
  let version = "0";
  let successor: string | undefined;
  let predecessor: string | undefined;
  let sight: string | undefined;
  let persistent: boolean | undefined;
  const times = SESSION_TIMES.exec(parts[3] ?? "");
  try {
    for (let i = 4; i < parts.length; i += 2) {
      const field = parts[i] as string;
      const value = parts[i + 1] as string;
      if (field.charCodeAt(0) === 0x3a) decodeClaim(claims, field, value);
      else if (field === "s") sight = value;
      else if (field === "u") userId = unescapeText(value);
      else if (field === "v") version = value;
      else if (field === "i") client.ip = unescapeText(value);
      else if (field === "a") client.userAgent = unescapeText(value);
      else if (field === "c") persistent = value === "1";
      else if (field === "n") successor = value;
      else if (field === "p") predecessor = value;
    }
  } catch {
    // The parser's message would quote the value, which must not get into a log.
    throw new CorruptRecordError(key);
  }
  if (times === null || (sight !== undefined && !COUNT.test(sight))) throw new CorruptRecordError(key);
  if (version !== "0" && !COUNT.test(version)) throw new CorruptRecordError(key);
  const [ends, left] = [Number(parts[0]), Number(parts[2])];
  const readAt = ends - left;
  const createdAt = Number(times[1]);
  const idleTimeout = Number(times[3]);
  const absoluteExpiresAt = createdAt + Number(times[4]);
  // A session was not seen before its creation, nor later than now, even if the clock of Redis has gone back.
  const latestSight = Math.max(readAt, createdAt);
  // This form of the condition refuses NaN too.
  if (
    !(left >= 0 && ends - idleTimeout <= latestSight + SLACK) ||
    (readAt > absoluteExpiresAt && ends > absoluteExpiresAt + DRIFT)
  ) {
    throw new CorruptRecordError(key);
  }
  const seenAt = sight !== undefined && ends >= absoluteExpiresAt ? createdAt + Number(sight) : ends - idleTimeout;
  const plain = {
    id,
    userId,
    claims: Object.freeze(claims) as Readonly<Claims>,
    client: Object.freeze(client),
    createdAt,
    authenticatedAt: times[2] === "-" ? null : createdAt + Number(times[2]),
    lastSeenAt: Math.min(seenAt, latestSight),
    expiresAt: Math.min(ends, absoluteExpiresAt),
    absoluteExpiresAt,
  };
  const session: Session<Claims> = Object.freeze(persistent === undefined ? plain : { ...plain, persistent });
  return { session, version, successor, predecessor, readAt, idleTimeout };
}
