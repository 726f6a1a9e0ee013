/**
 * The soak: a mixed load over very many sessions, with every part of the library on one Redis, while connections are
 * killed, the server crashes and comes back, scripts are forgotten and sessions expire. The promises are checked all along,
 * and in the end nothing may be left of it: no key, no memory, no connection, no listener, no timer.
 *
 * The dice fall anew in every run; `COATCHECK_SEED` has them fall as in the run that printed it. What the network and the
 * clock do in between nobody can repeat.
 */
import { setMaxListeners } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { Keys } from "../../../src/sessions/keys.js";
import { Dice, seedOfRun } from "../../harness/dice.ts";
import { auditSessions } from "../audit.ts";
import { FULL, fault, type Outcome } from "../fault.ts";
import { Ledger } from "../ledger.ts";
import { prepareLoad } from "../load.ts";
import { Calamities } from "./calamities.ts";
import { Calls } from "./calls.ts";
import { census, censusAfter, heapTrend, judgeProcess, megabytes } from "./census.ts";
import { kindOf, lookAtKeys } from "./keyspace.ts";
import { type ProcessFigures, startSoakProcess } from "./process.ts";
import { isConnected, queuedCommands, usedMemory } from "./resources.ts";
import { type Desk, type Rig, startRig, TIMEOUT } from "./rig.ts";
import type { Stage } from "./scene.ts";
import { play } from "./scenes.ts";
import { useToken } from "./tokens.ts";
import { VISIT_TTL, visit } from "./visits.ts";

const SESSIONS = FULL ? 100_000 : 20_000;
const DURATION = FULL ? 600_000 : 30_000;
/** The usual user has so many sessions. */
const SESSIONS_PER_USER = 5;
const CALLS_PER_SECOND = 1000;
const FREQUENCIES = { connectionKilled: 1500, scriptsForgotten: 1100, serverKilled: FULL ? 25_000 : 9000 };
/** How long the last calls may take, with a server that is just coming back, verbs of many pages and a busy machine, ms. */
const PATIENCE = 120_000;
/** How many samples of what the other process holds are taken; a multiple of ten. */
const SAMPLES = 50;

/** So many sentences tell what is wrong. */
const MOST = 100;

fault("Soak", `${SESSIONS.toLocaleString("en")} sessions under a mixed load`, DURATION + 300_000, async () => {
  const seed = seedOfRun();
  console.log(`The soak's seed is ${seed}: COATCHECK_SEED=${seed} has the dice fall like this again.`);
  const dice = new Dice(seed);
  const rig = await startRig();
  const other = await startSoakProcess(rig.server.port, rig.prefix);
  try {
    return await soak(rig, other, dice);
  } finally {
    other.close();
  }
});

/** What the run has come to so far, beside what its load and its calls know. */
interface Books {
  readonly broken: string[];
  readonly ledger: Ledger;
  readonly calls: Calls;
  readonly stage: Stage;
}

async function soak(rig: Rig, other: Awaited<ReturnType<typeof startSoakProcess>>, dice: Dice): Promise<Outcome> {
  const { admin, desks, prefix, server } = rig;
  const ledger = new Ledger({ remember: 20, clockSlack: 100 });
  const calls = new Calls();
  const stage: Stage = { ...{ desks, calls, admin }, keys: new Keys(prefix), hastened: new Set(), left: new Set() };
  const books: Books = { broken: [], ledger, calls, stage };

  const before = await census(rig);
  const load = prepareLoad({
    ...{ ledger, stores: desks.map(({ usual }) => usual), timeout: TIMEOUT, seed: dice.below(2 ** 31) },
    ...{ users: SESSIONS / SESSIONS_PER_USER, workers: 32, perSecond: CALLS_PER_SECOND },
    shortLived: { share: 0.05, idleTimeout: 5000 },
    losses: () => desks.reduce((sum, { line }) => sum + line.losses, 0),
  });
  // It begins before it is watched: while its code is still being compiled, its heap grows by itself.
  const first = await other.begin();
  await load.populate(SESSIONS);
  const filled = await usedMemory(admin);
  const sessions = (await lookAtKeys(admin, stage.hastened)).sessions;

  const ended = new AbortController();
  setMaxListeners(0, ended.signal);
  const calamities = new Calamities(
    server,
    admin,
    desks.map(({ line }) => line),
  );
  const samples: ProcessFigures[] = [];
  load.start();
  const running = [
    calamities.befall(FREQUENCIES, dice.split(), ended.signal),
    ...Array.from({ length: 6 }, () => repeat(ended.signal, dice.split(), (own) => play(stage, own))),
    ...Array.from({ length: 2 }, () => repeat(ended.signal, dice.split(), tokenUser(desks, calls))),
    ...Array.from({ length: 2 }, () =>
      repeat(ended.signal, dice.split(), (own) => visit(visitDesks(desks), own, calls)),
    ),
    repeat(ended.signal, dice.split(), (own) => hastenAny(books, own)),
    repeat(ended.signal, dice.split(), () => look(books), 3000),
    sample(other, samples),
  ];
  await Promise.race([wait(DURATION), Promise.all(running)]);
  ended.abort();
  await settled([...running, load.stop()], books);
  const last = await other.end();

  await look(books);
  let unknown = 0;
  try {
    await auditSessions(ledger, desks[0]?.store as Desk["store"]);
    unknown = await drain(rig, books);
  } catch (error) {
    // With the server in peace no verb has a reason to fail; and what was found before must be told, too.
    books.broken.push(`after the soak: ${String(error)}`);
  }
  const { after, leaks } = await censusAfter(rig, before);
  books.broken.push(...leaks);
  judgeProcess(books.broken, first, samples, last);

  const { counts, outage, recovery } = calamities;
  const heap = heapTrend(samples, last);
  return {
    servers: rig.servers,
    times: Object.values(counts).reduce((sum, count) => sum + count) + stage.hastened.size,
    operations: load.calls + calls.operations + last.calls,
    errors: sum(load.errors, calls.errors, last.errors),
    broken: [...ledger.broken, ...calls.broken, ...last.broken, ...books.broken],
    ...{ outage, recovery },
    further: {
      "server killed": counts.serverKilled,
      "connections killed": counts.connectionKilled,
      "script cache flushed": counts.scriptsForgotten,
      "TTLs cut short": stage.hastened.size,
      "sessions at the start": sessions,
      "calls of the other process": last.calls,
      "slowest call": `${(calls.slowest / 1000).toFixed(1)} s`,
      "heap, second and last tenth": `${megabytes(heap.early)}, ${megabytes(heap.late)}`,
      "Redis before, full, after": [before.memory, filled, after.memory].map(megabytes).join(", "),
      "sessions that nobody knew of": unknown,
      "keys left": after.keys,
    },
  };
}

/** Waits for all that is under way. A call that does not settle breaks P8, and there is nobody left to tell of it. */
async function settled(running: readonly Promise<unknown>[], { broken, calls }: Books): Promise<void> {
  const patience = new AbortController();
  const hung = wait(PATIENCE, "hung" as const, { signal: patience.signal }).catch(() => null);
  const outcome = await Promise.race([Promise.all(running), hung]);
  patience.abort();
  if (outcome === "hung") broken.push(`${calls.pending} calls have not settled after ${PATIENCE} ms (P8)`);
}

/** Does something again and again until the soak is over. */
async function repeat(
  ended: AbortSignal,
  dice: Dice,
  work: (dice: Dice) => Promise<unknown>,
  pause = 5,
): Promise<void> {
  while (!ended.aborted) {
    await work(dice);
    await wait(pause, undefined, { signal: ended }).catch(() => {});
  }
}

const visitDesks = (desks: readonly Desk[]) => desks.map(({ visits }) => visits);

/** Somebody who asks for one-time tokens, under another name whenever an older call might interfere. */
function tokenUser(desks: readonly Desk[], calls: Calls): (dice: Dice) => Promise<void> {
  let subject: string | undefined;
  return async (dice) => {
    subject ??= `subject ${dice.below(2 ** 32)}`;
    if (!(await useToken(desks, subject, dice, calls))) subject = undefined;
  };
}

/** Cuts the TTL of some session short: from now on its user may find it gone. */
async function hastenAny({ ledger, stage }: Books, dice: Dice): Promise<void> {
  const sessions = [...dice.pick(ledger.users).sessions.values()].filter(({ state }) => state === "live");
  if (sessions.length > 0) {
    const known = dice.pick(sessions);
    ledger.unsure(known);
    stage.hastened.add(known.id);
    await stage.admin.pexpire(stage.keys.session(known.id), dice.within(1, 2000));
  }
  await wait(100);
}

async function look({ broken, stage }: Books): Promise<void> {
  const { faults } = await lookAtKeys(stage.admin, stage.hastened);
  for (const what of faults) if (broken.length < MOST) broken.push(what);
}

async function sample(other: Awaited<ReturnType<typeof startSoakProcess>>, samples: ProcessFigures[]): Promise<void> {
  const begun = performance.now();
  for (let count = 1; count <= SAMPLES; count++) {
    await wait(Math.max(0, begun + (count * DURATION) / SAMPLES - performance.now()));
    samples.push(await other.look());
  }
}

/**
 * Ends all that is left, by the store where there is somebody to end it, and else by waiting. Gives how many sessions nobody
 * knew of: guests whose creation got no answer, which have half an hour to live.
 */
async function drain({ admin, desks }: Rig, { broken, ledger, stage }: Books): Promise<number> {
  const { store } = desks[0] as Desk;
  // What calls without an answer have left to be sent is sent before anything is ended.
  while (desks.some(({ client }) => !isConnected(client) || queuedCommands([client]) > 0)) await wait(10);
  const users = [...ledger.users.map(({ id }) => id), ...stage.left];
  for (let at = 0; at < users.length; at += 100) {
    await Promise.all(
      users.slice(at, at + 100).map(async (userId) => {
        await store.unblockUser(userId);
        await store.revokeAllForUser(userId);
      }),
    );
  }
  await wait(VISIT_TTL + 1000);
  let unknown = 0;
  for (const key of await admin.keys("*")) {
    const left = await admin.pttl(key);
    const kind = kindOf(key);
    const isUnknown = kind === "s" && (await admin.hexists(key, "u")) === 0;
    const longest = isUnknown ? 30 * 60_000 : LIFETIMES[kind];
    if (isUnknown) unknown++;
    if (longest === undefined || left === -1 || left > longest) {
      if (broken.length < MOST) broken.push(`${key} is left, for ${left} ms more`);
    }
    // Nobody is going to wait for an hour: what the clock is to remove is removed by an hour that passes in a ms.
    await admin.pexpire(key, 1);
  }
  // Redis counts them until it has come round to them.
  for (let tries = 0; tries < 100 && (await admin.dbsize()) > 0; tries++) await wait(100);
  return unknown;
}

/**
 * What outlives the soak, and for how long, ms: one-time tokens whose user had no answer, what was issued to a subject, what
 * log-ins, replies and updates of many sessions leave for a while, and the index of visits.
 */
const LIFETIMES: Readonly<Record<string, number>> = {
  ...{ o: 10 * 60_000, i: 60 * 60_000, e: 10_000, m: 10_000, n: 60_000 },
  coatcheck: VISIT_TTL + 60_000,
};

function sum(...counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((one) => Object.entries(one))) total[name] = (total[name] ?? 0) + count;
  return total;
}
