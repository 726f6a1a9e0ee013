/** The note that ended sessions leave for their bearers, checked before a command looks at anything. It knows no command. */
import { checkNote } from "../../sessions/verbs/revoke.js";
import { Failure } from "../failure.js";
import type { Work } from "../work.js";

/** What `--note` says; `undefined` if it is not given. Without `--endings` nothing would keep it. */
export function noteOf({ options }: Work, note: string | undefined): string | undefined {
  if (note === undefined) return undefined;
  if (options.endings === undefined || options.endings === 0) {
    throw new Failure(
      "--note needs --endings, which says for how long ended sessions tell it: for example --endings 7d.",
    );
  }
  checkNote(note);
  return note;
}
