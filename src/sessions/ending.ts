/**
 * The ending of a session: what it leaves in Redis, with the option `endings`, so that its bearer can be told why it has ended.
 * record.lua writes it as a text. Only the secret of the session opens it, which the scripts check, and it is never taken for a
 * session. This file decodes what they give, and says what `explain` gives.
 */
import { unescapeText } from "../leaves/text.js";
import { type EndingReason, reasonOf } from "./feed.js";

/** Why and when a session ended. */
export interface Ending {
  readonly reason: EndingReason;
  /** When it ended, epoch ms by the clock of Redis; for a session that was rotated with grace, the end of the grace. */
  readonly at: number;
  /** The `note` of the call that ended it; absent for none. */
  readonly note?: string;
}

/** What `explain` finds out about a token. */
export type Explanation =
  /** There is a live session. */
  | { readonly state: "live" }
  | ({ readonly state: "ended" } & Ending)
  /** It has expired, it ended longer ago than `endings`, or nobody has left its ending; or it never was a token. */
  | { readonly state: "unknown" };

/** What a lookup finds if the session is gone, and has left its ending. */
export interface EndedSession {
  readonly session: null;
  readonly readAt: 0;
  readonly ended: Ending;
}

/** Why sessions end, as the scripts that end them are told. */
export interface Cause {
  readonly reason: EndingReason;
  /** Of the caller. Default: none. */
  readonly note?: string | undefined;
}

/** An ending as the scripts give it. */
export type EndingText = `ended ${string}`;

/** How long a note may be, in characters. */
export const MAX_NOTE = 64;

const ENDING = /^ended (\S+) (\d+) (.*)$/;

/** Tells an ending from the other replies of a lookup. */
export function isEndingText(reply: unknown): reply is EndingText {
  return typeof reply === "string" && reply.startsWith("ended ");
}

/**
 * Decodes an ending. `undefined`: it has a reason that only a later version knows, or somebody else has written it. The session
 * is gone all the same, so this is no error.
 */
export function decodeEnding(text: EndingText): Ending | undefined {
  const [, letter = "", at, note = ""] = ENDING.exec(text) ?? [];
  const reason = reasonOf(letter);
  if (reason === undefined) return undefined;
  try {
    return Object.freeze({ reason, at: Number(at), ...(note === "" ? {} : { note: unescapeText(note) }) });
  } catch {
    return undefined;
  }
}
