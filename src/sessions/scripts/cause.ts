/** Why sessions end, as the scripts that end them take it: see `cause` in record.lua. */
import { escapeText } from "../../leaves/text.js";
import type { Cause } from "../ending.js";
import { ENDING_LETTERS } from "../feed.js";

/** The letter of the reason, the note, and for how many ms each session leaves its ending; 0 for none. */
export function encodeCause({ reason, note = "" }: Cause, endings: number): [string, string, number] {
  return [ENDING_LETTERS[reason], escapeText(note), endings];
}
