/**
 * One of the processes of an application with near, while another one revokes sessions: it answers requests at a pace, and notes
 * the instant from which its memory knows each revoked session no more. Started by near-push.ts, and ends with it.
 */
import { createSessionStore } from "coatcheck";
import { Redis } from "ioredis";
import { type Population, tokenOf } from "../population.ts";
import { storeOptions } from "../subject.ts";
import { LONG_LEASE, warm } from "./near-lookups.ts";

/** What a process is started with. */
export interface Listening {
  readonly url: string;
  readonly population: Population;
  /** The sessions below this number are revoked, in their order; requests are made with the others. */
  readonly revoked: number;
}

/** What it has found. */
export interface Heard {
  /** µs by the clock of the machine, which all processes share. */
  readonly at: readonly number[];
  /** How often it could not be sure: then it has forgotten sessions that nobody had revoked. */
  readonly lapses: number;
  readonly flushes: number;
}

/** Requests of this process: so many in each tick of so many ms. */
const PACE = { requests: 5, tick: 10 };

const listening = JSON.parse(process.argv[2] ?? "") as Listening;

process.on("disconnect", () => process.exit());

/** µs. */
function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

async function listen({ url, population, revoked }: Listening): Promise<void> {
  const subscriber = new Redis(url);
  const store = createSessionStore(new Redis(url), {
    ...storeOptions(population.prefix),
    near: { subscriber, lease: LONG_LEASE },
  });
  const tokens = Array.from({ length: population.sessions }, (_, at) => tokenOf(population, at));
  await warm(store, tokens);
  const before = store.near.stats;
  const heard: number[] = [];
  // The store listens to the same client, and was first: when this is called, it knows already.
  subscriber.on("message", () => {
    while (heard.length < revoked && store.peek(tokens[heard.length]) === undefined) heard.push(now());
  });
  let turn = 0;
  setInterval(() => {
    for (let request = 0; request < PACE.requests; request++) {
      const at = revoked + (turn++ % (population.sessions - revoked));
      void store.touch(tokens[at]);
    }
  }, PACE.tick);
  process.on("message", () => {
    const { lapses, flushes } = store.near.stats;
    const found: Heard = { at: heard, lapses: lapses - before.lapses, flushes: flushes - before.flushes };
    process.send?.(found);
  });
  process.send?.({ ready: true });
}

try {
  await listen(listening);
} catch (error) {
  process.send?.({ failed: error instanceof Error ? error.message : String(error) }, () => process.exit(1));
}
