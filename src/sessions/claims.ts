/**
 * Claims: how they are encoded, and how a schema judges them. Decoding is in stored-claim.ts.
 *
 * Each claim is a field of the record, `:` and its JSON-escaped name, with a JSON value. So one claim can change without the
 * others.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ClaimsError } from "../leaves/errors.js";
import { refuseLossy } from "../leaves/json.js";
import { escapeText, unescapeText } from "../leaves/text.js";

/** A change of claims: a value sets a claim, `undefined` removes it, `null` is a value like any other. */
export type ClaimsPatch<Claims> = { readonly [Name in keyof Claims]?: Claims[Name] | undefined };

/** Fields and values for a script, in turn; an empty value removes the field. */
export type EncodedClaims = string[];

/** Encodes claims or a patch of claims, field by field. Throws `ClaimsError` for a value that JSON would change. */
export function encodeClaims(claims: object): EncodedClaims {
  const encoded: EncodedClaims = [];
  for (const [name, value] of Object.entries(claims)) {
    encoded.push(`:${escapeText(name)}`, value === undefined ? "" : encodeValue(name, value));
  }
  return encoded;
}

/**
 * How many bytes encoded claims take, to compare with `maxClaimsBytes`: their names and values in UTF-8, as the scripts count
 * them.
 */
export function encodedBytes(encoded: EncodedClaims): number {
  let bytes = 0;
  for (let i = 0; i < encoded.length; i += 2) {
    const value = encoded[i + 1] as string;
    if (value !== "") bytes += Buffer.byteLength(encoded[i] as string) - 1 + Buffer.byteLength(value);
  }
  return bytes;
}

/**
 * How many claims a session may have. Redis takes time for each field, and does nothing else meanwhile: with thousands of tiny
 * claims, one page of sessions took a second. A claim may be an object with any number of properties. The same number is in
 * record.lua.
 */
export const MAX_CLAIMS = 100;

/** Throws `ClaimsError` for more encoded claims than a session may have. Removals do not count. */
export function checkExtent(encoded: EncodedClaims, maxBytes: number): void {
  const claims = encoded.filter((value, at) => at % 2 === 1 && value !== "").length;
  if (claims > MAX_CLAIMS) throw tooManyClaims(claims);
  const bytes = encodedBytes(encoded);
  if (bytes > maxBytes) throw claimsTooLarge(bytes, maxBytes);
}

/** The error for more claims than a session may have. */
export function tooManyClaims(claims: number): ClaimsError {
  return new ClaimsError(
    `A session may have ${MAX_CLAIMS} claims, and not ${claims}: put what belongs together into one`,
  );
}

/** The error for claims above `maxClaimsBytes`. */
export function claimsTooLarge(bytes: number, limit: number): ClaimsError {
  return new ClaimsError(`The claims take ${bytes} bytes, more than maxClaimsBytes (${limit})`);
}

/** Applies a patch to claims in memory, as the update script does to the record. */
export function patchClaims(claims: object, patch: object): Record<string, unknown> {
  const removed = new Set(Object.keys(patch).filter((name) => (patch as Record<string, unknown>)[name] === undefined));
  return Object.fromEntries(
    [...Object.entries(claims), ...Object.entries(patch)].filter(([name]) => !removed.has(name)),
  );
}

/** The patch that turns one set of encoded claims into another: every difference, and the removal of missing claims. */
export function differenceOf(before: EncodedClaims, after: EncodedClaims): EncodedClaims {
  const old = toMap(before);
  const now = toMap(after);
  const patch: EncodedClaims = [];
  for (const [field, value] of now) if (old.get(field) !== value) patch.push(field, value);
  for (const field of old.keys()) if (!now.has(field)) patch.push(field, "");
  return patch;
}

/** Runs claims through a schema and gives its output. Throws `ClaimsError` with the schema's issues. */
export async function validateClaims<Claims>(
  schema: StandardSchemaV1<unknown, Claims>,
  claims: unknown,
): Promise<Claims> {
  const result = await schema["~standard"].validate(claims);
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => ({
    message,
    path: path.map((part) => (typeof part === "object" ? part.key : part)),
  }));
  const list = issues.map(({ message, path }) =>
    path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`,
  );
  throw new ClaimsError(`The schema refuses these claims: ${list.join("; ")}`, issues);
}

function encodeValue(name: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, refuseLossy);
  } catch (cause) {
    throw new ClaimsError(`The claim ${JSON.stringify(name)} is not JSON: ${(cause as Error).message}`, [], cause);
  }
  if (text === undefined)
    throw new ClaimsError(`The claim ${JSON.stringify(name)} is not JSON: it is a ${typeof value}`);
  return text;
}

function toMap(encoded: EncodedClaims): Map<string, string> {
  const map = new Map<string, string>();
  for (let i = 0; i < encoded.length; i += 2) map.set(encoded[i] as string, encoded[i + 1] as string);
  return map;
}

/** The names of the claims in an encoded patch. */
export function namesIn(encoded: EncodedClaims): readonly string[] {
  return Object.freeze(encoded.filter((_, at) => at % 2 === 0).map((field) => unescapeText(field.slice(1))));
}
