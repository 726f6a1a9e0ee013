/**
 * Which sessions a user has: a sorted set for each user, beside the sessions. It knows ids, and not what is stored under
 * them.
 *
 * A session and the index of its user may be in different slots of a cluster, so no script writes both. The order of the steps
 * makes up for that: a session enters the index before it is stored, and it is deleted before it leaves the index. So for a
 * moment the index may name too many sessions, but never too few: a reader looks at each session itself. If a reader finds that
 * a session is gone or another user's, it may remove the member only if that was added at least a minute ago: a younger member
 * may belong to a session that is about to be stored. A call that has ended a session itself removes it at once, because no
 * framework gives the same id twice.
 */

import { escapeText } from "../leaves/text.js";
import type { Deadline } from "../redis/calls/deadline.js";
import type { Keyspace } from "../redis/keyspace.js";
import { enlistMember } from "./scripts/enlist.js";
import { type Member, readMembers } from "./scripts/members.js";
import { strikeMembers } from "./scripts/strike.js";

/** How many seconds a save may take between its two steps. enlist.lua adds the same to the expiry. */
const YOUNG = 60;

/** The indexes of all users of one store. */
export class UserIndex {
  readonly #keyspace: Keyspace;
  readonly #root: string;

  constructor(keyspace: Keyspace, prefix: string) {
    this.#keyspace = keyspace;
    // It begins with another letter than the keys of sessions, so no session id can give the same key. Without a prefix that is
    // not enough; `owns` then tells them apart.
    this.#root = `${prefix.startsWith("c") ? "users" : "coatcheck:users"}:${encodeURIComponent(escapeText(prefix))}:`;
  }

  /** Whether a key is the index of a user. */
  owns(key: string): boolean {
    return key.startsWith(this.#root);
  }

  /** Enters a session, or extends its time there. `ttl` is in ms, `null` for ever. */
  async enlist(userId: string, sid: string, ttl: number | null, deadline?: Deadline): Promise<void> {
    await enlistMember(this.#keyspace, { index: this.#key(userId), sid, ttl }, deadline);
  }

  /** Takes sessions out that have ended. */
  async strike(userId: string, sids: readonly string[], deadline?: Deadline): Promise<void> {
    if (sids.length > 0)
      await strikeMembers(this.#keyspace, { index: this.#key(userId), sids, olderThan: 0 }, deadline);
  }

  /** Takes sessions out that seem to have ended, or are another user's; but not those that may be about to be stored. */
  async tidy(userId: string, sids: readonly string[]): Promise<void> {
    if (sids.length > 0) await strikeMembers(this.#keyspace, { index: this.#key(userId), sids, olderThan: YOUNG });
  }

  /** The ids in the index of a user, a page at a time, each once, with the instant until which they may live, epoch ms. */
  async *members(userId: string): AsyncGenerator<Member[]> {
    const seen = new Set<string>();
    for await (const page of readMembers(this.#keyspace, this.#key(userId), READ_AT_ONCE)) {
      const fresh = page.filter(([sid]) => !seen.has(sid));
      for (const [sid] of fresh) seen.add(sid);
      for (let at = 0; at < fresh.length; at += READ_AT_ONCE) yield fresh.slice(at, at + READ_AT_ONCE);
    }
  }

  #key(userId: string): string {
    return this.#root + escapeText(userId);
  }
}

/** How many sessions are read at once. Redis gives a small index as a whole, whatever number was asked for. */
const READ_AT_ONCE = 100;
