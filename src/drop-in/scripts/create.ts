/** Storing a session under a key that is free: see create.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Keyspace } from "../../redis/keyspace.js";
import { unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import source from "./create.lua";
import type { Conflict } from "./replies.js";

export const createRecordScript = script(createdOf, source);

export interface RecordCreation {
  readonly key: string;
  readonly record: string;
  /** ms; `null` for ever. */
  readonly ttl: number | null;
}

/** `"ok"`: it is stored. `"again"`: this record was there already, as after a lost reply. Or another record is there. */
export type RecordCreated = "ok" | "again" | Conflict;

export function createRecord(
  keyspace: Keyspace,
  { key, record, ttl }: RecordCreation,
  deadline: Deadline,
): Promise<RecordCreated> {
  return keyspace.run(createRecordScript, [key], [record, ttl ?? ""], deadline);
}

function createdOf(reply: unknown): RecordCreated {
  const [status, text, ...more]: unknown[] = Array.isArray(reply) ? reply : [];
  if ((status === "ok" || status === "again") && text === undefined) return status;
  if (status === "conflict" && typeof text === "string" && more.length === 0) return { conflict: text };
  throw unknownReply(reply);
}
