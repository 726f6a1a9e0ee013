/**
 * What a soak must leave as it was: counts of what can leak, in this process, in the other one and in Redis, taken before and
 * after, and judged.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { ProcessFigures } from "./process.ts";
import {
  activeResources,
  cachedScripts,
  connectionsOf,
  isConnected,
  listenersOn,
  queuedCommands,
  trend,
  usedMemory,
} from "./resources.ts";
import type { Rig } from "./rig.ts";

/**
 * What the heap of the other process may grow by between the second and the last tenth of the run, bytes. It is some 9 MB;
 * its median grew by 0.2 to 0.8 MB in quick runs and by 0.3 MB in full ones, which have twenty times the calls: code that is
 * compiled late, and nothing that goes with the calls. What keeps 20 bytes for each call takes more than this in either.
 */
const HEAP_BOUND = 2_000_000;
/**
 * What Redis may use more when all is gone than before it began, bytes. Its own overhead moves by some hundred kB: 0.5 to
 * 1.1 MB were left after 20 000 sessions as after 100 000, which took 8 and 36 MB, so it is not theirs.
 */
const REDIS_BOUND = 2_000_000;
/** How many commands wait in the other process where nothing is wrong; it has 16 users, with up to 23 calls each. */
const USUALLY_QUEUED = 16 * 23;
/** How many scripts Redis may know: those of the package, and the soak's own. */
const MOST_SCRIPTS = 40;

/** How long is waited for what goes by itself, ms. */
const PATIENCE = 30_000;

/** Counts of what must be after the soak as it was before. */
export interface Census {
  readonly keys: number;
  readonly scripts: number;
  readonly memory: number;
  readonly connections: number;
  readonly listeners: Record<string, number>;
  readonly queued: number;
  readonly resources: Record<string, number>;
}

export async function census({ admin, desks }: Rig): Promise<Census> {
  for (const { client } of desks) while (!isConnected(client)) await wait(10);
  const scripts = await cachedScripts(admin);
  await admin.script("FLUSH");
  // Redis keeps the arguments of the last slow commands: some hundred kB, on a machine where many are slow.
  await admin.slowlog("RESET");
  const emitters = desks.flatMap(({ client, store, usual, visits }) => [
    ...[client, store.events, usual.events, visits.store],
  ]);
  return {
    keys: await admin.dbsize(),
    scripts,
    memory: await usedMemory(admin),
    connections: (await connectionsOf(admin)).length,
    listeners: listenersOn(emitters),
    queued: queuedCommands(desks.map(({ client }) => client)),
    resources: activeResources(),
  };
}

/** The census when all is over: what goes by itself, such as a timer that is about to fire, is waited for. */
export async function censusAfter(
  rig: Rig,
  before: Census,
): Promise<{ readonly after: Census; readonly leaks: readonly string[] }> {
  for (const begun = performance.now(); ; await wait(500)) {
    const after = await census(rig);
    const leaks = leaksOf(before, after);
    if (leaks.length === 0 || performance.now() - begun > PATIENCE) return { after, leaks };
  }
}

/** Says what there is more of than before. */
function leaksOf(before: Census, after: Census): string[] {
  const leaks: string[] = [];
  const { memory, scripts, resources, ...counts } = after;
  const { memory: begun, scripts: _, resources: had, ...expected } = before;
  for (const name of Object.keys(expected) as (keyof typeof expected)[]) {
    const [was, is] = [expected[name], counts[name]].map((value) => JSON.stringify(value));
    if (was !== is) leaks.push(`a leak of ${name}: ${is} where there were ${was}`);
  }
  // The test runner's own timers come and go, so there may have been more of them.
  for (const [kind, count] of Object.entries(resources)) {
    const was = had[kind] ?? 0;
    if (count > was) leaks.push(`a leak of resources: ${count} of ${kind} where there were ${was}`);
  }
  if (scripts > MOST_SCRIPTS) leaks.push(`a leak of scripts: Redis knows ${scripts}`);
  if (memory - begun > REDIS_BOUND) leaks.push(`a leak of Redis's memory: ${megabytes(memory - begun)}`);
  return leaks;
}

/**
 * How the heap of the other process went. It is looked at where the clients are connected: while they are not, calls wait by
 * the hundred, and an outage may take as long as a tenth of the run.
 */
export function heapTrend(samples: readonly ProcessFigures[], last: ProcessFigures): ReturnType<typeof trend> {
  return trend(
    [...samples.filter(({ atRest, queued }) => atRest && queued <= USUALLY_QUEUED), last].map(({ heap }) => heap),
  );
}

/** Says what grew in the other process, which only took part. */
export function judgeProcess(
  broken: string[],
  first: ProcessFigures,
  samples: readonly ProcessFigures[],
  last: ProcessFigures,
): void {
  const { early, late } = heapTrend(samples, last);
  if (late - early > HEAP_BOUND)
    broken.push(`a leak of memory: the heap grew from ${megabytes(early)} to ${megabytes(late)}`);
  const same = (one: unknown, two: unknown) => JSON.stringify(one) === JSON.stringify(two);
  const resting = [...samples, last].filter(({ atRest }) => atRest);
  const grown = resting.find(({ listeners }) => !same(listeners, first.listeners));
  if (grown)
    broken.push(`a leak of listeners in another process: ${grown.listeners} where there were ${first.listeners}`);
  if (!last.atRest || last.queued > 0) broken.push(`${last.queued} commands are still in another process's queues`);
  if (!same(last.resources, first.resources)) {
    broken.push(`a leak in another process: ${JSON.stringify(last.resources)} for ${JSON.stringify(first.resources)}`);
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}
