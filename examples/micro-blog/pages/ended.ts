/** Why somebody was signed out, in the words of the log-in page. */
import type { Ending } from "coatcheck";

/** The note of sessions that end because the password has changed. */
export const PASSWORD_CHANGED = "password";

/** How long a note may be, in characters. */
const MAX_NOTE = 64;

/** What a note has room for. */
export function shortened(text: string): string {
  return text.length > MAX_NOTE ? `${text.slice(0, MAX_NOTE - 1)}…` : text;
}

/** For the bearer of a session that has ended; `undefined` if there is nothing to tell. */
export function endedText(ended: Ending | null): string | undefined {
  switch (ended?.reason) {
    case "blocked":
      return `You were signed out, because a moderator has blocked this account. Reason: ${ended.note ?? "none given"}`;
    case "user":
      return ended.note === PASSWORD_CHANGED
        ? "You were signed out, because the password of this account was changed."
        : "You were signed out of this device from another one, together with all others.";
    case "revoked":
      return "You were signed out of this device from another one.";
    case "limit":
      return "You were signed out, because this account has logged in on too many other devices since.";
    case "all":
      return "Everybody was signed out. Log in again.";
    default:
      return undefined;
  }
}
