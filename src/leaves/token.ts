/**
 * Ids, secrets and tokens: how they are made and recognised. A leaf; it knows nothing of Redis or of sessions.
 *
 *   token  = id "." secret                         70 characters, the only thing that authenticates
 *   id     = ULID, 26 characters                   public: shown in lists of devices, logs and events
 *   secret = 32 random bytes as base64url          43 characters, known only to the client
 *
 * Redis holds the SHA-256 of the secret. A plain hash is enough, without a salt or a slow derivation: the secret has 256 bits
 * of entropy, so nobody can guess it (OWASP ASVS 5.0, 7.2.3 asks for 128).
 *
 * Characters 11 to 13 of an id are its bucket, which decides the slot in Redis Cluster. They replace 15 of the 80 random bits
 * of the ULID. The id is still a valid ULID; the other 65 bits and the millisecond make it unique.
 */
import { hash, randomBytes, randomInt } from "node:crypto";
import { ulid } from "ulid";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const TOKEN = /^[0-7][0-9A-HJKMNP-TV-Z]{25}\.[A-Za-z0-9_-]{43}$/;
const ID_LENGTH = 26;
const TOKEN_LENGTH = 70;

/** How a caller has named a session: by a token, whose secret must still be checked, or by an id. */
export interface Target {
  readonly id: string;
  /** Hash of the token's secret; `""` if the caller gave an id. */
  readonly secretHash: string;
}

/** A new token, with the parts of it that Redis may see. */
export interface MintedToken extends Target {
  readonly token: string;
}

/** The bucket of all sessions of a user: the first 15 bits of SHA-256(userId) in Crockford base32. */
export function bucketOfUser(userId: string): string {
  return encodeBucket(Number.parseInt(hash("sha256", userId).slice(0, 4), 16) >> 1);
}

/** A bucket for a session without a user. */
export function randomBucket(): string {
  return encodeBucket(randomInt(1 << 15));
}

/** Every bucket that there is, 32 768 of them. */
export function* buckets(): Generator<string> {
  for (let bits = 0; bits < 1 << 15; bits++) yield encodeBucket(bits);
}

/** The bucket in an id. */
export function bucketOfId(id: string): string {
  return id.slice(10, 13);
}

/** Makes a new token whose id lies in the given bucket. */
export function mintToken(bucket: string): MintedToken {
  const random = ulid();
  const id = random.slice(0, 10) + bucket + random.slice(13);
  const secret = randomBytes(32).toString("base64url");
  return { id, secretHash: hashSecret(secret), token: `${id}.${secret}` };
}

/** Recognises a token. `null` for anything else: an id, another alphabet or length, a value that is no string. */
export function parseToken(value: unknown): Target | null {
  // The length is compared first, so that a megabyte of rubbish costs nothing.
  if (!isToken(value)) return null;
  return { id: value.slice(0, ID_LENGTH), secretHash: hashSecret(value.slice(ID_LENGTH + 1)) };
}

/** Recognises a token or an id. `null` for anything else. */
export function parseTarget(value: unknown): Target | null {
  return isId(value) ? { id: value, secretHash: "" } : parseToken(value);
}

/** Whether the value has the form of a session id. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && value.length === ID_LENGTH && ID.test(value);
}

/** Whether the value has the form of a token, whether or not there is such a session. */
export function isToken(value: unknown): value is string {
  return hasTokenLength(value) && TOKEN.test(value);
}

/** Whether the value has the length of a token: for memory, which knows by the hash whether it is one. */
export function hasTokenLength(value: unknown): value is string {
  return typeof value === "string" && value.length === TOKEN_LENGTH;
}

function hashSecret(secret: string): string {
  return hash("sha256", secret, "base64url");
}

function encodeBucket(bits: number): string {
  return `${ALPHABET[bits >> 10]}${ALPHABET[(bits >> 5) & 31]}${ALPHABET[bits & 31]}`;
}
