/** Ending a session: see remove.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Keyspace } from "../../redis/keyspace.js";
import { unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import source from "./remove.lua";
import type { Conflict } from "./replies.js";

export const removeRecordScript = script(removedOf, source);

/** The record that was removed; `"none"`: there was none; or another record is there than the given one. */
export type Removed = { readonly removed: string } | "none" | Conflict;

/** `record` is what must be there; `undefined` for any. */
export function removeRecord(
  keyspace: Keyspace,
  { key, record }: { readonly key: string; readonly record?: string | undefined },
  deadline?: Deadline,
): Promise<Removed> {
  return keyspace.run(removeRecordScript, [key], [record ?? ""], deadline);
}

function removedOf(reply: unknown): Removed {
  const [status, text, ...more]: unknown[] = Array.isArray(reply) ? reply : [];
  if (status === "none" && text === undefined) return status;
  if (typeof text === "string" && more.length === 0) {
    if (status === "ok") return { removed: text };
    if (status === "conflict") return { conflict: text };
  }
  throw unknownReply(reply);
}
