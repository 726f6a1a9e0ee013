/**
 * The names of the Redis keys of sessions.
 *
 *   prefix{bucket}:s:<id>       a session: hash, TTL = its expiresAt
 *   prefix{bucket}:u:<userId>   the index of a user: sorted set of ids by an upper bound of expiresAt, TTL = its latest
 *   prefix{bucket}:e:<id>       what a log-in left of the session it ended: hash, TTL = 10 s, or the deadline of its call
 *   prefix{bucket}:x:<id>       the ending of a session, with the option `endings`: text, TTL = `endings`
 *   prefix{bucket}:y:<id>       the ending that a session will have after the grace of its rotation: text, TTL = both together
 *   prefix{bucket}:m:<mark>     what one call replied, for a second run of its script: text, TTL = see redis/marks.ts
 *   prefix{bucket}:g:<id>       the whereabouts of a guest whose first session had this id: the id of the latest, TTL = 5 min
 *   prefix{bucket}:n:<userId>   the sessions that a user gains while updateClaimsForUser goes through many: list, TTL = 1 min
 *   prefix{bucket}:c:<process>  the number of the last beat of a process: text, TTL = some minutes (see beat.lua)
 *   prefix{bucket}:b:<userId>   the block on a user: hash, TTL = until when (none for a block without end)
 *
 * A script gets one of these keys, and makes the names of the others from its beginning. Only a rotation gets all keys: so
 * Redis Cluster refuses it while the slot is moving; other scripts find that out themselves.
 *
 * The braces make the bucket the Redis Cluster hash tag, so all keys of one user share a slot. A user id is JSON-escaped
 * (without the quotes): this form is unique for each id and printable, and it keeps lone surrogates apart, which UTF-8 would
 * merge.
 */
import { escapeText, unescapeText } from "../leaves/text.js";
import { bucketOfId, bucketOfUser, isId } from "../leaves/token.js";

/** The keys of one user, all in one slot. */
export interface UserKeys {
  readonly index: string;
  readonly block: string;
  /** The list of the sessions that the user gains while `updateClaimsForUser` runs. */
  readonly arrivals: string;
  /** The user id as it is in these keys: from it a script makes the names of the other keys. */
  readonly name: string;
}

/** A key that was found, as what it names. */
export type NamedKey = NamedSession | NamedGuest | NamedIndex;

export interface NamedSession {
  readonly kind: "session";
  readonly id: string;
}

export interface NamedGuest {
  readonly kind: "guest";
  /** The id of the guest's first session. */
  readonly id: string;
}

export interface NamedIndex {
  readonly kind: "index";
  readonly user: UserKeys;
  readonly userId: string;
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

  /** The key of the trail of a session: what a log-in has left of it. */
  trail(id: string): string {
    return `${this.#prefix}{${bucketOfId(id)}}:e:${id}`;
  }

  /** The key of the ending of a session: why it has ended. */
  ending(id: string): string {
    return `${this.#prefix}{${bucketOfId(id)}}:x:${id}`;
  }

  /** The key of the whereabouts of a guest: which session has come from this one by rotations. */
  whereabouts(id: string): string {
    return `${this.#prefix}{${bucketOfId(id)}}:g:${id}`;
  }

  /** The prefix of an index: a script appends the user id from the record. */
  indexes(id: string): string {
    return `${this.#prefix}{${bucketOfId(id)}}:u:`;
  }

  /** The canary of a process (see beat.lua). `name` has 12 characters. Its bucket is of no use: there are no others beside it. */
  canary(name: string): string {
    return `${this.#prefix}{000}:c:${name}`;
  }

  /** The keys of a user. */
  user(userId: string): UserKeys {
    const slot = `${this.#prefix}{${bucketOfUser(userId)}}`;
    const name = escapeText(userId);
    return { index: `${slot}:u:${name}`, block: `${slot}:b:${name}`, arrivals: `${slot}:n:${name}`, name };
  }

  /** What all keys begin with, for a search. */
  get prefix(): string {
    return this.#prefix;
  }

  /** What a key that was found names; `null` if it is no session, no guest's whereabouts and no index of a user. */
  named(key: string): NamedKey | null {
    const [, bucket, letter, name = ""] = /^\{(...)\}:(.):(.+)$/s.exec(key.slice(this.#prefix.length)) ?? [];
    if (letter === "s" || letter === "g") {
      if (!isId(name) || bucketOfId(name) !== bucket) return null;
      return { kind: letter === "s" ? "session" : "guest", id: name };
    }
    if (letter !== "u") return null;
    let userId: string;
    try {
      userId = unescapeText(name);
    } catch {
      // Somebody else has made this key: it is not escaped.
      return null;
    }
    const user = this.user(userId);
    return user.index === key ? { kind: "index", user, userId } : null;
  }
}
