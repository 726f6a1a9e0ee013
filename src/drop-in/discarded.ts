/** Telling operators of a write that was discarded, because the session had ended. */
import { channel } from "node:diagnostics_channel";
import type { EventEmitter } from "node:events";
import type { Version } from "./baseline.js";
import { beginningOf } from "./record-format.js";

/** A save or touch that changed nothing, because the session had ended since the request loaded it. */
export interface DiscardedWrite {
  readonly operation: "set" | "touch";
  /** The beginning of the session id, enough to find it in a log. The whole would be a credential. */
  readonly id: string;
  /** Whose session it was, as far as the request knew; `null` for a guest, or without the option `userId`. */
  readonly userId: string | null;
}

const discardedWrites = channel("coatcheck:discarded");

/** Announces a discarded write on the store and on the channel. */
export function announceDiscarded(
  events: EventEmitter,
  operation: DiscardedWrite["operation"],
  sid: string,
  last: Version | null,
): void {
  const write = Object.freeze({ operation, id: beginningOf(sid), userId: last?.userId ?? null });
  // On its own tick, so that an error of a listener is an uncaught exception, and never the failure of this call.
  process.nextTick(() => {
    discardedWrites.publish(write);
    events.emit("discarded", write);
  });
}
