/** `coatcheck revoke`: ends one session, those of a user, or all. */
import { takeCensus } from "../census.js";
import { DONE, Failure, NOTHING_FOUND } from "../failure.js";
import { counted } from "../terminal.js";
import type { Work } from "../work.js";
import { noteOf } from "./note.js";
import { checkId, sayNothingFound } from "./sessions.js";

/** Which sessions are to end, if no id is given. */
export interface RevokeChoice {
  readonly user?: string | undefined;
  readonly all?: boolean | undefined;
  /** What the bearers are told beside the reason. */
  readonly note?: string | undefined;
}

export async function revoke(work: Work, id: string | undefined, choice: RevokeChoice): Promise<number> {
  const { user, all = false } = choice;
  const named = [id !== undefined, user !== undefined, all].filter(Boolean).length;
  if (named !== 1) throw new Failure("Say what to end: an id, --user <user> or --all, and only one of them.");
  const note = noteOf(work, choice.note);
  if (id !== undefined) return revokeOne(work, id, note);
  return user !== undefined ? revokeUser(work, user, note) : revokeAll(work, note);
}

async function revokeOne(work: Work, id: string, note: string | undefined): Promise<number> {
  checkId(id);
  const { store, terminal, options, signal } = work;
  const session = await store.find(id);
  if (session === null) {
    await terminal.result({ found: 0, ended: 0 }, () => {});
    await sayNothingFound(work, `No live session has the id ${id}: it has expired, was ended or never existed.`);
    return NOTHING_FOUND;
  }
  const whose = session.userId === null ? "a guest" : `the user ${JSON.stringify(session.userId)}`;
  if (options.yes !== true) await terminal.confirm(`End the session ${id} of ${whose}?`, signal);
  const ended = (await store.revoke(id, { note })) ? 1 : 0;
  return tell(work, 1, ended);
}

async function revokeUser(work: Work, user: string, note: string | undefined): Promise<number> {
  const { store, terminal, options, signal } = work;
  const found = (await store.listForUser(user)).length;
  if (found === 0) {
    await terminal.result({ found, ended: 0 }, () => {});
    await sayNothingFound(
      work,
      "The user has no session. An unknown user has none either: check the id, also its case.",
    );
    return NOTHING_FOUND;
  }
  terminal.note(`Found ${counted(found, "session")} of the user ${JSON.stringify(user)}.`);
  if (options.yes !== true) await terminal.confirm(`End ${found === 1 ? "it" : "them"}?`, signal);
  const progress = terminal.progress("ended", found);
  let so = 0;
  store.events.on("revoked", () => progress.at(++so));
  work.onStop(() => stoppedAfter(so, found));
  const ended = await store.revokeAllForUser(user, { note }).finally(() => progress.end());
  return tell(work, found, ended);
}

async function revokeAll(work: Work, note: string | undefined): Promise<number> {
  const { store, terminal, options, signal } = work;
  const { kinds } = await takeCensus(work);
  const found = kinds.sessions.count;
  if (found === 0) {
    await terminal.result({ found, ended: 0 }, () => {});
    await sayNothingFound(work, `There is no session under ${JSON.stringify(work.keys.prefix)}.`);
    return NOTHING_FOUND;
  }
  const under = `under ${JSON.stringify(work.keys.prefix)}`;
  terminal.note(
    `Found ${counted(found, "session")} ${under}; ${counted(kinds.users.count, "user")} and guests have them.`,
  );
  if (options.yes !== true) await terminal.confirm("End them all? Everybody must log in again.", signal);
  const progress = terminal.progress("ended", found);
  let so = 0;
  work.onStop(() => stoppedAfter(so, found));
  const onProgress = ({ ended }: { readonly ended: number }) => {
    so = ended;
    progress.at(ended);
  };
  const ended = await store.revokeAll({ onProgress, signal, note }).finally(() => progress.end());
  return tell(work, found, ended);
}

async function tell({ terminal }: Work, found: number, ended: number): Promise<number> {
  await terminal.result({ found, ended }, () => terminal.line(`Ended ${counted(ended, "session")}.`));
  return DONE;
}

/** What is said when Ctrl-C stops it. */
export function stoppedAfter(ended: number, found: number): string {
  return `Stopped: ${counted(ended, "session")} of ${found} ended, and the others are live. Run it again to end them.`;
}
