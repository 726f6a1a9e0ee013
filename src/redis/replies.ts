/**
 * Checks the replies of scripts: a reply that no script of ours gives is an error, and never "absent" or "done". It knows the
 * forms of replies, but not what any script does.
 */
import { StoreUnavailableError } from "../leaves/errors.js";

/**
 * The error for a reply that the script never gives. Something else has answered: a transaction that is open on the client, a
 * transformer of replies, or a proxy. The script may have run. The reply is not quoted, because it could hold anything, even a
 * record with its claims.
 */
export function unknownReply(reply: unknown): StoreUnavailableError {
  if (isNumbered(Array.isArray(reply) ? reply[0] : reply)) return foreignReply();
  return new StoreUnavailableError(
    reply === "QUEUED"
      ? "Redis has only queued the command, because a transaction (MULTI) is open on the client; it may still run"
      : `Redis gave a reply that coatcheck does not know (${kindOf(reply)}); the command may have run`,
  );
}

/**
 * The error for a reply to another call. The client, or a proxy, has mixed them up: what it gives to others may be wrong too.
 */
export function foreignReply(): StoreUnavailableError {
  return new StoreUnavailableError(
    "The client gave this call the reply to another one, so nobody can trust its replies: close the client, and open another",
  );
}

/** Whether a text has the number of a call in front (see call-number.ts). What a script replies by itself never has. */
export function isNumbered(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-z]+#/.test(text);
}

function kindOf(reply: unknown): string {
  if (reply === null || reply === undefined) return String(reply);
  if (Array.isArray(reply)) return `a list of ${reply.length}`;
  if (reply instanceof Uint8Array) return "a Buffer: the client does not decode strings";
  return typeof reply === "object" ? "an object" : `a ${typeof reply}`;
}

/** A reply that is a list of texts, with a status first. Numbers become text, as in Lua. */
export function textsOf(reply: unknown): string[] {
  if (!Array.isArray(reply) || reply.length === 0) throw unknownReply(reply);
  return reply.map((part: unknown) => {
    if (typeof part === "string") return part;
    if (typeof part === "number") return String(part);
    throw unknownReply(reply);
  });
}

/** A reply that is a whole number, 0 or more. A client with `stringNumbers` gives text, and ioredis-mock adds decimals. */
export function countOf(reply: unknown): number {
  const count = typeof reply === "string" && /^\d+(\.0+)?$/.test(reply) ? Number(reply) : reply;
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return count;
  throw unknownReply(reply);
}

/** A record as scripts give it: fields and values, joined by newlines. There is at least one of each, so it has a newline. */
export type RecordText = `${string}\n${string}`;

/** Tells a record from a status, which has no newline. */
export function isRecordText(text: unknown): text is RecordText {
  return typeof text === "string" && text.includes("\n");
}

/** Why a script gives and changes nothing: there is no record, the secret does not match, or the key holds something else. */
export type Refusal = "none" | "secret" | "corrupt";

/** Whether a status is one of these. */
export function isRefusal(status: unknown): status is Refusal {
  return status === "none" || status === "secret" || status === "corrupt";
}

/** A reply that is a record, or why there is none to give. */
export function recordOrRefusal(reply: unknown): RecordText | Refusal {
  if (isRecordText(reply) || isRefusal(reply)) return reply;
  throw unknownReply(reply);
}
