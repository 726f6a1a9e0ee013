/**
 * Random histories of two near stores whose connections stop and go on at random, judged by a model: an answer is from no
 * earlier than the last change that was acknowledged a lease before it, and in the process that made the change from no earlier
 * than the change. A failure prints its seed: `COATCHECK_SEED` runs that again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { createSessionStore, type SessionStore } from "../../../src/index.js";
import { Dice, seedOfRun } from "../../harness/dice.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy, type TcpProxy } from "../../harness/tcp-proxy.js";

const LEASE = 300;
const DURATION = 12_000;
const SESSIONS = 8;

const server = await startRedisServer();
afterFile(() => server.stop());

interface Process {
  readonly store: SessionStore;
  readonly ways: readonly TcpProxy[];
}

/** A store that serves, with a proxy on each of its two connections. */
async function startProcess(prefix: string): Promise<Process> {
  const ways = [await startProxy(server.port), await startProxy(server.port)] as const;
  for (const way of ways) afterFile(() => way.close());
  const subscriber = connect({ port: ways[1].port, autoResubscribe: false, retryStrategy: () => 20 });
  const data = connect({ port: ways[0].port, retryStrategy: () => 20 });
  const store: SessionStore = createSessionStore(data, {
    prefix,
    timeout: 2000,
    // A slide behind a hit would bring what a push that is held has not.
    touchInterval: 60_000,
    near: { lease: LEASE, subscriber },
  });
  afterFile(() => store.close());
  store.peek("");
  await vi.waitFor(() => expect(store.near.state).toBe("serving"), { timeout: 15_000 });
  return { store, ways };
}

/** A change that was acknowledged. `version` is what the claim is from then on; `Infinity` means that the session has ended. */
interface Change {
  readonly version: number;
  readonly at: number;
  readonly by: SessionStore;
}

/** One session, and all of its changes. Only one at a time is under way, so that their order is known. */
class Subject {
  readonly token: string;
  readonly id: string;
  readonly changes: Change[] = [];
  /** What was sent last; it may have been made, or not. */
  sent = 0;
  isBusy = false;

  constructor(token: string) {
    this.token = token;
    this.id = token.slice(0, 26);
  }

  get hasEnded(): boolean {
    return this.sent === Number.POSITIVE_INFINITY;
  }

  /** The oldest version that an answer of a store may have whose call began at an instant. */
  oldest(store: SessionStore, at: number): number {
    const known = this.changes.filter((change) => change.at <= (change.by === store ? at : at - LEASE));
    return Math.max(0, ...known.map(({ version }) => version));
  }
}

it("answers from no earlier than a lease, whatever stops", { timeout: 120_000 }, async () => {
  const seed = seedOfRun();
  const dice = new Dice(seed);
  const prefix = uniquePrefix();
  const processes = [await startProcess(prefix), await startProcess(prefix)];
  const plain: SessionStore = createSessionStore(connect({ port: server.port }), { prefix });
  const writers = [...processes.map(({ store }) => store), plain];
  const newSubject = async () => new Subject((await plain.create({ userId: "ada", claims: { version: 0 } })).token);
  const subjects = await Promise.all(Array.from({ length: SESSIONS }, newSubject));
  let [answers, fromMemory, changes] = [0, 0, 0];
  const end = performance.now() + DURATION;
  const isOver = () => performance.now() > end;
  const pick = <T>(from: readonly T[]): T => from[dice.below(from.length)] as T;

  /** Judges an answer; `undefined` is none. */
  const judge = (store: SessionStore, subject: Subject, begun: number, found: unknown) => {
    const claims = (found as { claims?: { version?: number } } | null)?.claims;
    answers++;
    const version = claims === undefined ? Number.POSITIVE_INFINITY : Number(claims.version);
    const oldest = subject.oldest(store, begun);
    if (version < oldest) {
      const ago = subject.changes.map(({ at, version }) => `${version}: ${Math.round(begun - at)} ms ago`).join(", ");
      throw new Error(`Seed ${seed}: an answer has version ${version}, and should have at least ${oldest} (${ago}).`);
    }
  };

  const reader = async (at: number) => {
    const { store } = processes[at % 2] as Process;
    while (!isOver()) {
      const subject = pick(subjects);
      const begun = performance.now();
      const peeked = store.peek(subject.token);
      if (peeked !== undefined) {
        fromMemory++;
        judge(store, subject, begun, peeked);
      } else {
        const found = await store.touch(subject.token).catch(() => undefined);
        if (found !== undefined) judge(store, subject, begun, found);
      }
      if (dice.chance(0.3)) await sleep(dice.below(4));
      else await new Promise((resolve) => setImmediate(resolve));
    }
  };

  const writer = async () => {
    while (!isOver()) {
      const at = dice.below(subjects.length);
      const subject = subjects[at] as Subject;
      await sleep(dice.below(30));
      if (subject.isBusy) continue;
      subject.isBusy = true;
      const by = pick(writers);
      const target = dice.chance(0.5) ? subject.token : subject.id;
      if (dice.chance(0.15)) subject.sent = Number.POSITIVE_INFINITY;
      else subject.sent++;
      const version = subject.sent;
      const call = subject.hasEnded
        ? dice.chance(0.5)
          ? by.revoke(target)
          : by.rotate(subject.token)
        : by.updateClaims(target, { version });
      const isAcknowledged = await call.then(
        () => true,
        () => false,
      );
      if (isAcknowledged) {
        subject.changes.push({ version, at: performance.now(), by });
        changes++;
      }
      // What ended, or may have, makes room for a new one; it is still looked at for a while.
      if (subject.hasEnded && isAcknowledged) {
        const next = await newSubject();
        setTimeout(() => {
          subjects[at] = next;
        }, 2 * LEASE);
      } else {
        subject.isBusy = false;
      }
    }
  };

  const stopper = async () => {
    while (!isOver()) {
      await sleep(dice.within(50, 400));
      const way = pick(pick(processes).ways);
      const direction = dice.chance(0.5) ? "up" : "down";
      if (dice.chance(0.2)) {
        way.reset();
        continue;
      }
      way.hold(direction);
      await sleep(dice.within(0, 2 * LEASE));
      way.release(direction);
    }
  };

  const work = [0, 1, 2, 3].map(reader).concat([writer(), writer(), writer()], [stopper(), stopper()]);
  await Promise.all(work);
  const served = processes.map(({ store }) => store.near.stats);
  console.log(
    `The model judged ${answers} answers, ${fromMemory} of them from memory, after ${changes} changes;`,
    `${served.map(({ lapses }) => lapses).join(" and ")} lapses, seed ${seed}.`,
  );
  // Otherwise nothing was put to the test.
  expect(fromMemory).toBeGreaterThan(1000);
  expect(changes).toBeGreaterThan(50);
  for (const { lapses, flushes } of served) expect(lapses + flushes).toBeGreaterThan(2);
});
