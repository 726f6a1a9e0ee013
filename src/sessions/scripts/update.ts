/** Calls update.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import { SlotMovingError } from "../../redis/cluster/redirection.js";
import { newMark } from "../../redis/marks.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { repeatedError } from "../../redis/redis-errors.js";
import { isRecordText, isRefusal, type RecordText, type Refusal, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import { type Excess, excessIn } from "./excess.js";
import { ofRecord } from "./preludes.js";
import body from "./update.lua";

export interface ClaimsUpdate {
  /** The key of the session. */
  readonly key: string;
  /** `""` for a caller who named the session by its id. */
  readonly secretHash: string;
  /** The version that the claims must still have. */
  readonly version?: string | undefined;
  /** How many bytes all claims may take. */
  readonly maxBytes: number;
  /** Fields and values in turn; an empty value removes the field. */
  readonly patch: readonly string[];
}

export type Updated =
  /** `id` and `record` are those of the successor if there is one, because its claims count. */
  | { readonly status: "ok" | "conflict"; readonly id: string; readonly record: RecordText }
  | Excess
  | { readonly status: Refusal }
  /** The claims were changed, but the session ended or got another id before the reply arrived. */
  | { readonly status: "gone"; readonly user: string };

/** The slot is moving, so no mark can be kept, and a change of any version must not run twice. */
interface Unmarked {
  readonly status: "unmarked";
  /** The version that the claims have. */
  readonly version: string;
}

export const updateScript = script(
  (reply): Updated | Unmarked => {
    const texts = textsOf(reply);
    const [status, id, record] = texts;
    if (texts.length === 1 && isRefusal(status)) return { status };
    if (texts.length === 1 && status === "moving") throw new SlotMovingError();
    const excess = excessIn(texts);
    if (excess !== undefined) return excess;
    if (texts.length === 2 && status === "gone" && id !== undefined) return { status, user: id };
    if (texts.length === 2 && status === "unmarked" && id !== undefined) return { status, version: id };
    if ((status === "ok" || status === "conflict") && id !== undefined && isRecordText(record)) {
      return { status, id, record };
    }
    throw unknownReply(reply);
  },
  ...ofRecord,
  body,
);

/**
 * Changes claims of one session. Waits, within the deadline, while the slot is moving and the partner of the session is on the
 * other node. Throws `StoreUnavailableError` if nobody can tell whether the change was made.
 */
export async function runUpdate(redis: RedisDoor, update: ClaimsUpdate, deadline = redis.deadline()): Promise<Updated> {
  for (;;) {
    const first = await runOnce(redis, update, update.version, deadline);
    if (first.status !== "unmarked") return first;
    // A change of a known version is made only once, even if it runs twice.
    const second = await runOnce(redis, update, first.version, deadline);
    if (second.status !== "unmarked" && second.status !== "conflict") return second;
  }
}

async function runOnce(
  redis: RedisDoor,
  { key, secretHash, maxBytes, patch }: ClaimsUpdate,
  version = "",
  deadline?: Deadline,
): Promise<Updated | Unmarked> {
  const { losses } = redis;
  const args = [secretHash, version, maxBytes, newMark(), redis.markLife, ...patch];
  const updated = await redis.run(updateScript, [key], args, deadline);
  // The first run may have made the other version.
  if (updated.status === "conflict" && redis.isUnsure(losses)) throw repeatedError();
  return updated;
}
