/** Puts the near cache of a store together: its memory, its pulse, and the subscription on which it hears. */
import type { Deadline } from "../../redis/calls/deadline.js";
import { isRecordText } from "../../redis/replies.js";
import type { Subscription } from "../../redis/subscription.js";
import { type Context, rejected } from "../context.js";
import { runTouch } from "../scripts/touch.js";
import { decodeRecord, isOver, type StoredSession } from "../session.js";
import { touchTarget } from "../verbs/touch.js";
import { NearCache, type NearCounts, type NearSource } from "./near-cache.js";
import type { ResolvedNear } from "./near-options.js";
import { type ProcessClock, processClock } from "./process-clock.js";
import type { NearState } from "./pulse.js";
import { pulseOf } from "./store-pulse.js";

/** What a near cache does: `store.near`. */
export interface Near {
  /** Whether lookups are answered from memory now. */
  readonly state: NearState;
  readonly stats: NearStats;
}

/** What a near cache has done since the store was made. */
export interface NearStats extends NearCounts {
  /** How often it has gone from `"serving"` to `"lapsed"`. */
  readonly lapses: number;
  /** How many beats were sent. */
  readonly beats: number;
}

/** The near cache of one store. */
export interface OpenedNear<Claims extends object> {
  readonly cache: NearCache<Claims>;
  readonly status: Near;
  close(): void;
}

/** `store.near` of a store without a near cache. */
export const NO_NEAR: Near = Object.freeze({
  state: "off",
  stats: Object.freeze({ hits: 0, misses: 0, fills: 0, pushes: 0, lapses: 0, flushes: 0, beats: 0, size: 0 }),
});

/** Makes the near cache of a store. Does no I/O: it begins with the first lookup. */
export function openNear<Claims extends object>(
  cx: Context<Claims>,
  subscription: Subscription,
  { lease, maxEntries }: ResolvedNear,
  clock: ProcessClock = processClock,
): OpenedNear<Claims> {
  const { options, events } = cx;
  const pulse = pulseOf(cx, subscription, {
    clock,
    lease,
    pushed: (message) => cache.push(message),
    missed: () => cache.flush(),
    changed: (state, reason) => events.announce("near", { state, reason }),
  });
  const pace = { maxEntries, touchInterval: options.touchInterval, margin: options.timeout };
  const cache = new NearCache(sourceOf(cx), pulse, clock, pace);
  const status: Near = Object.freeze({
    get state() {
      return pulse.state;
    },
    get stats(): NearStats {
      return Object.freeze({ ...cache.counts, ...pulse.counts });
    },
  });
  return { cache, status, close: () => pulse.close() };
}

function sourceOf<Claims extends object>(cx: Context<Claims>): NearSource<Claims> {
  return {
    losses: () => cx.redis.losses,
    deadline: () => cx.redis.deadline(),
    touch: (target, deadline?: Deadline) => touchTarget(cx, target, deadline),
    async slide({ id, secretHash }) {
      const key = cx.keys.session(id);
      const reply = await runTouch(cx.redis, key, secretHash, cx.pace);
      if (reply === "none" || reply === "secret") return null;
      const stored: StoredSession<Claims> | null = isRecordText(reply) ? decodeRecord<Claims>(reply, id, key) : null;
      return stored === null || isOver(stored) ? null : stored;
    },
    malformed: () => rejected(cx, "malformed"),
  };
}
