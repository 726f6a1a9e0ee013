/**
 * One master after another fails under a running load, in front of clients of ioredis and node-redis. All of them carry the same
 * load, so what one has revoked is looked up through the others. What a topology must be able to do is said here; cluster.test.ts
 * and sentinel.test.ts do it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster, Redis } from "ioredis";
import { createSessionStore, type RedisClient, type SessionStore } from "../../../src/index.js";
import { portOf } from "../../../src/redis/clients/supported.js";
import { uniquePrefix } from "../../harness/fixtures.js";
import type { RedisServer } from "../../harness/redis-server.js";
import { audit, sweep } from "../audit.js";
import type { Outcome } from "../fault.js";
import { Ledger } from "../ledger.js";
import { prepareLoad } from "../load.js";
import { type Loss, UNCONFIRMED } from "../loss-windows.js";
import type { Known } from "../user.js";
import { Measurements } from "./measurements.js";
import { Probe } from "./probe.js";

export interface Node extends RedisServer {
  readonly admin: Redis;
}

/** The servers, and how they fail over. */
export interface Topology {
  /** In the words of the report. */
  readonly label: string;
  /** Reads what is left, and follows a failover by itself. */
  readonly observer: Redis | Cluster;
  /** The master that fails next, and its replicas. */
  victim(round: number): Promise<{ readonly master: Node; readonly replicas: readonly Node[] }>;
  /** Whether a user's keys are on the master that fails next. */
  concerns(userId: string, prefix: string, round: number): boolean;
  /** Waits until another node has taken the place of this one, and gives it. */
  failedOver(from: Node, replicas: readonly Node[]): Promise<Node>;
  /** Brings a killed node back as a replica. */
  rejoin(node: Node): Promise<void>;
  /** Waits until all nodes that run agree, and every replica has caught up. */
  settle(): Promise<void>;
}

/** A client of an application, and how the report calls it. */
export interface Client {
  readonly name: string;
  open(): Promise<Opened>;
}

export interface Opened {
  readonly client: RedisClient;
  close(): void;
}

/** What stops replicating before the master fails, and for how long, ms. */
export interface Hold {
  readonly ms: number;
  readonly replicas: "all" | "one" | "none";
}

export interface Failing {
  readonly how: "kill" | "freeze";
  readonly times: number;
  /** How many replicas a revocation waits for; none by default. */
  readonly confirmedBy?: number;
  /** In turn. */
  readonly held: readonly Hold[];
  readonly clients: readonly Client[];
  /** Further clients, which only look: what a master that was frozen tells them is measured, and is no broken promise. */
  readonly bystanders?: readonly Client[];
  /** Makes a replica that is held the one that is promoted. With too few confirmations revocations may then be lost. */
  readonly favour?: (replica: Node) => Promise<unknown>;
  /** Whether acknowledged revocations may come back: then they are counted, and break no promise. */
  readonly isRisky: boolean;
  /** How long after the failover a frozen master is woken, ms. Default: 1500, by when its clients have left it. */
  readonly wokenAfter?: number;
}

const TIMEOUT = 1000;
/** How long a revocation waits for its replicas, ms. */
const REPLICAS_TIMEOUT = 400;
/** How long is waited for what a failover does not disturb, on however busy a machine, ms; and half as long as for the clients after it. */
const PATIENT = 30_000;
const BACK = "acknowledged revocations that came back";

/** Lets masters fail, one after another. */
export async function failOver(topology: Topology, failing: Failing): Promise<Outcome> {
  const { times, confirmedBy, clients, bystanders = [] } = failing;
  const opened: Opened[] = [];
  try {
    for (const client of [...clients, ...bystanders]) opened.push(await client.open());
    const prefix = uniquePrefix();
    const replicas = confirmedBy === undefined ? {} : { replicas: { count: confirmedBy, timeout: REPLICAS_TIMEOUT } };
    const options = { prefix, timeout: TIMEOUT, ...replicas };
    const stores = opened.map(({ client }) => createSessionStore(client, options));
    const tallies = new Map(opened.map(({ client }, at) => [stores[at], portOf("", client).tally]));
    const ledger = new Ledger();
    const load = prepareLoad({
      ...{ ledger, stores: stores.slice(0, clients.length), users: 40, perSecond: 400 },
      ...{ timeout: TIMEOUT, replicasTimeout: REPLICAS_TIMEOUT },
      losses: (store) => tallies.get(store)?.losses ?? Number.NaN,
      // Revocations are what this is about.
      weights: { revoke: 20, revokeOthers: 4, tryDead: 24 },
    });
    load.start();
    const measured = new Measurements([...clients, ...bystanders], clients.length);
    for (let round = 0; round < times; round++) {
      await sleep(1500);
      await fail({ topology, failing, ledger, stores, prefix, measured, round });
    }
    await load.stop();
    await audit(ledger, createSessionStore(topology.observer, { prefix, timeout: PATIENT }), topology.observer, prefix);
    return {
      servers: `${topology.label.replace(" server v=", " ")}; ${clients.map(({ name }) => name).join(", ")}`,
      ...{ times, operations: load.calls + measured.calls, errors: load.errors, broken: ledger.broken },
      ...{ outage: measured.outage, recovery: measured.recovery, further: measured.further(ledger) },
    };
  } finally {
    for (const { close } of opened) close();
  }
}

interface Round {
  readonly topology: Topology;
  readonly failing: Failing;
  readonly ledger: Ledger;
  readonly stores: readonly SessionStore[];
  readonly prefix: string;
  readonly measured: Measurements;
  readonly round: number;
}

/** One master fails and another takes its place, and what was the first comes back as a replica. */
async function fail(context: Round): Promise<void> {
  const { topology, failing, ledger, stores, prefix, measured, round } = context;
  const { how, clients, held, favour, isRisky, wokenAfter = 1500 } = failing;
  const hold = held[round % held.length] as Hold;
  const { master, replicas } = await topology.victim(round);
  const concerned = (userId: string) => topology.concerns(userId, prefix, round);
  const direct = createSessionStore(topology.observer, { prefix, timeout: PATIENT });
  const own = await makeOwn(direct, concerned);
  const probes = stores.map((store) => new Probe(store, own.lasting, 50));

  const safe = performance.now();
  await caughtUp(master, replicas);
  const losable: readonly Loss[] = isRisky ? [...UNCONFIRMED, "revocation"] : UNCONFIRMED;
  const window = ledger.mayLose(losable, safe);
  const lagging = replicas.slice(0, { none: 0, one: 1, all: replicas.length }[hold.replicas]);
  for (const replica of lagging) await favour?.(replica);
  await stopReplication(master, lagging, replicas);
  const holding = performance.now();
  await sleep(hold.ms);
  const failed = performance.now();
  if (how === "kill") await master.kill();
  else master.freeze();
  for (const replica of lagging) replica.thaw();
  // A session that was made meanwhile is lost with its revocation, and comes back from nowhere.
  const isRecent = ({ died, born }: Known) => died?.by === "revocation" && died.begun > holding && born.ended < holding;
  const acknowledged = ledger.users.flatMap(({ id, dead }) => (concerned(id) ? dead.filter(isRecent) : [])).length;
  const before = ledger.further[BACK] ?? 0;

  const promoted = await topology.failedOver(master, replicas);
  const over = performance.now();
  // On the new master this session is gone for good, whatever the old one may say of it.
  await createSessionStore(promoted.admin, { prefix, timeout: PATIENT }).revoke(own.revoked);
  const witnesses = stores.map((store) => new Probe(store, own.revoked, 20));
  // By when a frozen master wakes, its clients have to have left it.
  const loaded = wokenAfter === 0 ? [] : probes.slice(0, clients.length);
  const isBehind = (probe: Probe) => !probe.answeredSince(over);
  while (loaded.some(isBehind) && performance.now() - over < 2 * PATIENT) await sleep(20);
  for (const [at, probe] of loaded.entries()) {
    if (isBehind(probe)) ledger.accuse("P8", `${clients[at]?.name} has not found the new master in a minute`);
  }
  await sleep(wokenAfter);
  const back = performance.now();
  if (how === "kill") await topology.rejoin(master);
  else master.thaw();
  await topology.settle();
  const settled = performance.now();
  await sleep(500);
  await topology.settle();
  window.close();
  await sweep(ledger, direct);

  await Promise.all([...probes, ...witnesses].map((probe) => probe.stop()));
  measured.fault({ failed, over, back: how === "freeze" ? back : null, settled });
  measured.clients(probes, witnesses);
  measured.revocations(hold, acknowledged, (ledger.further[BACK] ?? 0) - before);
  for (const [at, probe] of probes.entries()) {
    const wrong = probe.count("dead") + probe.count("wrong");
    if (wrong > 0) ledger.accuse("P8", `${wrong} lookups of a live session did not find it`);
    const stale = witnesses[at]?.count("live") ?? 0;
    if (at < clients.length && stale > 0 && !isRisky) {
      ledger.accuse("P1", `${clients[at]?.name} found a session ${stale} times that was revoked after the failover`);
    }
  }
}

/** Breaks replication off. What was sent to a frozen replica waits in its socket; only what is never sent is lost. */
async function stopReplication(master: Node, lagging: readonly Node[], replicas: readonly Node[]): Promise<void> {
  if (lagging.length === 0) return;
  for (const replica of lagging) replica.freeze();
  await master.admin.client("KILL", "TYPE", "replica");
  // The others are back at once.
  const others = replicas.filter((replica) => !lagging.includes(replica));
  const isBack = async ({ port }: Node) =>
    (await master.admin.info("replication")).includes(`port=${port},state=online`);
  for (const replica of others) while (!(await isBack(replica))) await sleep(5);
}

/** Two sessions on the master that is to fail: one that lasts, and one that is to be revoked after the failover. */
async function makeOwn(store: SessionStore, concerned: (userId: string) => boolean) {
  const make = async (name: string) => {
    let at = 0;
    while (!concerned(`${name} ${at}`)) at++;
    const { token } = await store.create({ userId: `${name} ${at}` });
    return token;
  };
  return { lasting: await make("lasting"), revoked: await make("revoked") };
}

/** Waits until replicas have all that their master has written until now. */
async function caughtUp(master: Node, replicas: readonly Node[]): Promise<void> {
  const offset = async ({ admin }: Node, field: string) =>
    Number(new RegExp(`${field}:(\\d+)`).exec(await admin.info("replication"))?.[1]);
  const written = await offset(master, "master_repl_offset");
  for (const replica of replicas) while ((await offset(replica, "slave_repl_offset")) < written) await sleep(5);
}
