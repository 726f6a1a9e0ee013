/** Reading a session together with its time to live: see read.lua. */
import type { Keyspace } from "../../redis/keyspace.js";
import { unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import source from "./read.lua";

export const readRecordScript = script(foundOf, source);

/** A record, and how many ms it has left; -1 for ever. */
export interface Found {
  readonly record: string;
  readonly left: number;
}

/** By callback, because every request does this. `null`: there is none. */
export function readRecord(
  keyspace: Keyspace,
  key: string,
  succeed: (found: Found | null) => void,
  fail: (error: unknown) => void,
): void {
  keyspace.runBy(readRecordScript, [key], [], succeed, fail);
}

function foundOf(reply: unknown): Found | null {
  const [status, record, left]: unknown[] = Array.isArray(reply) && reply.length === 3 ? reply : [];
  // A client with `stringNumbers` gives text, and so does ioredis-mock.
  const ttl = typeof left === "string" && /^-?\d+(\.0+)?$/.test(left) ? Number(left) : left;
  if (status === "ok" && typeof ttl === "number" && Number.isSafeInteger(ttl)) {
    // ioredis-mock gives Lua's `false`.
    if ((record === null || record === false) && ttl === -2) return null;
    if (typeof record === "string" && ttl >= -1) return { record, left: ttl };
  }
  throw unknownReply(reply);
}
