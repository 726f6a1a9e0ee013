/** Reading the sessions of a user, a page at a time. */

import { checkUserId } from "../../leaves/arguments.js";
import { type Context, lookUp, PAGE } from "../context.js";
import { scripts } from "../scripts/scripts.js";
import { decodeRecord, type Session, type StoredSession } from "../session.js";

export async function listForUser<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
): Promise<Session<Claims>[]> {
  const sessions: Session<Claims>[] = [];
  for await (const { session, successor } of sessionsOf(cx, userId)) {
    // In the grace of a rotation the new session stands for both.
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
  let cursor = ["", ""];
  do {
    const [score, last, ...found] = (await cx.redis.run(scripts.list, [user.index], [user.name, ...cursor, PAGE])) as [
      string,
      string,
      ...string[],
    ];
    // While Redis Cluster moves the slot, the sessions may be on two nodes, and only their ids come.
    const apart = found[1] === "";
    const ids = found.filter((_, at) => at % 2 === 0);
    const page = apart
      ? await Promise.all(ids.map((id) => lookUp(cx, id)))
      : ids.map((id, at) => decodeRecord<Claims>(found[2 * at + 1] as string, id, cx.keys.session(id)));
    for (const stored of page) {
      // A session that is touched between two pages moves to a later one.
      if (stored === null || seen.has(stored.session.id)) continue;
      seen.add(stored.session.id);
      yield stored;
    }
    cursor = [score, last];
  } while (cursor[1] !== "");
}
