/** Calls arrivals.lua. */
import type { RedisDoor } from "../../redis/redis-door.js";
import { countOf, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { UserKeys } from "../keys.js";
import body from "./arrivals.lua";
import { ofIndex } from "./preludes.js";

/** How far the list of the sessions that a user gains has been read. */
export interface Arrivals {
  /** Distinguishes the list from a later one under the same key. */
  readonly mark: string;
  /** How many entries were read. */
  readonly read: number;
}

export type FoundArrivals =
  | { readonly status: "ok"; readonly arrivals: Arrivals; readonly ids: readonly string[] }
  /** The list has expired meanwhile. */
  | { readonly status: "lost" };

export const arrivalsScript = script(
  (reply): FoundArrivals => {
    const texts = textsOf(reply);
    const [status, mark, read, ...ids] = texts;
    if (texts.length === 1 && status === "lost") return { status };
    if (status === "ok" && mark !== undefined) return { status, arrivals: { mark, read: countOf(read) }, ids };
    throw unknownReply(reply);
  },
  ...ofIndex,
  body,
);

/** Begins to note which sessions a user gains, or goes on from where `read` has come. */
export function runArrivals(
  redis: RedisDoor,
  {
    user,
    mark,
    read,
    most,
  }: { readonly user: UserKeys; readonly mark: string; readonly read?: number; readonly most: number },
): Promise<FoundArrivals> {
  return redis.run(arrivalsScript, [user.arrivals], [mark, read ?? "", most]);
}
