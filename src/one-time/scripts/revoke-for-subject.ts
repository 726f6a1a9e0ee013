/** Calls revoke-for-subject.lua. */
import prelude from "../../redis/prelude.lua";
import type { RedisDoor } from "../../redis/redis-door.js";
import { textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./revoke-for-subject.lua";

/** `voided`: a token was valid, and is void now. `corrupt`: the log is not of coatcheck's making. */
export type Voided = "voided" | "none" | "corrupt";

export const revokeForSubjectScript = script(
  (reply): Voided => {
    const texts = textsOf(reply);
    const [status] = texts;
    if (texts.length === 1 && (status === "voided" || status === "none" || status === "corrupt")) return status;
    throw unknownReply(reply);
  },
  prelude,
  body,
);

export interface Voiding {
  /** The key of the subject's log. */
  readonly log: string;
  /** What an id in the log completes to the key of a token. */
  readonly tokens: string;
  /** The key that is this call's mark. */
  readonly mark: string;
}

/** Voids the token of a subject. */
export function runRevokeForSubject(redis: RedisDoor, { log, tokens, mark }: Voiding): Promise<Voided> {
  return redis.run(revokeForSubjectScript, [log, tokens, mark], [redis.markLife]);
}
