/**
 * The services that may ask about tokens, and how they prove who they are: an id and a secret in HTTP Basic. It knows
 * nothing of tokens.
 */
import { createHash, timingSafeEqual } from "node:crypto";

const MIN_SECRET = 32;

/** Recognises the callers of a setting such as `orders:<secret>,billing:<secret>`. */
export class Callers {
  /** Hashes of the secrets by id; the secrets themselves are not kept. */
  readonly #secrets = new Map<string, Buffer>();

  /** Throws for a setting that would let in nobody, or somebody who guesses. */
  constructor(setting: string) {
    for (const caller of setting.split(",")) {
      // RFC 6749, 2.3.1, has both form-encoded inside of Basic. These characters are their own encoding.
      const [, id, secret] = /^([\w.-]+):([\w.-]+)$/.exec(caller) ?? [];
      if (id === undefined || secret === undefined || secret.length < MIN_SECRET || this.#secrets.has(id)) {
        throw new RangeError(
          `CALLERS must be "id:secret,…", each id once, each secret of ${MIN_SECRET} characters or more`,
        );
      }
      this.#secrets.set(id, sha256(secret));
    }
  }

  /** Who sent this `Authorization` header; `null` for nobody we know. */
  authenticate(header: string | undefined): string | null {
    const [, credentials] = /^Basic +([\w+/=]+) *$/i.exec(header ?? "") ?? [];
    if (credentials === undefined) return null;
    const [, id = "", secret = ""] = /^([^:]*):(.*)$/s.exec(Buffer.from(credentials, "base64").toString()) ?? [];
    // Hashes are of one length and say nothing about the secret; for an id that nobody has, we compare all the same.
    return timingSafeEqual(sha256(secret), this.#secrets.get(id) ?? NOBODY) ? id : null;
  }
}

/** The hash of no secret. */
const NOBODY = Buffer.alloc(32);

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
