/** Calls create.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { isRecordText, type RecordText, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { UserKeys } from "../keys.js";
import body from "./create.lua";
import { ofIndex } from "./preludes.js";

export interface Creation {
  /** The key of the session. */
  readonly key: string;
  /** `undefined` for a guest. */
  readonly user: UserKeys | undefined;
  readonly secretHash: string;
  /** In ms. */
  readonly idleTimeout: number;
  /** In ms. */
  readonly absoluteTimeout: number;
  /** How many sessions the user may have; 0 for any number. */
  readonly limit: number;
  readonly onLimit: "evict-oldest" | "evict-idle" | "reject";
  /** For how many ms each session that is evicted leaves its ending; 0 for none. */
  readonly endings: number;
  /** Fields and values of the record, in turn: the user, the client and the claims. */
  readonly fields: readonly string[];
}

/** The user is blocked: `until` in epoch ms, `""` for a block without end; `reason` JSON-escaped, `""` for none. */
export interface Blocked {
  readonly status: "blocked";
  readonly until: string;
  readonly reason: string;
}

/** Decodes the reply for a blocked user; `undefined` if it is another reply. */
export function blockedIn([status, until, reason, ...rest]: readonly string[]): Blocked | undefined {
  if (status !== "blocked" || until === undefined || reason === undefined || rest.length > 0) return undefined;
  return { status, until, reason };
}

export type Created =
  /** The session is created. `evicted`: the sessions that were ended for it. */
  | { readonly status: "ok"; readonly record: RecordText; readonly evicted: readonly string[] }
  /** There were too many sessions for one call. `evicted`: those that were ended so far. */
  | { readonly status: "again"; readonly evicted: readonly string[] }
  | Blocked
  | { readonly status: "limit" }
  /** Another session has this id. */
  | { readonly status: "taken" }
  /** The session with this id counts towards the limit, and cannot be read. Nothing was done. */
  | { readonly status: "corrupt"; readonly id: string };

export const createScript = script(
  (reply): Created => {
    const texts = textsOf(reply);
    const [status, ...rest] = texts;
    const [first] = rest;
    if (status === "ok" && isRecordText(first)) return { status, record: first, evicted: rest.slice(1) };
    if (status === "again") return { status, evicted: rest };
    const blocked = blockedIn(texts);
    if (blocked !== undefined) return blocked;
    if (status === "corrupt" && first !== undefined && rest.length === 1) return { status, id: first };
    if ((status === "limit" || status === "taken") && rest.length === 0) return { status };
    throw unknownReply(reply);
  },
  ...ofIndex,
  body,
);

/** Creates a session, within the limit of sessions per user, and never for a blocked user. */
export function runCreate(redis: RedisDoor, session: Creation, deadline?: Deadline): Promise<Created> {
  const { key, user, secretHash, idleTimeout, absoluteTimeout, limit, onLimit, endings, fields } = session;
  const keys = user === undefined ? [key] : [key, user.index, user.block];
  const args = [secretHash, idleTimeout, absoluteTimeout, limit, onLimit, redis.markLife, endings, ...fields];
  return redis.run(createScript, keys, args, deadline);
}
