/**
 * Marks, by which the second run of a script knows of the first. ioredis sends a command again if its reply was lost with the
 * connection, and others may run in between. So a script that writes leaves its reply under a key that no other call uses. The
 * second run finds it, changes nothing, and gives the same reply. A leaf.
 */
import { randomBytes } from "node:crypto";

/** A new mark, for one call of a script. */
export function newMark(): string {
  return randomBytes(9).toString("base64url");
}

/**
 * How long a mark is kept after the deadline of its call, ms. A call that has rejected is not taken back: its command may be
 * sent again when the connection is back, usually within a second or two.
 */
export const MARK_AFTERLIFE = 2_000;
