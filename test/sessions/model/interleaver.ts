/**
 * A Redis client that lets one script at a time through, in an order that the test chooses. Where the network would
 * interleave verbs as it likes, the same choices here give the same order again.
 */
import type { IoredisClient } from "../../../src/index.js";
import { passThrough } from "../../harness/pass-through.js";

export class Interleaver {
  /** The client for the stores whose verbs are interleaved. */
  readonly client: IoredisClient;
  readonly #waiting: (() => void)[] = [];
  /** Verbs that are neither waiting nor done. */
  #busy = 0;
  #choices: readonly number[] = [];
  #chosen = 0;

  constructor(redis: IoredisClient) {
    this.client = passThrough(redis, {
      evalsha: async (sha: string, keys: number, ...args: (string | number)[]) => {
        await this.#turn();
        return redis.evalsha(sha, keys, ...args);
      },
    });
  }

  /** Runs the verbs at once; whenever all of them wait, the next choice says which may send its script. */
  async run(verbs: readonly (() => Promise<unknown>)[], choices: readonly number[]): Promise<unknown[]> {
    this.#choices = choices;
    this.#chosen = 0;
    this.#busy = verbs.length;
    return Promise.all(
      verbs.map(async (verb) => {
        try {
          return await verb();
        } finally {
          this.#rest();
        }
      }),
    );
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#rest();
    });
  }

  #rest(): void {
    this.#busy--;
    if (this.#busy > 0 || this.#waiting.length === 0) return;
    const choice = this.#choices[this.#chosen++ % this.#choices.length] ?? 0;
    const [proceed] = this.#waiting.splice(choice % this.#waiting.length, 1);
    this.#busy++;
    proceed?.();
  }
}
