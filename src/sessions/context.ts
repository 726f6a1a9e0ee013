/** What the verbs share: the resolved options of one store, and the way in which every verb tells of a refusal. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { CorruptRecordError } from "../leaves/errors.js";
import type { Target } from "../leaves/token.js";
import type { Redis } from "../redis/redis.js";
import type { Refusal } from "../redis/replies.js";
import type { Events, RejectionReason } from "./events.js";
import type { Keys } from "./keys.js";
import type { Pace } from "./scripts/touch.js";
import type { Session } from "./session.js";

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
  /** How its sessions slide. */
  readonly pace: Pace;
}

/**
 * How many sessions of a user one script call may handle: 1 to 3 ms of Redis's time, for which everybody else waits. Of large
 * sessions the scripts take fewer: see WORK in index.lua.
 */
export const PAGE = 250;

/** Announces why a token was refused, and is the `null` that the caller gets. */
export function rejected(cx: Pick<Context<object>, "events">, reason: RejectionReason, id: string | null = null): null {
  cx.events.announce("rejected", { id, reason });
  return null;
}

/** What a refusal by a script comes to: "no such session for you"; throws for a record that cannot be read. */
export function refused(cx: Pick<Context<object>, "events" | "keys">, refusal: Refusal, target: Target): null {
  if (refusal === "corrupt") throw new CorruptRecordError(cx.keys.session(target.id));
  return rejected(cx, refusal === "secret" ? "secret" : "unknown", target.id);
}

/** A new token and the session it opens. */
export interface IssuedSession<Claims extends object> {
  /** The bearer's credential. Only its hash is stored: it cannot be had again. */
  readonly token: string;
  readonly session: Session<Claims>;
}
