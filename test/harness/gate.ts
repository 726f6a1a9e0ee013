/**
 * A Redis client whose scripts a test can stop, before they are sent or before their reply is delivered: so the test
 * decides which of two verbs reaches Redis first, and what happens between two steps of one verb.
 */
import type { Redis } from "ioredis";
import { scripts } from "../../src/sessions/scripts/scripts.js";
import { passThrough } from "./pass-through.js";

export type ScriptName = keyof typeof scripts;

/** Where a script is stopped: before it is sent, or when Redis has run it and its reply is on the way. */
export type Moment = "before" | "after";

export interface Stop {
  /** Resolves when a script stands at the gate. */
  readonly reached: Promise<void>;
  release(): void;
}

export interface GatedClient extends Redis {
  /** Stops the next call of a script. Of several stops for one script, each holds one call, in their order. */
  stop(script: ScriptName, moment: Moment): Stop;
}

/** Puts a gate before a client, and teaches the server every script, so that each verb's first call is its only one. */
export async function gated(redis: Redis): Promise<GatedClient> {
  await Promise.all(Object.values(scripts).map(({ source }) => redis.script("LOAD", source)));
  const stops: { sha: string; moment: Moment; pass: () => Promise<void> }[] = [];
  return passThrough(redis, {
    async evalsha(sha: string, keys: number, ...args: (string | number)[]) {
      const at = stops.findIndex((stop) => stop.sha === sha);
      const [stop] = at === -1 ? [] : stops.splice(at, 1);
      if (stop?.moment === "before") await stop.pass();
      const reply = await redis.evalsha(sha, keys, ...args);
      if (stop?.moment === "after") await stop.pass();
      return reply;
    },
    stop(script: ScriptName, moment: Moment) {
      let arrive = () => {};
      let release = () => {};
      const reached = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const open = new Promise<void>((resolve) => {
        release = resolve;
      });
      const pass = () => {
        arrive();
        return open;
      };
      stops.push({ sha: scripts[script].sha, moment, pass });
      return { reached, release: () => release() };
    },
  });
}

/** Lets `held` come as far as the script, runs `other` to its end, and then lets `held` go on. */
export async function interrupt<A, B>(
  gate: GatedClient,
  script: ScriptName,
  moment: Moment,
  held: () => Promise<A>,
  other: () => Promise<B>,
): Promise<[A, B]> {
  const stop = gate.stop(script, moment);
  const first = held();
  await Promise.race([stop.reached, endedEarly(first, script)]);
  let second: B;
  try {
    second = await other();
  } finally {
    stop.release();
  }
  return [await first, second];
}

/** One side of a race: a verb, and the script of it that races. */
export interface Side<T> {
  readonly gate: GatedClient;
  readonly script: ScriptName;
  readonly run: () => Promise<T>;
}

/** In which order two verbs reach Redis. `"at once"` leaves it to the two connections. */
export const ORDERS = ["before", "after", "at once with"] as const;
export type Order = (typeof ORDERS)[number];

/** Runs two verbs so that the script of the first reaches Redis before, after, or at once with that of the second. */
export async function race<A, B>(order: Order, first: Side<A>, second: Side<B>): Promise<[A, B]> {
  if (order !== "at once with") {
    return interrupt(first.gate, first.script, order === "before" ? "after" : "before", first.run, second.run);
  }
  const stops = [first.gate.stop(first.script, "before"), second.gate.stop(second.script, "before")];
  const running = [first.run(), second.run()] as const;
  await Promise.race([
    Promise.all(stops.map(({ reached }) => reached)),
    endedEarly(running[0], first.script),
    endedEarly(running[1], second.script),
  ]);
  for (const stop of stops) stop.release();
  return Promise.all(running);
}

/** Rejects when a verb ends that should have waited at the gate; else a wrong name would only show as a timeout. */
async function endedEarly(verb: Promise<unknown>, script: ScriptName): Promise<never> {
  await verb;
  throw new Error(`The verb ended without coming to the script ${script} at the gate.`);
}
