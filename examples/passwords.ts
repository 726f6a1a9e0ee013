/** Passwords, hashed with scrypt at one of the strengths that OWASP's Password Storage Cheat Sheet names. */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** How much work a guess is: `N` and `r` in memory, all three in time. */
export interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

const COST: Cost = { N: 2 ** 14, r: 8, p: 5 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** The text to keep: cost, salt and hash. With the cost in it, old hashes stay good when new ones get stronger. */
export async function hashPassword(password: string, { N, r, p }: Cost = COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, { N, r, p });
  return [N, r, p, salt.toString("base64url"), hash.toString("base64url")].join(":");
}

/** Whether the password is the one that was hashed; never for a user without a hash. */
export async function verifyPassword(password: string, stored: string | null | undefined): Promise<boolean> {
  if (stored === null || stored === undefined) {
    // Whoever asks for a user that does not exist waits as long as for one that does, and so learns nothing.
    await derive(password, Buffer.alloc(SALT_BYTES), COST);
    return false;
  }
  const [N, r, p, salt = "", hash = ""] = stored.split(":");
  const derived = await derive(password, Buffer.from(salt, "base64url"), { N: Number(N), r: Number(r), p: Number(p) });
  const expected = Buffer.from(hash, "base64url");
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize(), salt, HASH_BYTES, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
