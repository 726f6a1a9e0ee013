/** Which errors of node-redis mean what. It has no names for most of them, so their texts and codes have to tell. A leaf. */

/** What every call of a client rejects with that is not connected, or was closed. */
export const CLOSED = "The client is closed";

/**
 * Whether a command was under way when its connection was lost. node-redis keeps what it has not sent yet, but never sends a
 * command again: the error is that of the connection.
 */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  return /^Socket (?:closed unexpectedly|timeout)/.test(error.message) || /^E[A-Z]+$/.test(String(code));
}

/** Whether a command was given up because its client was destroyed: by the application, or by a cluster that a node has left. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof Error && error.message === "Disconnects client";
}
