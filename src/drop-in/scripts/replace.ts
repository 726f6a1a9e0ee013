/** Putting a record in the place of another: see replace.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Keyspace } from "../../redis/keyspace.js";
import { script } from "../../redis/script.js";
import source from "./replace.lua";
import { type Outcome, outcomeOf } from "./replies.js";

export const replaceRecordScript = script(outcomeOf, source);

export interface Replacement {
  readonly key: string;
  /** The record that must be there. */
  readonly from: string;
  readonly to: string;
  /** ms; `null` for ever; `"keep"` for as long as it has now. */
  readonly ttl: number | null | "keep";
}

export function replaceRecord(
  keyspace: Keyspace,
  { key, from, to, ttl }: Replacement,
  deadline?: Deadline,
): Promise<Outcome> {
  return keyspace.run(replaceRecordScript, [key], [from, to, ttl ?? ""], deadline);
}
