/** Calls revoke.lua. */
import prelude from "../../redis/prelude.lua";
import type { Redis } from "../../redis/redis.js";
import { countOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./revoke.lua";

/** `revoked`: a token was valid, and is void now. `corrupt`: the log is not of coatcheck's making. */
export type Revoked = "revoked" | "none" | "corrupt";

export const revokeScript = script(
  (reply): Revoked => {
    if (reply === "corrupt") return reply;
    const voided = countOf(reply);
    if (voided > 1) throw unknownReply(reply);
    return voided === 1 ? "revoked" : "none";
  },
  prelude,
  body,
);

/** Voids the token of a subject. `log` is the subject's; `tokens` is what an id in it completes to the key of a token. */
export function runRevoke(redis: Redis, log: string, tokens: string): Promise<Revoked> {
  return redis.run(revokeScript, [log, tokens], []);
}
