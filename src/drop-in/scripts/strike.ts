/** Taking sessions out of the index of a user: see strike.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Keyspace } from "../../redis/keyspace.js";
import { countOf } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import source from "./strike.lua";

export const strikeMembersScript = script(countOf, source);

export interface MemberStrike {
  /** The key of the index. */
  readonly index: string;
  readonly sids: readonly string[];
  /** Only those that were entered at least this many seconds ago. */
  readonly olderThan: number;
}

/** Gives how many were taken out. */
export function strikeMembers(
  keyspace: Keyspace,
  { index, sids, olderThan }: MemberStrike,
  deadline?: Deadline,
): Promise<number> {
  return keyspace.run(strikeMembersScript, [index], [olderThan, ...sids], deadline);
}
