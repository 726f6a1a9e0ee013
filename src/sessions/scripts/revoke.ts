/** Calls revoke.lua. */
import { newMark } from "../../redis/marks.js";
import type { RedisDoor, Revocation, RevocationOptions } from "../../redis/redis-door.js";
import { textsOf, unknownReply } from "../../redis/replies.js";
import { tracedScript } from "../../redis/script.js";
import type { Cause } from "../ending.js";
import { encodeCause } from "./cause.js";
import { ofIndex } from "./preludes.js";
import body from "./revoke.lua";

/** A session that was live has ended. */
export interface Ended {
  readonly status: "ended";
  /** Whose session it was, JSON-escaped; `""` for a guest's. */
  readonly user: string;
  /** Whether the slot is moving, so that the index still names the sessions. */
  readonly moving: boolean;
  /** The sessions that have ended: this one, and its partner. */
  readonly ids: readonly string[];
  /** Those of them whose ending could not be left, because the slot is moving. */
  readonly unexplained: readonly UnexplainedEnd[];
}

/** A session that has ended, and what its ending needs. */
export interface UnexplainedEnd {
  readonly id: string;
  readonly secretHash: string;
}

/** The slot is moving, and nothing was done: this partner is not here, and must be ended first. */
export interface PartnerMoving {
  readonly status: "moving";
  readonly partner: string;
}

/** Why nothing was done. */
export interface NotEnded {
  readonly status: "none" | "secret";
}

/** Decodes the reply of a script that ends one session; `undefined` if it is another reply. */
export function endedIn([status, first, second, ...reported]: readonly string[]): Ended | PartnerMoving | undefined {
  if (status === "moving" && first !== undefined && second === undefined) return { status, partner: first };
  if (status !== "ended" || first === undefined || (second !== "moving" && second !== "") || reported.length === 0) {
    return undefined;
  }
  const ids: string[] = [];
  const unexplained: UnexplainedEnd[] = [];
  for (const each of reported) {
    const [id = "", secretHash] = each.split(" ");
    ids.push(id);
    if (secretHash !== undefined) unexplained.push({ id, secretHash });
  }
  return { status, user: first, moving: second === "moving", ids, unexplained };
}

export const revokeScript = tracedScript(
  (reply): Ended | PartnerMoving | NotEnded => {
    const texts = textsOf(reply);
    const [status] = texts;
    if (texts.length === 1 && (status === "none" || status === "secret")) return { status };
    const ended = endedIn(texts);
    if (ended === undefined) throw unknownReply(reply);
    return ended;
  },
  ...ofIndex,
  body,
);

export interface SessionRevocation {
  /** The key of the session. */
  readonly key: string;
  /** `""` for a caller who named the session by its id. */
  readonly secretHash: string;
  /** Whether to leave the partner alone. Default: `false`. */
  readonly alone?: boolean;
  readonly cause: Cause;
  /** For how many ms each session leaves its ending; 0 for none. */
  readonly endings: number;
}

/** Ends a session and its partner. */
export function runRevoke(
  redis: RedisDoor,
  { key, secretHash, alone = false, cause, endings }: SessionRevocation,
  options?: RevocationOptions,
): Promise<Revocation<Ended | PartnerMoving | NotEnded>> {
  const args = [secretHash, alone ? "1" : "", newMark(), redis.markLife, ...encodeCause(cause, endings)];
  return redis.runRevocation(revokeScript, [key], args, options);
}
