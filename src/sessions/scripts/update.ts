/** Calls update.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Redis } from "../../redis/redis.js";
import { isRecordText, isRefusal, type RecordText, type Refusal, textsOf, unknownReply } from "../../redis/replies.js";
import { SlotMovingError, script } from "../../redis/script.js";
import { type Excess, excessIn } from "./excess.js";
import { ofRecord } from "./preludes.js";
import body from "./update.lua";

export interface Update {
  /** The key of the session. */
  readonly key: string;
  /** `""` for a caller who named the session by its id. */
  readonly secretHash: string;
  /** The version that the claims must still have. */
  readonly version?: string | undefined;
  /** How many bytes all claims may take. */
  readonly maxBytes: number;
  /** By which a second run after a lost reply knows the first; not given where a second run does no harm. */
  readonly mark?: string | undefined;
  /** Fields and values in turn; an empty value removes the field. */
  readonly patch: readonly string[];
}

export type Updated =
  /** `id` and `record` are those of the session whose claims count: the successor's, if there is one. */
  | { readonly status: "ok" | "conflict"; readonly id: string; readonly record: RecordText }
  | Excess
  | { readonly status: Refusal };

export const updateScript = script(
  (reply): Updated => {
    const texts = textsOf(reply);
    const [status, id, record] = texts;
    if (texts.length === 1 && isRefusal(status)) return { status };
    if (texts.length === 1 && status === "moving") throw new SlotMovingError();
    const excess = excessIn(texts);
    if (excess !== undefined) return excess;
    if ((status === "ok" || status === "conflict") && id !== undefined && isRecordText(record)) {
      return { status, id, record };
    }
    throw unknownReply(reply);
  },
  ...ofRecord,
  body,
);

/** Changes claims of one session. Waits, within the deadline, while Redis Cluster is moving the slot. */
export function runUpdate(redis: Redis, update: Update, deadline?: Deadline): Promise<Updated> {
  const { key, secretHash, version = "", maxBytes, mark = "", patch } = update;
  return redis.run(updateScript, [key], [secretHash, version, maxBytes, mark, ...patch], deadline);
}
