/**
 * The names of the Redis keys of one-time tokens. A leaf.
 *
 *   prefix{bucket}:o:<purpose>:<id>        a token: hash, TTL = its expiresAt
 *   prefix{bucket}:i:<purpose>:<subject>   what was issued to a subject: list, TTL = an hour, or its token's expiresAt
 *   prefix{bucket}:c:<purpose>:<mark>      what one call of `consume` took: that hash, TTL = the deadline of the call
 *   prefix{bucket}:m:<purpose>:<mark>      what one call of `revokeForSubject` replied: text, TTL = see redis/marks.ts
 *
 * The bucket is the subject's, as if it were a user id, so all keys of a subject share a slot. The letters differ from those in
 * `../sessions/keys.ts`, so no token can name a session, even under the same prefix.
 */
import { escapeText } from "../leaves/text.js";
import { bucketOfId, bucketOfUser } from "../leaves/token.js";

/** Names the keys of one purpose under one prefix. */
export class OneTimeKeys {
  readonly #prefix: string;
  readonly #purpose: string;

  constructor(prefix: string, purpose: string) {
    this.#prefix = prefix;
    this.#purpose = purpose;
  }

  /** The key of a token. */
  token(id: string): string {
    return this.#name(bucketOfId(id), "o", id);
  }

  /** The key for what one call takes of the token with this id. */
  consumed(id: string, mark: string): string {
    return this.#name(bucketOfId(id), "c", mark);
  }

  /** The key of what one call for a subject replied. */
  mark(subject: string, mark: string): string {
    return this.#name(bucketOfUser(subject), "m", mark);
  }

  /** The log of a subject, and the prefix of its tokens: a script appends an id from the log to it. */
  subject(subject: string): { readonly log: string; readonly tokens: string } {
    const bucket = bucketOfUser(subject);
    return { log: this.#name(bucket, "i", escapeText(subject)), tokens: this.#name(bucket, "o", "") };
  }

  #name(bucket: string, letter: string, rest: string): string {
    return `${this.#prefix}{${bucket}}:${letter}:${this.#purpose}:${rest}`;
  }
}
