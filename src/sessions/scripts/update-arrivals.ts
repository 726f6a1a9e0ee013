/** Calls update-arrivals.lua. */
import { newMark } from "../../redis/marks.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { countOf, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { UserKeys } from "../keys.js";
import { type Excess, excessIn } from "./excess.js";
import { ofIndex } from "./preludes.js";
import body from "./update-arrivals.lua";

export type UpdatedArrivals =
  /**
   * The sessions that were changed; with `"moving"` those that must be changed one by one. `read`: how many entries are done.
   */
  | {
      readonly status: "ok" | "moving";
      readonly read: number;
      /** How many entries are left. */
      readonly left: number;
      readonly ids: readonly string[];
    }
  /** The list has expired meanwhile. */
  | { readonly status: "lost" }
  | { readonly status: "corrupt"; readonly id: string }
  | Excess;

export const updateArrivalsScript = script(
  (reply): UpdatedArrivals => {
    const texts = textsOf(reply);
    const [status, first, left, ...ids] = texts;
    const excess = excessIn(texts);
    if (excess !== undefined) return excess;
    if (texts.length === 1 && status === "lost") return { status };
    if (texts.length === 2 && status === "corrupt" && first !== undefined) return { status, id: first };
    if (status === "ok" || status === "moving") return { status, read: countOf(first), left: countOf(left), ids };
    throw unknownReply(reply);
  },
  ...ofIndex,
  body,
);

export interface ArrivalsUpdate {
  readonly user: UserKeys;
  /** The mark of the list. */
  readonly mark: string;
  /** How many entries were read before. */
  readonly read: number;
  /** How many sessions to change at most. */
  readonly most: number;
  /** How many bytes all claims of one session may take. */
  readonly maxBytes: number;
  /** Fields and values in turn; an empty value removes the field. */
  readonly patch: readonly string[];
}

/** Changes claims of the sessions that a user has gained meanwhile. */
export function runUpdateArrivals(redis: RedisDoor, update: ArrivalsUpdate): Promise<UpdatedArrivals> {
  const { user, mark, read, most, maxBytes, patch } = update;
  const args = [user.name, mark, read, most, maxBytes, newMark(), redis.markLife, ...patch];
  return redis.run(updateArrivalsScript, [user.index], args);
}
