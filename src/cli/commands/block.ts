/** `coatcheck block` and `coatcheck unblock`: whether a user can have sessions. */
import { DONE, Failure, NOTHING_FOUND } from "../failure.js";
import { counted } from "../terminal.js";
import { parseInstant, showInstant } from "../time.js";
import type { Work } from "../work.js";
import { noteOf } from "./note.js";
import { stoppedAfter } from "./revoke.js";
import { sayNothingFound } from "./sessions.js";

export interface BlockChoice {
  readonly until?: string | undefined;
  readonly reason?: string | undefined;
  /** What the bearers of the sessions are told beside the reason. */
  readonly note?: string | undefined;
}

export async function block(work: Work, user: string, choice: BlockChoice): Promise<number> {
  const { until, reason } = choice;
  const { store, terminal, options, signal, door } = work;
  const note = noteOf(work, choice.note);
  // By the clock of Redis, which is the one that ends the block.
  const now = until === undefined ? 0 : Math.max(...(await door.masters()).masters.map((master) => master.now));
  const end = until === undefined ? undefined : parseInstant("--until", until, now);
  if (end !== undefined && end <= now) {
    throw new Failure(`--until must be in the future, got ${until}; by the clock of Redis it is ${showInstant(now)}.`);
  }
  const found = (await store.listForUser(user)).length;
  terminal.note(`Found ${counted(found, "session")} of the user ${JSON.stringify(user)}.`);
  const long = end === undefined ? "without end" : `until ${showInstant(end)}`;
  if (options.yes !== true) {
    const sessions = found === 0 ? "" : `, and end ${found === 1 ? "the session" : "the sessions"}`;
    await terminal.confirm(`Block the user ${long}${sessions}?`, signal);
  }
  let so = 0;
  store.events.on("revoked", () => so++);
  work.onStop(() => `${stoppedAfter(so, found)} coatcheck sessions --user tells whether the user is blocked.`);
  const ended = await store.blockUser(user, { until: end, reason, note });
  await terminal.result({ userId: user, until: end ?? null, found, ended }, () =>
    terminal.line(`Blocked ${long}. Ended ${counted(ended, "session")}.`),
  );
  return DONE;
}

export async function unblock(work: Work, user: string): Promise<number> {
  const { store, terminal } = work;
  const unblocked = await store.unblockUser(user);
  await terminal.result({ userId: user, unblocked }, () => {
    if (unblocked) terminal.line("Unblocked. Sessions that the block has ended stay dead.");
  });
  if (unblocked) return DONE;
  await sayNothingFound(work, `The user ${JSON.stringify(user)} was not blocked. Check the id, also its case.`);
  return NOTHING_FOUND;
}
