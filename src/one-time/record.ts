/** A one-time token as callers see it, and how a stored record becomes one; issue.lua describes its fields. */

import { CorruptRecordError } from "../leaves/errors.js";
import { refuseLossy } from "../leaves/json.js";
import { decodeValue } from "../leaves/json-value.js";
import { unescapeText } from "../leaves/text.js";
import type { RecordText } from "../redis/replies.js";

/** What a valid token stands for. A frozen plain object; every instant is epoch ms by the clock of Redis. */
export interface OneTimeToken<Data = unknown> {
  /** Whom it was issued to. */
  readonly subject: string;
  /** What was issued with it; `null` for nothing. */
  readonly data: Data;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

const ISSUE_TIMES = /^(\d+) (\d+)$/;

/** Data as it is stored; `""` for none. Throws `TypeError` if JSON would change it, and `RangeError` if it is too large. */
export function encodeData(data: unknown, maxBytes: number): string {
  if (data === undefined) return "";
  let text: string;
  try {
    text = JSON.stringify(data, refuseLossy);
  } catch (cause) {
    throw new TypeError(`data is not JSON: ${(cause as Error).message}`, { cause });
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw new RangeError(`data takes ${bytes} bytes, more than maxDataBytes (${maxBytes})`);
  return text;
}

/**
 * Decodes a record: fields and values alternate, joined by newlines. `key` is the Redis key, for the error. Throws
 * `CorruptRecordError` for anything that coatcheck did not write.
 */
export function decodeToken<Data>(text: RecordText, key: string): OneTimeToken<Data> {
  const parts = text.split("\n");
  const fields = new Map<string, string>();
  for (let i = 0; i < parts.length; i += 2) fields.set(parts[i] as string, parts[i + 1] as string);
  const [, issuedAt, expiresAt] = ISSUE_TIMES.exec(fields.get("t") ?? "") ?? [];
  const subject = fields.get("u");
  if (issuedAt === undefined || subject === undefined) throw new CorruptRecordError(key);
  try {
    return Object.freeze({
      subject: unescapeText(subject),
      data: decodeValue(fields.get("d") ?? "null") as Data,
      issuedAt: Number(issuedAt),
      expiresAt: Number(expiresAt),
    });
  } catch {
    // The parser's message would quote the value, which must not get into a log.
    throw new CorruptRecordError(key);
  }
}
