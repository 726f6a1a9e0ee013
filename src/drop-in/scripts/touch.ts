/** Extending a session: see touch.lua. */
import type { Keyspace } from "../../redis/keyspace.js";
import { script } from "../../redis/script.js";
import { type Outcome, outcomeOf } from "./replies.js";
import source from "./touch.lua";

export const touchRecordScript = script(outcomeOf, source);

export interface Extension {
  readonly key: string;
  /** How the record must begin. */
  readonly head: string;
  /** How it begins from now on, of the same length; `undefined`: no change. */
  readonly newHead?: string | undefined;
  /** ms */
  readonly ttl: number;
}

export function touchRecord(keyspace: Keyspace, { key, head, newHead, ttl }: Extension): Promise<Outcome> {
  return keyspace.run(touchRecordScript, [key], [head, ttl, newHead ?? ""]);
}
