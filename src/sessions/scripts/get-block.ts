/** Calls get-block.lua. */
import type { RedisDoor } from "../../redis/redis-door.js";
import { textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./get-block.lua";
import { ofRecord } from "./preludes.js";

export type FoundBlock =
  /** `since` and `until` are epoch ms, `reason` is JSON-escaped. `until` and `reason` are `""` if there is none. */
  | { readonly status: "blocked"; readonly since: string; readonly until: string; readonly reason: string }
  | { readonly status: "none" };

export const getBlockScript = script(
  (reply): FoundBlock => {
    const [status, since, until, reason] = textsOf(reply);
    if (status === "none" && since === undefined) return { status };
    if (status === "blocked" && since !== undefined && until !== undefined && reason !== undefined) {
      return { status, since, until, reason };
    }
    throw unknownReply(reply);
  },
  ...ofRecord,
  body,
);

/** Reads the block on a user. */
export function runGetBlock(redis: RedisDoor, block: string): Promise<FoundBlock> {
  return redis.run(getBlockScript, [block], []);
}
