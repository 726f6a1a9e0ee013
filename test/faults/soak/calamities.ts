/** What befalls a server and its connections during a soak, at random times. It knows nothing of what the calls are for. */
import { setTimeout as wait } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Dice } from "../../harness/dice.ts";
import type { RedisServer } from "../../harness/redis-server.js";
import type { Line } from "./calls.ts";
import { connectionsOf } from "./resources.ts";

/** How long, at the median, from one of a kind to the next, ms. */
export interface Frequencies {
  readonly connectionKilled: number;
  readonly scriptsForgotten: number;
  readonly serverKilled: number;
}

/** What has befallen, and what the clients saw of it. */
export class Calamities {
  readonly counts = { serverKilled: 0, connectionKilled: 0, scriptsForgotten: 0 };
  /** Longest time from a SIGKILL until every client had an answer again, ms. */
  outage = 0;
  /** The same from when the server was up again. */
  recovery = 0;
  readonly #server: RedisServer;
  readonly #admin: Redis;
  readonly #lines: readonly Line[];
  #restarting = false;

  /** `admin` is a connection of nobody else's; it is spared, and waits for the server where it is gone. */
  constructor(server: RedisServer, admin: Redis, lines: readonly Line[]) {
    this.#server = server;
    this.#admin = admin;
    this.#lines = lines;
  }

  /** Goes on until it is told to end; resolves when the last has passed. */
  async befall(frequencies: Frequencies, dice: Dice, ended: AbortSignal): Promise<void> {
    const repeat = async (every: number, own: Dice, befall: () => Promise<void>) => {
      for (;;) {
        try {
          await wait(every * (0.5 + own.throw()), undefined, { signal: ended });
        } catch {
          return;
        }
        await befall();
      }
    };
    await Promise.all([
      repeat(frequencies.connectionKilled, dice.split(), () => this.#killConnections(dice)),
      repeat(frequencies.scriptsForgotten, dice.split(), () => this.#forgetScripts()),
      repeat(frequencies.serverKilled, dice.split(), () => this.#killServer(dice, ended)),
    ]);
  }

  /** Ends one connection, or several, or all; in the middle of whatever they are waiting for. */
  async #killConnections(dice: Dice): Promise<void> {
    if (this.#restarting) return;
    const own = String(await this.#admin.client("ID"));
    const others = (await connectionsOf(this.#admin)).filter((id) => id !== own);
    const share = dice.pick([0.1, 0.4, 1]);
    for (const id of others) {
      if (!dice.chance(share)) continue;
      this.counts.connectionKilled += Number(await this.#admin.client("KILL", "ID", id));
    }
  }

  async #forgetScripts(): Promise<void> {
    if (this.#restarting) return;
    await this.#admin.script("FLUSH");
    this.counts.scriptsForgotten++;
  }

  /** Kills the server, brings it back after a moment, and waits until every client has had an answer, if it still asks. */
  async #killServer(dice: Dice, ended: AbortSignal): Promise<void> {
    this.#restarting = true;
    const killed = performance.now();
    await this.#server.kill();
    this.counts.serverKilled++;
    await wait(dice.within(0, 500));
    await this.#server.restart();
    const restarted = performance.now();
    for (const line of this.#lines) {
      while (line.answeredAt < restarted) {
        if (ended.aborted) return;
        if (performance.now() - restarted > 30_000) throw new Error(`The client ${line.name} did not come back`);
        await wait(5);
      }
      this.outage = Math.max(this.outage, line.answeredAt - killed);
      this.recovery = Math.max(this.recovery, line.answeredAt - restarted);
    }
    this.#restarting = false;
  }
}
