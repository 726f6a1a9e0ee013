/**
 * Marks: by which a script that runs twice knows itself. ioredis sends a command again whose reply was lost with its
 * connection, with anything in between. So a script that writes leaves its reply under a key of its own, which no other call
 * names; the second run finds it, changes nothing, and gives the same reply. A leaf.
 */
import { randomBytes } from "node:crypto";

/** A new mark, for one call of a script. */
export function newMark(): string {
  return randomBytes(9).toString("base64url");
}

/**
 * For how long a mark is kept beyond the deadline of its call, ms. A call that has rejected is not taken back, and its command
 * may be sent again when the connection is back, which is mostly within a second or two.
 */
export const MARK_AFTERLIFE = 2_000;
