/**
 * What the verbs share: the resolved options of one store, and the ways in which every verb reads a record and tells of
 * a refusal.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { CorruptRecordError } from "../leaves/errors.js";
import type { Target } from "../leaves/token.js";
import type { Deadline } from "../redis/calls/deadline.js";
import type { Redis } from "../redis/redis.js";
import type { Events, RejectionReason } from "./events.js";
import type { Keys } from "./keys.js";
import { scripts } from "./scripts/scripts.js";
import { decodeRecord, type Session, type StoredSession } from "./session.js";

/** What becomes of a log-in beyond `maxSessionsPerUser`. */
export type SessionLimitPolicy = "evict-oldest" | "evict-idle" | "reject";

/** The options of a store with their defaults filled in. */
export interface ResolvedOptions<Claims extends object> {
  readonly idleTimeout: number;
  readonly absoluteTimeout: number;
  readonly touchInterval: number;
  readonly maxSessionsPerUser: number | undefined;
  readonly onSessionLimit: SessionLimitPolicy;
  readonly claims: StandardSchemaV1<unknown, Claims> | undefined;
  readonly maxClaimsBytes: number;
}

/** One store, as its verbs see it. */
export interface Context<Claims extends object> {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly events: Events;
  readonly options: ResolvedOptions<Claims>;
  /** What touch.lua takes after the hash of the secret. */
  readonly touchArguments: readonly (string | number)[];
}

/** How many sessions of a user one script call may handle: 1 to 3 ms of Redis's time, for which everybody else waits. */
export const PAGE = 250;

/** Announces why a token was refused, and is the `null` that the caller gets. */
export function rejected(cx: Pick<Context<object>, "events">, reason: RejectionReason, id: string | null = null): null {
  cx.events.announce("rejected", { id, reason });
  return null;
}

/** What the statuses that mean "no such session for you" come to; throws for a record that cannot be read. */
export function refused(cx: Pick<Context<object>, "events" | "keys">, status: unknown, target: Target): null {
  if (status === "corrupt") throw new CorruptRecordError(cx.keys.session(target.id));
  return rejected(cx, status === "secret" ? "secret" : "unknown", target.id);
}

/** Decodes the reply of a script that gives a record as text, or a status where there is none to give. */
export function decodeReply<Claims extends object>(
  cx: Context<Claims>,
  reply: unknown,
  target: Target,
): StoredSession<Claims> | null {
  // A record holds at least one field and its value, so only a record has a newline.
  const text = reply as string;
  if (!text.includes("\n")) return refused(cx, text, target);
  return decodeRecord<Claims>(text, target.id, cx.keys.session(target.id));
}

/** Reads a record. `null` where there is none for this target. */
export async function read<Claims extends object>(
  cx: Context<Claims>,
  target: Target,
  deadline?: Deadline,
): Promise<StoredSession<Claims> | null> {
  const reply = await cx.redis.run(scripts.get, [cx.keys.session(target.id)], [target.secretHash], deadline);
  return decodeReply(cx, reply, target);
}

/** Reads a record by its id, for those who refuse nobody and so announce nothing. `null` where there is none. */
export async function lookUp<Claims extends object>(
  cx: Context<Claims>,
  id: string,
): Promise<StoredSession<Claims> | null> {
  const reply = await cx.redis.run(scripts.get, [cx.keys.session(id)], [""]);
  return reply === "none" ? null : decodeReply(cx, reply, { id, secretHash: "" });
}

/** A new token and the session it opens. */
export interface IssuedSession<Claims extends object> {
  /** The bearer's credential. Only its hash is stored: it cannot be had again. */
  readonly token: string;
  readonly session: Session<Claims>;
}
