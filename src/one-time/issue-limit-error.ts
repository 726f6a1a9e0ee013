/** The one error that only one-time tokens have. */
import { SessionError, withoutFrames } from "../leaves/errors.js";

/**
 * `maxPerHour` tokens were issued to the subject in the last hour. Nothing was written, and the latest of them is still valid.
 * HTTP 429. Catch it on a form that anybody can send: its status would tell who has an account.
 */
export class IssueLimitError extends SessionError {
  override name = "IssueLimitError";
  /** The `maxPerHour` that was reached. */
  readonly limit: number;
  /** How long until the next may be issued, ms. */
  readonly retryAfter: number;
  constructor(limit: number, retryAfter: number) {
    const seconds = String(Math.ceil(retryAfter / 1000));
    super("ISSUE_LIMIT", `No more than ${limit} may be asked for in an hour; try again in ${seconds} s`, {
      status: 429,
      headers: { "Retry-After": seconds },
    });
    this.limit = limit;
    this.retryAfter = retryAfter;
    withoutFrames(this);
  }
}
