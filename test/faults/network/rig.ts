/**
 * One fault of a network, in front of clients that do not know of it: each has a proxy, a store, a load and a ledger of its
 * own, and all of them suffer at the same time. It knows what a fault does to a proxy only as `begin` and `end`.
 */
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster, Redis } from "ioredis";
import { createSessionStore } from "../../../src/index.js";
import { tallyLosses } from "../../../src/redis/losses.js";
import type { RedisClient } from "../../../src/redis/redis.js";
import { afterFile, uniquePrefix } from "../../harness/fixtures.js";
import type { TcpProxy } from "../../harness/tcp-proxy.js";
import { audit } from "../audit.js";
import { FULL, fault, type Outcome } from "../fault.js";
import { Ledger } from "../ledger.js";
import { type Load, prepareLoad } from "../load.js";
import { startSettling } from "./settling.js";

/** The deadline of the stores, ms: shorter than the default, so that an outage is long beside it. */
export const TIMEOUT = 400;

/** A client of an application, and the network between it and its servers. */
export interface Site {
  /** In the words of the report. */
  readonly servers: string;
  readonly client: RedisClient & { disconnect(): void };
  /** One for each server. */
  readonly proxies: readonly TcpProxy[];
  /** Reads what is left, past the proxies. */
  readonly observer: Redis | Cluster;
}

/** A fault that lasts. */
export interface NetworkFault {
  readonly name: string;
  /** For how long, ms. */
  readonly lasts: number;
  begin(proxies: readonly TcpProxy[]): unknown;
  end(proxies: readonly TcpProxy[]): unknown;
  /** What else was counted, for the report. */
  further?(): Record<string, number>;
}

/** The same for every proxy of a site. */
export function onEach(act: (proxy: TcpProxy) => unknown): NetworkFault["begin"] {
  return (proxies) => Promise.all(proxies.map(act));
}

/** How long a fault lasts, ms. */
export const LASTS = FULL ? 6000 : 2000;

/** A fault that begins and ends. */
export function lasting(
  name: string,
  begin: (proxy: TcpProxy) => unknown,
  end: (proxy: TcpProxy) => unknown,
): NetworkFault {
  return { name, lasts: LASTS, begin: onEach(begin), end: onEach(end) };
}

/** A fault that strikes again and again, one proxy after the other, until it is told to end. */
export function recurring(name: string, strike: (proxy: TcpProxy) => Promise<unknown>, counted: string): NetworkFault {
  let [strikes, over] = [0, false];
  let striking: Promise<unknown> | undefined;
  return {
    name,
    lasts: LASTS,
    begin(proxies) {
      striking = (async () => {
        for (; !over; strikes++) await strike(proxies[strikes % proxies.length] as TcpProxy);
      })();
    },
    end() {
      over = true;
      return striking;
    },
    further: () => ({ [counted]: strikes }),
  };
}

export const resetInMidReply = () =>
  lasting(
    "reset in mid-reply, after every 8 kB",
    (proxy) => proxy.hangUpAfter(8009),
    (proxy) => proxy.hangUpAfter(null),
  );

export const replyLost = () =>
  recurring(
    "reply lost after the script ran, again and again",
    async (proxy) => {
      await proxy.dropNextReply("evalsha");
      await sleep(150);
    },
    "replies lost",
  );

/** A row for each client. They suffer together, which takes no longer than one alone. */
export function networkFault(
  clients: readonly { readonly name: string; open(): Promise<Site> }[],
  newFault: () => NetworkFault,
): void {
  let all: Promise<PromiseSettledResult<Outcome>[]> | undefined;
  const { name } = newFault();
  for (const [at, client] of clients.entries()) {
    fault("Networks", `${name} (${client.name})`, 180_000, async () => {
      all ??= Promise.allSettled(clients.map(async ({ open }) => suffer(await open(), newFault())));
      const outcome = (await all)[at] as PromiseSettledResult<Outcome>;
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
  }
}

/** Lets a site suffer a fault under load, and waits until it has recovered by itself. */
async function suffer(site: Site, network: NetworkFault): Promise<Outcome> {
  const { client, proxies, observer } = site;
  const prefix = uniquePrefix();
  const store = createSessionStore(client, { prefix, timeout: TIMEOUT, touchInterval: 0 });
  const direct = createSessionStore(observer as unknown as RedisClient, { prefix });
  const ledger = new Ledger();
  const tally = tallyLosses(client);
  const load = prepareLoad({
    ...{ ledger, stores: [store], users: 60, perSecond: 200, timeout: TIMEOUT },
    losses: () => tally.losses,
  });
  const lasting = await direct.create({ userId: "stays" });
  const settling = startSettling(store, { timeout: TIMEOUT, every: 500, ledger, token: lasting.token });
  try {
    load.start();
    await sleep(1000);
    await network.begin(proxies);
    await sleep(network.lasts);
    await network.end(proxies);
    const ended = performance.now();
    await recovered(load, ended, ledger);
    await Promise.all([load.stop(), settling.stop()]);
    await audit(ledger, direct, observer, prefix);

    if (settling.calls !== settling.settled) ledger.accuse("P8", "not every call settled");
    const errors = sum(load.errors, settling.errors);
    // To be refused, because one is blocked, is an answer.
    delete errors["USER_BLOCKED"];
    const latest = "settled after the deadline, ms at most";
    return {
      ...{ servers: site.servers, times: 1, errors, broken: ledger.broken },
      operations: load.calls + settling.calls,
      outage: settling.outage,
      recovery: settling.recovery(ended),
      further: { [latest]: Math.ceil(settling.latest), ...network.further?.() },
    };
  } finally {
    await Promise.all([load.stop(), settling.stop()]);
    client.disconnect();
  }
}

function sum(...counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [code, count] of counts.flatMap((one) => Object.entries(one))) total[code] = (total[code] ?? 0) + count;
  return total;
}

/** Waits until no call has failed for a second. Whoever has not recovered after 20 seconds never will. */
async function recovered(load: Load, ended: number, ledger: Ledger): Promise<void> {
  for (;;) {
    const failures = load.errors["STORE_UNAVAILABLE"];
    await sleep(FULL ? 1500 : 1000);
    if (load.errors["STORE_UNAVAILABLE"] === failures) return;
    if (performance.now() - ended > 20_000) {
      ledger.accuse("P8", "calls still fail 20 s after the end of the fault");
      return;
    }
  }
}

export type ClientName = "ioredis" | "ioredis6" | "iovalkey";

/** A server and a client in the words of the report. */
export function titleOf(server: string, client: ClientName): string {
  const { version } = createRequire(import.meta.url)(`${client}/package.json`) as { version: string };
  return `${server.replace(" server v=", " ")}; ${client === "iovalkey" ? client : "ioredis"} ${version}`;
}

/** Closes proxies after the file. */
export function closeAfterFile(proxies: readonly TcpProxy[]): void {
  for (const proxy of proxies) afterFile(() => proxy.close());
}
