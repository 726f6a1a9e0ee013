/** `coatcheck sessions` and `coatcheck show`: what a user's sessions, and one session, are. */
import { isId, parseToken } from "../../leaves/token.js";
import type { Session } from "../../sessions/session.js";
import { doubtAboutPrefix } from "../census.js";
import { DONE, Failure, NOTHING_FOUND } from "../failure.js";
import { counted } from "../terminal.js";
import { showInstant } from "../time.js";
import type { Work } from "../work.js";

export async function sessions(work: Work, userId: string): Promise<number> {
  const { store, terminal, signal } = work;
  const [found, block] = await Promise.all([store.listForUser(userId), store.getBlock(userId)]);
  await terminal.result({ userId, block, sessions: found }, async () => {
    if (found.length > 0) {
      await terminal.table(
        ["id", "created", "last seen", "expires", "address", "user agent"],
        found.map(({ id, createdAt, lastSeenAt, expiresAt, client }) => [
          id,
          showInstant(createdAt),
          showInstant(lastSeenAt),
          showInstant(expiresAt),
          client.ip ?? null,
          shortened(client.userAgent),
        ]),
        signal,
      );
    }
    terminal.line(`${counted(found.length, "session")} of the user ${JSON.stringify(userId)}.`);
    if (block !== null) {
      const reason = block.reason === null ? "" : `, because: ${block.reason}`;
      const until = block.until === null ? "without end" : `until ${showInstant(block.until)}`;
      terminal.line(`The user is blocked ${until}${reason}.`);
    }
  });
  if (found.length > 0 || block !== null) return DONE;
  await sayNothingFound(work, "The user has no session. An unknown user has none either: check the id, also its case.");
  return NOTHING_FOUND;
}

export async function show(work: Work, id: string): Promise<number> {
  const { store, terminal } = work;
  checkId(id);
  const session = await store.find(id);
  if (session === null) {
    await terminal.result(null, () => {});
    await sayNothingFound(work, `No live session has the id ${id}: it has expired, was ended or never existed.`);
    return NOTHING_FOUND;
  }
  await terminal.result(session, () => describe(work, session));
  return DONE;
}

function describe({ terminal }: Work, session: Session<Record<string, unknown>>): void {
  const { id, userId, client, claims } = session;
  terminal.list([
    ["id", id],
    ["user", userId === null ? "none: a guest" : JSON.stringify(userId)],
    ["created", showInstant(session.createdAt)],
    ["authenticated", showInstant(session.authenticatedAt)],
    ["last seen", showInstant(session.lastSeenAt)],
    ["expires", showInstant(session.expiresAt)],
    ["expires at the latest", showInstant(session.absoluteExpiresAt)],
    ["address", client.ip ?? null],
    ["user agent", client.userAgent ?? null],
    ...Object.entries(claims).map(([name, value]) => [`claim ${name}`, JSON.stringify(value)] as const),
  ]);
}

/** Refuses what is no id. A token is a secret: the message does not repeat it. */
export function checkId(id: string): void {
  if (isId(id)) return;
  if (parseToken(id) !== null) {
    throw new Failure(
      "That is a token, which is a secret, and it may now be in the history of your shell: revoke its session. Give the id, which is the part before the dot.",
    );
  }
  throw new Failure(
    "An id of a session has 26 characters, such as 01ARZ3NDEKTSV4RRFFQ69G5FAV. coatcheck sessions --user <user> lists them.",
  );
}

/** Says that nothing was found, and whether the prefix may be the reason. */
export async function sayNothingFound(work: Work, message: string): Promise<void> {
  work.terminal.note(message);
  const doubt = await doubtAboutPrefix(work);
  if (doubt !== "") work.terminal.note(doubt);
}

function shortened(userAgent: string | undefined): string | null {
  if (userAgent === undefined) return null;
  return userAgent.length > 40 ? `${userAgent.slice(0, 39)}…` : userAgent;
}
