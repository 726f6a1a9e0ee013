/**
 * One fault of a network, in front of clients that do not know of it: each has a proxy, a store, a load and a ledger of its
 * own, and all of them suffer at the same time. It knows what a fault does to a proxy only as `begin` and `end`.
 */
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster, Redis } from "ioredis";
import { createSessionStore, type RedisClient, type SessionStore } from "../../../src/index.js";
import { portOf } from "../../../src/redis/clients/supported.js";
import { afterFile, uniquePrefix } from "../../harness/fixtures.js";
import type { TcpProxy } from "../../harness/tcp-proxy.js";
import { audit } from "../audit.js";
import { FULL, faultsAtOnce, type Outcome } from "../fault.js";
import { Lag } from "../lag.js";
import { Ledger } from "../ledger.js";
import { type Load, prepareLoad } from "../load.js";
import type { NetworkFault } from "./network-faults.js";
import { startSettling } from "./settling.js";

/** The deadline of the stores, ms: shorter than the default, so that an outage is long beside it. */
export const TIMEOUT = 400;

/** The deadline of a store that waits for more than a busy machine, ms. */
export const PATIENT = 20_000;

/** A client of an application, and the network between it and its servers. */
export interface Site {
  /** In the words of the report. */
  readonly servers: string;
  readonly client: RedisClient;
  /** Ends the client. May be called again. */
  close(): void;
  /**
   * Whether the client gives a connection up from which it hears nothing, also while it goes on writing to it. node-redis does
   * not (docs/clients.md): the system has to.
   */
  readonly minds: boolean;
  /** One for each server. */
  readonly proxies: readonly TcpProxy[];
  /** Reads what is left, past the proxies. */
  readonly observer: Redis | Cluster;
}

/** A row for each client. They suffer together. */
export function networkFault(
  clients: readonly { readonly name: string; open(): Promise<Site> }[],
  newFault: () => NetworkFault,
): void {
  const rows = clients.map((client) => ({
    name: `${newFault().name} (${client.name})`,
    inject: async () => suffer(await client.open(), newFault()),
  }));
  faultsAtOnce("Networks", 300_000, rows);
}

/** Lets a site suffer a fault under load, and waits until it has recovered by itself. */
async function suffer(site: Site, network: NetworkFault): Promise<Outcome> {
  const { client, proxies, observer, minds } = site;
  const prefix = uniquePrefix();
  const store = createSessionStore(client, { prefix, timeout: TIMEOUT, touchInterval: 0 });
  const direct = createSessionStore(observer, { prefix, timeout: PATIENT });
  const ledger = new Ledger();
  const { tally } = portOf("", client);
  const load = prepareLoad({
    ...{ ledger, stores: [store], users: 60, perSecond: 200, timeout: TIMEOUT },
    losses: () => tally.losses,
    ...(network.weights === undefined ? {} : { weights: network.weights }),
  });
  const lasting = await direct.create({ userId: "stays" });
  const settling = startSettling(store, { timeout: TIMEOUT, every: 500, ledger, token: lasting.token });
  try {
    load.start();
    await sleep(1000);
    await network.begin(proxies);
    await sleep(network.lasts);
    await network.end(proxies);
    if (network.isSilent === true && !minds) for (const proxy of proxies) proxy.reset();
    const ended = performance.now();
    await recovered(load, direct, ledger);
    await Promise.all([load.stop(), settling.stop()]);
    await expectAnswers(store, ledger);
    await audit(ledger, direct, observer, prefix);

    if (settling.calls !== settling.settled) ledger.accuse("P8", "not every call settled");
    const errors = sum(load.errors, settling.errors);
    // To be refused, because one is blocked, is an answer.
    delete errors["USER_BLOCKED"];
    return {
      ...{ servers: site.servers, times: 1, errors, broken: ledger.broken },
      operations: load.calls + settling.calls,
      outage: settling.outage,
      recovery: settling.recovery(ended),
      further: { "settled after the deadline at most": `${Math.ceil(settling.latest)} ms`, ...network.further?.() },
    };
  } finally {
    await Promise.all([load.stop(), settling.stop()]);
    site.close();
  }
}

function sum(...counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [code, count] of counts.flatMap((one) => Object.entries(one))) total[code] = (total[code] ?? 0) + count;
  return total;
}

/** By when a client has recovered, ms. */
const RECOVERY = 20_000;

/**
 * Waits until no call has failed for a second. Whoever still has failures after a time is not blamed for those of a second in
 * which the way past the fault was slow, too: then only `expectAnswers` tells whether the client works again.
 */
async function recovered(load: Load, direct: SessionStore, ledger: Ledger): Promise<void> {
  const begun = performance.now();
  const lag = new Lag();
  for (let guilty = 0; performance.now() - begun < 3 * RECOVERY; ) {
    const failures = load.errors["STORE_UNAVAILABLE"];
    const [stolen, slowest] = [lag.stolen, await slowestOf(direct, FULL ? 1500 : 1000)];
    if (load.errors["STORE_UNAVAILABLE"] === failures) break;
    const isSlow = lag.stolen - stolen > TIMEOUT / 4 || slowest > TIMEOUT / 4;
    guilty = isSlow ? 0 : guilty + 1;
    // What fails now may have begun in a second that was slow.
    if (guilty > 1 && performance.now() - begun > RECOVERY) {
      ledger.accuse("P8", "calls still fail 20 s after the end of the fault");
      break;
    }
  }
  lag.stop();
}

/** Asks for users on every server until each is answered, through a client that has nothing else to do any more. */
async function expectAnswers(store: SessionStore, ledger: Ledger): Promise<void> {
  const end = performance.now() + 3 * RECOVERY;
  const ask = async (userId: string): Promise<void> => {
    for (;;) {
      try {
        await store.listForUser(userId);
        return;
      } catch (error) {
        if (performance.now() < end) await sleep(100);
        else return ledger.accuse("P8", `the client has not recovered a minute after the fault: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 30 }, (_, at) => ask(`waits ${at}`)));
}

/** How long the slowest of some lookups took over so many ms, ms. */
async function slowestOf(store: SessionStore, duration: number): Promise<number> {
  let slowest = 0;
  for (const end = performance.now() + duration; performance.now() < end; await sleep(50)) {
    const begun = performance.now();
    await Promise.all([0, 1, 2, 3, 4, 5].map((at) => store.getBlock(`waits ${at}`)));
    slowest = Math.max(slowest, performance.now() - begun);
  }
  return slowest;
}

export type ClientName = "ioredis" | "ioredis6" | "iovalkey" | "redis" | "redis5";

/** How the report calls the packages. */
const PACKAGES: Readonly<Record<ClientName, string>> = {
  ...{ ioredis: "ioredis", ioredis6: "ioredis", iovalkey: "iovalkey", redis: "node-redis", redis5: "node-redis" },
};

/** A server and a client in the words of the report. */
export function titleOf(server: string, client: ClientName): string {
  const { version } = createRequire(import.meta.url)(`${client}/package.json`) as { version: string };
  return `${server.replace(" server v=", " ")}; ${PACKAGES[client]} ${version}`;
}

/** Closes proxies after the file. */
export function closeAfterFile(proxies: readonly TcpProxy[]): void {
  for (const proxy of proxies) afterFile(() => proxy.close());
}
