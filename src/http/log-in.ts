/** Which session a log-in gives: that of the request under another token, or a new one. Knows no header, and no cookie. */
import type { Session } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";
import type { GivenTimeouts } from "../sessions/timeouts.js";
import type { IssuedSession } from "../sessions/verbs/create.js";
import type { StartOptions } from "./request-context.js";

/** What the request has brought. */
export interface Brought<Claims extends object> {
  readonly token: string | null;
  /** The live session of that token; `null` if there is none. */
  readonly session: Session<Claims> | null;
}

/** What the log-in asks for. */
export interface LogInRequest<Claims extends object>
  extends Pick<StartOptions<Claims>, "userId" | "claims" | "persistent"> {
  /** What to remember of the client; `undefined` for what the old session remembers. */
  readonly client: StartOptions<Claims>["client"];
  /** The same for a new session. */
  readonly newClient: StartOptions<Claims>["client"];
  readonly timeouts: GivenTimeouts;
}

/** Gives the session. `ending` waits for each call that ends the session of the request. Throws as `create` and `rotate` do. */
export async function issueFor<Claims extends object>(
  store: SessionStore<Claims>,
  { token, session }: Brought<Claims>,
  { userId, claims, persistent, client, newClient, timeouts }: LogInRequest<Claims>,
  ending: <T>(call: Promise<T>) => Promise<T>,
): Promise<IssuedSession<Claims>> {
  const old = session === null ? null : token;
  let issued: IssuedSession<Claims> | null = null;
  // A rotation without a user keeps the user of the session, and a guest must not get that.
  const keepsUser = userId === undefined && session?.userId !== null;
  if (old !== null && !keepsUser) {
    const isLogIn = userId !== undefined;
    // `null`: on a session of the same user, the choice of an earlier log-in must not stay.
    const lasting = { ...timeouts, persistent: persistent ?? (isLogIn ? null : undefined) };
    const reauthenticated = isLogIn || timeouts.idleTimeout !== undefined;
    issued = await ending(store.rotate(old, { userId, claims, client, reauthenticated, ...lasting }));
  }
  // The second request of a double click: the first has ended the session a moment ago, and has left a guest's claims for
  // this one.
  if (old === null && token !== null && userId !== undefined) {
    const lasting = { ...timeouts, persistent: persistent ?? null };
    issued = await ending(store.rotate(token, { userId, claims, client, ...lasting }));
  }
  if (issued !== null) return issued;
  const made = await store.create({
    ...{ userId, claims: claims as Claims | undefined, client: newClient },
    ...{ ...timeouts, persistent },
  });
  try {
    // It is another user's, or it was rotated and is in its grace.
    if (old !== null) await ending(store.revoke(old));
  } catch (error) {
    await discard(store, made);
    throw error;
  }
  return made;
}

/** Ends a session whose token nobody has received. */
export async function discard(
  store: Pick<SessionStore, "revoke">,
  { session }: { readonly session: { readonly id: string } },
): Promise<void> {
  // The caller already gets another error, and otherwise the session ends with its idle timeout.
  await store.revoke(session.id).catch(() => {});
}
