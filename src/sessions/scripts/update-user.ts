/** Calls update-user.lua. */
import type { Redis } from "../../redis/redis.js";
import { countOf, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { UserKeys } from "../keys.js";
import { type Cursor, cursorOf } from "./list.js";
import { ofIndex } from "./preludes.js";
import body from "./update-user.lua";

export type UpdatedPage =
  /** The sessions that were changed. */
  | { readonly status: "ok"; readonly next: Cursor | undefined; readonly ids: readonly string[] }
  /** Redis Cluster is moving the slot, and nothing was written: each of these sessions is to be changed by itself. */
  | { readonly status: "moving"; readonly next: Cursor | undefined; readonly ids: readonly string[] }
  /** What the claims of a session would take; nothing of this page was written. */
  | { readonly status: "size"; readonly bytes: number }
  /** The session with this id cannot be read; nothing of this page was written. */
  | { readonly status: "corrupt"; readonly id: string };

export const updateUserScript = script(
  (reply): UpdatedPage => {
    const texts = textsOf(reply);
    const [status, first, last, ...ids] = texts;
    if (texts.length === 2 && status === "size") return { status, bytes: countOf(first) };
    if (texts.length === 2 && status === "corrupt" && first !== undefined) return { status, id: first };
    if ((status === "ok" || status === "moving") && first !== undefined && last !== undefined) {
      return { status, next: cursorOf(first, last), ids };
    }
    throw unknownReply(reply);
  },
  ...ofIndex,
  body,
);

export interface PageUpdate {
  readonly user: UserKeys;
  readonly after: Cursor;
  /** How many sessions to change at most. */
  readonly most: number;
  /** How many bytes all claims of one session may take. */
  readonly maxBytes: number;
  /** Fields and values in turn; an empty value removes the field. */
  readonly patch: readonly string[];
}

/** Changes claims of one page of a user's sessions. */
export function runUpdateUser(redis: Redis, update: PageUpdate): Promise<UpdatedPage> {
  const { user, after, most, maxBytes, patch } = update;
  return redis.run(updateUserScript, [user.index], [user.name, after.score, after.id, most, maxBytes, ...patch]);
}
