/** What the verbs share: what one store is made of, and the way in which every verb tells of a refusal. */
import { CorruptRecordError } from "../leaves/errors.js";
import type { Target } from "../leaves/token.js";
import type { RedisDoor } from "../redis/redis-door.js";
import type { Refusal } from "../redis/replies.js";
import type { Events, RejectionReason } from "./events.js";
import type { Keys } from "./keys.js";
import type { ResolvedOptions } from "./options.js";
import type { Pace } from "./scripts/touch.js";

/** One store, as its verbs see it. */
export interface Context<Claims extends object> {
  readonly redis: RedisDoor;
  readonly keys: Keys;
  readonly events: Events;
  readonly options: ResolvedOptions<Claims>;
  /** How its sessions slide. */
  readonly pace: Pace;
  /** Makes the memory of this process forget a session that a verb has changed or ended: before its promise resolves. */
  readonly forget: (id: string) => void;
}

/**
 * How many sessions of a user one script may handle: that takes 1 to 3 ms, in which Redis does nothing else. The scripts take
 * fewer if the sessions are large: see WORK in index.lua.
 */
export const PAGE = 250;

/** Announces why a token was refused, and returns the `null` for the caller. */
export function rejected(cx: Pick<Context<object>, "events">, reason: RejectionReason, id: string | null = null): null {
  cx.events.announce("rejected", { id, reason });
  return null;
}

/** Turns the refusal of a script into `null`, and announces it; throws for a record that cannot be read. */
export function refused(cx: Pick<Context<object>, "events" | "keys">, refusal: Refusal, target: Target): null {
  if (refusal === "corrupt") throw new CorruptRecordError(cx.keys.session(target.id));
  return rejected(cx, refusal === "secret" ? "secret" : "unknown", target.id);
}
