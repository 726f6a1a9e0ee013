/** Calls get.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Arguments } from "../../redis/clients/client.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import {
  foreignReply,
  isRecordText,
  isRefusal,
  type RecordText,
  type Refusal,
  unknownReply,
} from "../../redis/replies.js";
import { lookUpScript } from "../../redis/script.js";
import { type EndingText, isEndingText } from "../ending.js";
import body from "./get.lua";

/** What a lookup may reply: the ending is that of a session that is gone, if it was asked for. */
export type LookUpReply = RecordText | Refusal | EndingText;

/** A refusal or an ending: the status, the name of the call, and what follows. */
const NAMED = /^(\w+) (\S+)(?: (.*))?$/s;

/**
 * Decodes the reply of a script that looks a session up. The reply names the call by the hash of its secret, or by the id if
 * there is no secret: if a client mixes replies up, nobody gets the session of somebody else.
 */
export function lookUpReply(reply: unknown, [key = ""]: readonly string[], [secretHash]: Arguments): LookUpReply {
  const name = typeof secretHash === "string" && secretHash !== "" ? secretHash : key.slice(-26);
  if (isRecordText(reply)) {
    const at = reply.indexOf("\n") + 1;
    if (reply.startsWith(name, at) && reply.charCodeAt(at + name.length) === 0x0a) return reply;
    throw foreignReply();
  }
  const [, status, of, rest] = (typeof reply === "string" && NAMED.exec(reply)) || [];
  const known = isRefusal(status) && rest === undefined ? status : `${status} ${rest}`;
  if (!isRefusal(known) && !isEndingText(known)) throw unknownReply(reply);
  if (of !== name) throw foreignReply();
  return known;
}

export const getScript = lookUpScript(lookUpReply, body);

/** Reads a session. `secretHash` is `""` for a caller who named it by its id. */
export async function runGet(
  redis: RedisDoor,
  key: string,
  secretHash: string,
  deadline?: Deadline,
): Promise<RecordText | Refusal> {
  const reply = await redis.run(getScript, [key], [secretHash, ""], deadline);
  if (isEndingText(reply)) throw unknownReply(reply);
  return reply;
}

/** The same, and gives the ending of a session that is gone, to its bearer. */
export function runExplain(redis: RedisDoor, key: string, secretHash: string): Promise<LookUpReply> {
  return redis.run(getScript, [key], [secretHash, "1"]);
}
