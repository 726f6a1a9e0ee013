/** Entering a session into the index of a user: see enlist.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Keyspace } from "../../redis/keyspace.js";
import { unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import source from "./enlist.lua";

export const enlistMemberScript = script(enlisted, source);

export interface MemberEntry {
  /** The key of the index. */
  readonly index: string;
  readonly sid: string;
  /** ms; `null` for ever. */
  readonly ttl: number | null;
}

export function enlistMember(keyspace: Keyspace, { index, sid, ttl }: MemberEntry, deadline?: Deadline): Promise<void> {
  return keyspace.run(enlistMemberScript, [index], [sid, ttl ?? ""], deadline);
}

function enlisted(reply: unknown): void {
  if (reply !== "ok") throw unknownReply(reply);
}
