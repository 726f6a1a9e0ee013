/** How long after a revocation was acknowledged the memories of other processes know of it, while all is well. */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createSessionStore } from "coatcheck";
import { figuresOf } from "../figures.ts";
import { newHistogram } from "../load.ts";
import { fill, tokenOf } from "../population.ts";
import { endProcess, nextMessage, startProcess } from "../processes.ts";
import type { RedisUnderTest } from "../redis-under-test.ts";
import type { Bench, Contender } from "../scenario.ts";
import { storeOptions } from "../subject.ts";
import { connect } from "./lookup.ts";
import type { Heard, Listening } from "./near-listener.ts";

export const PUSH = "a revocation, heard elsewhere";

export const nearPush: readonly Contender[] = [
  {
    name: PUSH,
    does: "coatcheck with near: revoke in one process, and from when on the memories of four others do not answer for the session any more; counted from the answer to the revocation",
    ours: true,
  },
];

const PROCESSES = 4;
/** Revocations in a round, and the pause after each, ms. */
const REVOKED = { quick: 25, full: 60 };
const PAUSE = 10;
/** Sessions that nobody revokes, with which requests are made. */
const OTHERS = 200;
const PROGRAM = fileURLToPath(new URL("./near-listener.ts", import.meta.url));
const PATIENCE = 60_000;

export async function timePush(bench: Bench, scenario: string, server: RedisUnderTest): Promise<void> {
  const { quick, rounds } = bench.settings;
  const perRound = quick ? REVOKED.quick : REVOKED.full;
  // The first round warms up.
  const revoked = (rounds + 1) * perRound;
  const prefix = `${server.prefix}push:`;
  const population = await fill(server.client, { prefix, sessions: revoked + OTHERS, perUser: 1 }, bench);
  const listening: Listening = { url: server.url, population, revoked };
  const processes = Array.from({ length: PROCESSES }, () => startProcess(PROGRAM, [JSON.stringify(listening)]));
  bench.defer(() => Promise.all(processes.map(endProcess)));
  const patience = { within: PATIENCE, signal: bench.signal };
  for (const begun of await Promise.all(processes.map((child) => nextMessage(child, patience)))) expectNoFailure(begun);

  const redis = connect({ urls: [server.url], cluster: false, prefix });
  bench.defer(() => redis.disconnect());
  const store = createSessionStore(redis, storeOptions(population.prefix));
  const acknowledged: number[] = [];
  bench.progress.begin(`${scenario}: revocations`, revoked);
  for (let number = 0; number < revoked; number++) {
    if (!(await store.revoke(tokenOf(population, number)))) throw new Error("a live session was not revoked");
    acknowledged.push(Number(process.hrtime.bigint() / 1000n));
    bench.progress.step();
    await sleep(PAUSE, undefined, { signal: bench.signal });
  }
  bench.progress.end();
  // Whoever has not heard by now has lost it.
  await sleep(100, undefined, { signal: bench.signal });
  const found = await Promise.all(
    processes.map((child) => {
      const reply = nextMessage(child, patience);
      child.send("report");
      return reply;
    }),
  );
  const heard = found.map((reply) => expectWhole(reply, revoked));
  const of = (round: number) => {
    const histogram = newHistogram();
    for (let number = round * perRound; number < (round + 1) * perRound; number++) {
      // What is heard before the writer has its answer is no delay.
      for (const { at } of heard) {
        histogram.recordValue(Math.max(0, (at[number] as number) - (acknowledged[number] as number)));
      }
    }
    return {
      p50: histogram.getValueAtPercentile(50),
      p99: histogram.getValueAtPercentile(99),
      max: histogram.maxValue,
    };
  };
  const each = Array.from({ length: rounds }, (_, round) => of(round + 1));
  const values = {
    p50: each.map(({ p50 }) => p50),
    p99: each.map(({ p99 }) => p99),
    max: [Math.max(...each.map(({ max }) => max))],
  };
  bench.record(figuresOf(scenario, { processes: PROCESSES }, [{ contender: PUSH, ours: true, values }], undefined));
}

function expectNoFailure(message: unknown): void {
  if (typeof message === "object" && message !== null && "failed" in message) throw new Error(String(message.failed));
}

function expectWhole(message: unknown, revoked: number): Heard {
  expectNoFailure(message);
  const heard = message as Heard;
  if (heard.lapses > 0 || heard.flushes > 0) {
    throw new Error("a process has lapsed meanwhile, so it has forgotten sessions without hearing of them");
  }
  if (heard.at.length < revoked) throw new Error(`a process has heard of ${heard.at.length} of ${revoked} revocations`);
  return heard;
}
