/** Calls update-user.lua. */
import { newMark } from "../../redis/marks.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { countOf, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { UserKeys } from "../keys.js";
import type { Arrivals } from "./arrivals.js";
import { type Excess, excessIn } from "./excess.js";
import { type Cursor, cursorOf } from "./list.js";
import { ofIndex } from "./preludes.js";
import body from "./update-user.lua";

export type UpdatedPage =
  /** The sessions that were changed. `arrivals` is begun with the first page of several. */
  | {
      readonly status: "ok";
      readonly next: Cursor | undefined;
      readonly arrivals: Arrivals | undefined;
      readonly ids: readonly string[];
    }
  /** The slot is moving, and nothing was written: each of these sessions must be changed by itself. */
  | { readonly status: "moving"; readonly next: Cursor | undefined; readonly ids: readonly string[] }
  /** The session with this id cannot be read; nothing of this page was written. */
  | { readonly status: "corrupt"; readonly id: string }
  | Excess;

export const updateUserScript = script(
  (reply): UpdatedPage => {
    const texts = textsOf(reply);
    const [status, first, last, ...rest] = texts;
    const excess = excessIn(texts);
    if (excess !== undefined) return excess;
    if (texts.length === 2 && status === "corrupt" && first !== undefined) return { status, id: first };
    if (first === undefined || last === undefined) throw unknownReply(reply);
    const next = cursorOf(first, last);
    if (status === "moving") return { status, next, ids: rest };
    const [mark, size, ...ids] = rest;
    if (status === "ok" && mark !== undefined) {
      const read = countOf(size);
      return { status, next, arrivals: mark === "" ? undefined : { mark, read }, ids };
    }
    throw unknownReply(reply);
  },
  ...ofIndex,
  body,
);

export interface PageUpdate {
  readonly user: UserKeys;
  readonly after: Cursor;
  /** For the list of arrivals, which the first page of several begins. */
  readonly mark: string;
  /** How many sessions to change at most. */
  readonly most: number;
  /** How many bytes all claims of one session may take. */
  readonly maxBytes: number;
  /** Fields and values in turn; an empty value removes the field. */
  readonly patch: readonly string[];
}

/** Changes claims of one page of a user's sessions. */
export function runUpdateUser(redis: RedisDoor, update: PageUpdate): Promise<UpdatedPage> {
  const { user, after, mark, most, maxBytes, patch } = update;
  const args = [user.name, after.score, after.id, most, maxBytes, mark, newMark(), redis.markLife, ...patch];
  return redis.run(updateUserScript, [user.index], args);
}
