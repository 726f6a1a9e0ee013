/**
 * A simple limit on how often a password may be tried (OWASP ASVS 5.0, 6.3.1), counted in Redis for all processes. Per
 * user name and address, so that nobody can lock out somebody else; and per address, because each try costs CPU time.
 */
import type { Database } from "./database.ts";
import { HttpError } from "./http-error.ts";

const WINDOW = 15 * 60_000;
const PER_NAME_AND_ADDRESS = 10;
const PER_ADDRESS = 100;

export class Attempts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Counts a try before it is made, so that many at once are counted too. Throws a 429 beyond the limit. */
  async count(name: string, address: string | undefined): Promise<void> {
    const limits = [
      [keyOf(name, address), PER_NAME_AND_ADDRESS],
      [keyOf("*", address), PER_ADDRESS],
    ] as const;
    for (const [key, limit] of limits) {
      const [, count, left] = await this.#database.transaction((multi) =>
        multi.set(key, 0, "PX", WINDOW, "NX").incr(key).pttl(key),
      );
      if (Number(count) > limit) {
        const seconds = String(Math.ceil(Number(left) / 1000));
        throw new HttpError(429, "Too many tries. Wait a few minutes.", { "Retry-After": seconds });
      }
    }
  }

  /** The password was right: the tries for this name are forgotten. */
  async forget(name: string, address: string | undefined): Promise<void> {
    await this.#database.run((redis) => redis.del(keyOf(name, address)));
  }
}

function keyOf(name: string, address = ""): string {
  return `blog:attempts:${encodeURIComponent(address)}:${encodeURIComponent(name)}`;
}
