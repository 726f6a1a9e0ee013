/**
 * The door to the blog's own data, for which Redis is the primary database. Every answer comes within a deadline, and
 * no answer is a 503: whoever reads a page while Redis is away learns so at once. Knows no user and no post.
 */
import type { ChainableCommander, Redis } from "ioredis";
import { HttpError } from "./http-error.ts";

export class Database {
  readonly #redis: Redis;
  readonly #timeout: number;

  /** `timeout`: the deadline, ms. */
  constructor(redis: Redis, timeout: number) {
    this.#redis = redis;
    this.#timeout = timeout;
  }

  /** Runs one command, or several of which each needs the answer of the one before. */
  async run<T>(commands: (redis: Redis) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Redis did not answer within ${this.#timeout} ms`)), this.#timeout);
    });
    try {
      return await Promise.race([commands(this.#redis), deadline]);
    } catch (cause) {
      throw new HttpError(503, "The database does not answer", { "Retry-After": "1" }, cause);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs commands in one round trip. */
  batch(fill: (pipeline: ChainableCommander) => unknown): Promise<unknown[]> {
    return this.#exec((redis) => redis.pipeline(), fill);
  }

  /** Runs commands in one round trip, all or none. */
  transaction(fill: (multi: ChainableCommander) => unknown): Promise<unknown[]> {
    return this.#exec((redis) => redis.multi(), fill);
  }

  #exec(open: (redis: Redis) => ChainableCommander, fill: (commands: ChainableCommander) => unknown) {
    return this.run(async (redis) => {
      const commands = open(redis);
      fill(commands);
      return ((await commands.exec()) ?? []).map(([error, answer]) => {
        if (error) throw error;
        return answer;
      });
    });
  }
}
