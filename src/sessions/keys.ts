/**
 * The names of the Redis keys of sessions.
 *
 *   prefix{bucket}:s:<id>       a session: hash, TTL = its expiresAt
 *   prefix{bucket}:u:<userId>   the index of a user: sorted set of ids by an upper bound of expiresAt, TTL = its latest
 *   prefix{bucket}:e:<id>       what a log-in left of the session it ended: hash, TTL = 10 s, or the deadline of its call
 *   prefix{bucket}:m:<mark>     what one call replied, for a second run of its script: text, TTL = see redis/marks.ts
 *   prefix{bucket}:n:<userId>   the sessions that a user gains while updateClaimsForUser goes through many: list, TTL = 1 min
 *   prefix{bucket}:b:<userId>   the block on a user: hash, TTL = until when (none for a block without end)
 *
 * A script gets one of these whole, and completes what stands before the kind to the others' names. Only a rotation gets
 * all: Redis Cluster then refuses it for as long as the slot moves, which other scripts see for themselves.
 *
 * The braces make the bucket the Redis Cluster hash tag, so all keys of one user share a slot. A user id stands in its
 * JSON-escaped form (without the quotes): injective, printable, and safe for lone surrogates, which UTF-8 would merge.
 */
import { escapeText } from "../leaves/text.js";
import { bucketOfId, bucketOfUser } from "../leaves/token.js";

/** The keys of one user, all in one slot. */
export interface UserKeys {
  readonly index: string;
  readonly block: string;
  /** The list of the sessions that the user gains while all are being updated. */
  readonly arrivals: string;
  /** The user id as it stands in these, by which a script finds the names of the sessions beside them. */
  readonly name: string;
}

/** Names the keys under one prefix. */
export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The key of a session. */
  session(id: string): string {
    return `${this.#prefix}{${bucketOfId(id)}}:s:${id}`;
  }

  /** The key of what a log-in left of a session. */
  trail(id: string): string {
    return `${this.#prefix}{${bucketOfId(id)}}:e:${id}`;
  }

  /** What a script completes with the user id it finds in the record, to name the index. */
  indexes(id: string): string {
    return `${this.#prefix}{${bucketOfId(id)}}:u:`;
  }

  /** The keys of a user. */
  user(userId: string): UserKeys {
    const slot = `${this.#prefix}{${bucketOfUser(userId)}}`;
    const name = escapeText(userId);
    return { index: `${slot}:u:${name}`, block: `${slot}:b:${name}`, arrivals: `${slot}:n:${name}`, name };
  }
}
