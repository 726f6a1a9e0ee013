/**
 * Tokens that work once, for password resets, e-mail verification, invitations and links to log in. They look like the token of
 * a session, but neither is accepted in the place of the other, and a token of one purpose is not accepted for another purpose.
 */
import { checkDuration, checkInteger, checkNames, checkPrefix, checkString, checkUserId } from "../leaves/arguments.js";
import { CorruptRecordError } from "../leaves/errors.js";
import { hintAtShortUnit, hintAtUnit } from "../leaves/hints.js";
import { escapeText } from "../leaves/text.js";
import { bucketOfUser, mintToken, parseToken } from "../leaves/token.js";
import { traced } from "../leaves/tracing.js";
import { portOf, type RedisClient } from "../redis/clients/supported.js";
import { newMark } from "../redis/marks.js";
import { RedisDoor } from "../redis/redis-door.js";
import { isRecordText, type RecordText, type Refusal } from "../redis/replies.js";
import { IssueLimitError } from "./issue-limit-error.js";
import { OneTimeKeys } from "./keys.js";
import { decodeToken, encodeData, type OneTimeToken } from "./record.js";
import { runConsume } from "./scripts/consume.js";
import { runIssue } from "./scripts/issue.js";
import { runPeek } from "./scripts/peek.js";
import { runRevokeForSubject } from "./scripts/revoke-for-subject.js";

/** The options of {@link createOneTimeTokens}. Every duration is in ms. */
export interface OneTimeTokensOptions {
  /**
   * What the tokens are for, such as `"password-reset"`: 1 to 64 letters, digits, `-`, `_` and `.`. A token works only for its
   * own purpose.
   */
  readonly purpose: string;
  /**
   * How many ms a token is valid. Keep it short if the token opens an account: ASVS 5.0, 6.5.5, allows 10 minutes for
   * out-of-band authentication. A day is usual to verify an address.
   */
  readonly ttl: number;
  /**
   * How many tokens may be issued to one subject within any hour, 1 to 1000, so that nobody can fill the mailbox of somebody
   * else. Default: 5.
   */
  readonly maxPerHour?: number | undefined;
  /** How many bytes the JSON of `data` may take. Default: 4 KiB. */
  readonly maxDataBytes?: number | undefined;
  /** What every key begins with; no braces. It may be the store's. Default: `"coatcheck:"`. */
  readonly prefix?: string | undefined;
  /**
   * How many ms a call waits for Redis before it rejects with `StoreUnavailableError`, at most an hour. A consumed token
   * stays readable in Redis for this long. Default: 1 second.
   */
  readonly timeout?: number | undefined;
}

/** What a token is issued with. `data` may be left out if its type allows `null`. */
export type IssueOptions<Data> = {
  /** Whose token it is: any non-empty string up to 256 bytes that is no token, such as a user id or an e-mail address. */
  readonly subject: string;
} & (null extends Data
  ? { readonly data?: Data | undefined }
  : {
      /** What to remember with it, as JSON: for instance the address to verify. Stored in plain text. */
      readonly data: Data;
    });

/** A new one-time token. */
export interface IssuedOneTimeToken {
  /** What goes into the link, as it is. Only its hash is stored, so nobody can get it a second time. */
  readonly token: string;
  /** Epoch ms by the clock of Redis. */
  readonly expiresAt: number;
}

/**
 * One-time tokens in Redis. `null` and `false` always mean that Redis said there is no such valid token, and never tell why:
 * unknown, expired, consumed, voided and a wrong secret look the same. Every verb is one round trip, and may reject with
 * `StoreUnavailableError` when Redis did not answer in time or cannot serve, and with `CorruptRecordError` when a key holds
 * something else. A malformed token costs no round trip.
 */
export interface OneTimeTokens<Data = unknown> {
  /**
   * Issues a token. The token that the subject had for this purpose becomes void in the same step. Throws `IssueLimitError`
   * beyond `maxPerHour`, `TypeError` for `data` that is not JSON, and `RangeError` for too much of it.
   * @example const { token } = await resets.issue({ subject: user.id });
   */
  issue(options: IssueOptions<Data>): Promise<IssuedOneTimeToken>;

  /**
   * Looks a token up and leaves it valid. For the page that a link opens: mail programs and scanners open links too, so a `GET`
   * must not consume. `null`: not valid.
   */
  peek(token: unknown): Promise<OneTimeToken<Data> | null>;

  /**
   * Uses a token up (ASVS 5.0, 6.5.1). If several calls consume it at once, one gets it, and the others get `null`. If this
   * rejects with `StoreUnavailableError`, the token may be used up or not: try again, and let the user ask for a new one if
   * that gives `null`. A wrong secret gives `null` and leaves the token valid.
   */
  consume(token: unknown): Promise<OneTimeToken<Data> | null>;

  /** Voids the token that the subject has for this purpose. `false`: there was no valid one. */
  revokeForSubject(subject: string): Promise<boolean>;
}

const HOUR = 3_600_000;
const TRACES = { of: "one-time" } as const;
const ONE_TIME_OPTIONS = ["purpose", "ttl", "maxPerHour", "maxDataBytes", "prefix", "timeout"] as const;

/**
 * Makes one-time tokens for one purpose on a Redis client, which stays yours. Does no I/O. `Data` is the type of the data that
 * is issued with a token. Throws `TypeError` and `RangeError` for wrong options.
 * @example const resets = createOneTimeTokens(redis, { purpose: "password-reset", ttl: 10 * 60_000 });
 */
export function createOneTimeTokens<Data = unknown>(
  redis: RedisClient,
  options: OneTimeTokensOptions,
): OneTimeTokens<Data> {
  const client = portOf("the first argument of createOneTimeTokens", redis);
  checkNames("createOneTimeTokens", options, ONE_TIME_OPTIONS);
  const { maxPerHour = 5, maxDataBytes = 4096, prefix = "coatcheck:", timeout = 1000 } = options;
  const keys = new OneTimeKeys(checkPrefix(prefix), checkPurpose(options.purpose));
  const ttl = checkDuration("ttl", options.ttl);
  hintAtUnit("ttl", ttl);
  hintAtShortUnit("timeout", timeout);
  checkInteger("maxPerHour", maxPerHour, 1, 1000);
  checkInteger("maxDataBytes", maxDataBytes, 0, 512 * 1024 * 1024);
  // A script that issues a token again after a lost reply finds its first run in the log, which goes back an hour.
  const door = new RedisDoor(client, checkInteger("timeout (ms)", timeout, 1, HOUR));

  /** The token of a record; `null` if there is none to give. */
  function tokenIn(reply: RecordText | Refusal, key: string): OneTimeToken<Data> | null {
    if (isRecordText(reply)) return decodeToken<Data>(reply, key);
    if (reply === "corrupt") throw new CorruptRecordError(key);
    return null;
  }

  const verbs = traced<OneTimeTokens<Data>>(TRACES, {
    async issue(options) {
      checkNames("issue", options, ["subject", "data"]);
      const subject = checkUserId(options.subject, "subject");
      const data = encodeData(options.data, maxDataBytes);
      const { log } = keys.subject(subject);
      const deadline = door.deadline();
      for (;;) {
        const { token, id, secretHash } = mintToken(bucketOfUser(subject));
        const issue = { key: keys.token(id), log, secretHash, ttl, maxPerHour, subject: escapeText(subject), data };
        const issued = await runIssue(door, issue, deadline);
        if (issued.status === "ok") return { token, expiresAt: issued.issuedAt + ttl };
        if (issued.status === "limit") throw new IssueLimitError(maxPerHour, issued.retryAfter);
        if (issued.status === "corrupt") throw new CorruptRecordError(log);
        // The id is taken, which happens once in 2^65 ids of one millisecond.
      }
    },

    async peek(token) {
      const target = parseToken(token);
      if (target === null) return null;
      const key = keys.token(target.id);
      return tokenIn(await runPeek(door, key, target.secretHash), key);
    },

    async consume(token) {
      const target = parseToken(token);
      if (target === null) return null;
      const { id, secretHash } = target;
      const key = keys.token(id);
      const consumed = keys.consumed(id, newMark());
      return tokenIn(await runConsume(door, { key, consumed, secretHash, wait: timeout }), key);
    },

    async revokeForSubject(subject) {
      const { log, tokens } = keys.subject(checkUserId(subject, "subject"));
      const outcome = await runRevokeForSubject(door, { log, tokens, mark: keys.mark(subject, newMark()) });
      if (outcome === "corrupt") throw new CorruptRecordError(log);
      return outcome === "voided";
    },
  });
  return Object.freeze(verbs);
}

function checkPurpose(value: unknown): string {
  const purpose = checkString("purpose", value);
  if (!/^[\w.-]{1,64}$/.test(purpose)) {
    throw new RangeError(`purpose must be 1 to 64 letters, digits, "-", "_" or ".", got ${JSON.stringify(purpose)}`);
  }
  return purpose;
}
