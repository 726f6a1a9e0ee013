/** Calls list.lua. */
import type { RedisDoor } from "../../redis/redis-door.js";
import { isRecordText, type RecordText, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { UserKeys } from "../keys.js";
import body from "./list.lua";
import { ofIndex } from "./preludes.js";

/** Where a page of a user's sessions ends, and the next one begins. */
export interface Cursor {
  readonly score: string;
  readonly id: string;
}

/** The cursor of the first page. */
export const START: Cursor = { score: "", id: "" };

/** The cursor in a reply. `undefined` after the last page. */
export function cursorOf(score: string, id: string): Cursor | undefined {
  return id === "" ? undefined : { score, id };
}

export type Listed =
  | { readonly status: "ok"; readonly next: Cursor | undefined; readonly found: readonly FoundSession[] }
  /** The slot is moving: the sessions are not all on one node, and each must be read by itself. */
  | { readonly status: "moving"; readonly next: Cursor | undefined; readonly ids: readonly string[] };

interface FoundSession {
  readonly id: string;
  readonly record: RecordText;
}

export const listScript = script(
  (reply): Listed => {
    const [status, score, last, ...rest] = textsOf(reply);
    if (score === undefined || last === undefined) throw unknownReply(reply);
    const next = cursorOf(score, last);
    if (status === "moving") return { status, next, ids: rest };
    if (status !== "ok" || rest.length % 2 === 1) throw unknownReply(reply);
    const found: FoundSession[] = [];
    for (let i = 0; i < rest.length; i += 2) {
      const [id, record] = [rest[i], rest[i + 1]];
      if (id === undefined || !isRecordText(record)) throw unknownReply(reply);
      found.push({ id, record });
    }
    return { status, next, found };
  },
  ...ofIndex,
  body,
);

export interface Listing {
  readonly user: UserKeys;
  readonly after: Cursor;
  /** How many sessions to read at most. */
  readonly most: number;
}

/** Reads one page of a user's live sessions, in no particular order. */
export function runList(redis: RedisDoor, { user, after, most }: Listing): Promise<Listed> {
  return redis.run(listScript, [user.index], [user.name, after.score, after.id, most]);
}
