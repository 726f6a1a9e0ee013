/** Calls issue.lua. */

import type { Deadline } from "../../redis/calls/deadline.js";
import prelude from "../../redis/prelude.lua";
import type { RedisDoor } from "../../redis/redis-door.js";
import { countOf, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./issue.lua";

export interface Issue {
  /** The key of the token. */
  readonly key: string;
  /** The key of the subject's log. */
  readonly log: string;
  readonly secretHash: string;
  /** In ms. */
  readonly ttl: number;
  /** How many tokens may be issued to a subject in an hour. */
  readonly maxPerHour: number;
  /** JSON-escaped. */
  readonly subject: string;
  /** JSON, or `""`. */
  readonly data: string;
}

export type Issued =
  /** When it was issued, epoch ms. */
  | { readonly status: "ok"; readonly issuedAt: number }
  /** How long until the next may be issued, ms. */
  | { readonly status: "limit"; readonly retryAfter: number }
  /** Another token has this id; or the log is not of coatcheck's making. */
  | { readonly status: "taken" | "corrupt" };

export const issueScript = script(
  (reply): Issued => {
    const texts = textsOf(reply);
    const [status, instant] = texts;
    if (texts.length === 1 && (status === "taken" || status === "corrupt")) return { status };
    if (texts.length === 2 && status === "ok") return { status, issuedAt: countOf(instant) };
    if (texts.length === 2 && status === "limit") return { status, retryAfter: countOf(instant) };
    throw unknownReply(reply);
  },
  prelude,
  body,
);

/** Issues a token and voids the one before it. */
export function runIssue(redis: RedisDoor, issue: Issue, deadline: Deadline): Promise<Issued> {
  const { key, log, secretHash, ttl, maxPerHour, subject, data } = issue;
  return redis.run(issueScript, [key, log], [secretHash, ttl, maxPerHour, subject, data], deadline);
}
