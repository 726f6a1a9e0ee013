/** Reading the sessions of a user, a page at a time. */
import { type Context, PAGE } from "../context.js";
import { checkUserId } from "../options.js";
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
    const [score, last, ...found] = (await cx.redis.run(
      scripts.list,
      [user.index, user.sessions],
      [...cursor, PAGE],
    )) as [string, string, ...string[]];
    for (let i = 0; i < found.length; i += 2) {
      const id = found[i] as string;
      // A session that is touched between two pages moves to a later one.
      if (seen.has(id)) continue;
      seen.add(id);
      yield decodeRecord<Claims>(found[i + 1] as string, id, cx.keys.session(id));
    }
    cursor = [score, last];
  } while (cursor[1] !== "");
}
