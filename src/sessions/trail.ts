/**
 * The trail of a log-in: what it leaves of the session that it has ended, for some seconds. So a second log-in of the same user
 * on the same session (a double click, a form that is sent again) still gets the claims. record.lua describes its fields. Only
 * the secret of that session opens it, and it is never taken for a session.
 */
import { CorruptRecordError } from "../leaves/errors.js";
import { unescapeText } from "../leaves/text.js";
import type { RecordText } from "../redis/replies.js";
import type { Client } from "./session.js";
import { decodeClaim } from "./stored-claim.js";

/** What a log-in takes over from the session that it ends. */
export interface Origin {
  readonly claims: object;
  readonly client: Client;
  /** How often the claims had been changed. */
  readonly version: string;
  /** Whose session it was; `null` for a guest's. */
  readonly userId: string | null;
}

/** Decodes a trail as the scripts give it. `key` is its Redis key, for the error. */
export function decodeTrail(text: RecordText, key: string): Origin {
  const parts = text.split("\n");
  const claims: Record<string, unknown> = {};
  const client: { ip?: string; userAgent?: string } = {};
  let version = "0";
  let userId: string | null = null;
  try {
    for (let i = 0; i < parts.length; i += 2) {
      const field = parts[i] as string;
      const value = parts[i + 1] as string;
      if (field.startsWith(":")) decodeClaim(claims, field, value);
      else if (field === "v") version = value;
      else if (field === "o") userId = unescapeText(value);
      else if (field === "i") client.ip = unescapeText(value);
      else if (field === "a") client.userAgent = unescapeText(value);
    }
  } catch {
    // The parser's message would quote the value, which must not get into a log.
    throw new CorruptRecordError(key);
  }
  return { claims, client, version, userId };
}
