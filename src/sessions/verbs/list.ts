/** Reading the sessions of a user, a page at a time. */

import { checkUserId } from "../../leaves/arguments.js";
import { type Context, PAGE } from "../context.js";
import { type Cursor, type Listed, runList, START } from "../scripts/list.js";
import { decodeRecord, type Session, type StoredSession } from "../session.js";
import { lookUp } from "./look-up.js";

export async function listForUser<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
): Promise<Session<Claims>[]> {
  const sessions: Session<Claims>[] = [];
  for await (const { session, successor } of sessionsOf(cx, userId)) {
    // During the grace of a rotation the successor stands for both.
    if (successor === undefined) sessions.push(session);
  }
  return sessions.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
}

/** Every live session of a user, each once, in no particular order. */
export async function* sessionsOf<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
): AsyncGenerator<StoredSession<Claims>> {
  const user = cx.keys.user(checkUserId(userId));
  const seen = new Set<string>();
  let after: Cursor | undefined = START;
  while (after !== undefined) {
    const listed: Listed = await runList(cx.redis, { user, after, most: PAGE });
    const page =
      listed.status === "moving"
        ? await Promise.all(listed.ids.map((id) => lookUp(cx, id)))
        : listed.found.map(({ id, record }) => decodeRecord<Claims>(record, id, cx.keys.session(id)));
    for (const stored of page) {
      // A session that is touched between two pages moves to a later one.
      if (stored === null || seen.has(stored.session.id)) continue;
      seen.add(stored.session.id);
      yield stored;
    }
    after = listed.next;
  }
}
