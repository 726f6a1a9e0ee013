/**
 * One fault in front of a process with near caches, one on each client: sessions that it has in its memory are revoked meanwhile
 * by another process, and both note when, by one clock. It knows what a fault does only as `begin` and `end`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { SessionStore } from "../../../src/index.js";
import { afterFile, uniquePrefix } from "../../harness/fixtures.js";
import { FULL, fault, type Outcome } from "../fault.js";
import { NODE_REDIS } from "../node-redis.js";
import { instant } from "./instant.js";
import type { History } from "./prober.js";
import type { Connections } from "./prober-clients.js";
import type { Prober } from "./prober-process.js";
import { type Revoked, Service } from "./service.js";

/** The default, ms. */
export const LEASE = 1000;

/** How often each fault is injected: where its beginning falls between two beats is left to chance. */
export const TIMES = FULL ? 6 : 1;

/** How long a fault lasts, ms: longer than a lease. */
export const LASTS = FULL ? 3000 : 1600;

/** How many sessions of each site are revoked during a fault. */
const REVOCATIONS = FULL ? 8 : 4;

/** The deadline of a store that waits for servers that are frozen, and for a busy machine, ms. */
export const PATIENT = 60_000;

/** The clients that the near caches are on. All of them suffer each fault at the same time. */
export const CLIENTS = [
  { name: "ioredis 5", module: "ioredis" },
  { name: NODE_REDIS[6].name, module: NODE_REDIS[6].module },
  { name: NODE_REDIS[5].name, module: NODE_REDIS[5].module },
] as const;

export type Client = (typeof CLIENTS)[number];

/** A near cache, and what it is connected to. */
export interface Site {
  readonly servers: string;
  readonly prober: Prober;
  readonly prefix: string;
  /** Of another process: makes the sessions, and revokes them, on another server if it has to. */
  readonly store: () => SessionStore;
}

/** Revokes one session of each site. Resolves when all of that is acknowledged. */
export type Revocation = () => Promise<void>;

export interface NearFault {
  readonly times: number;
  /** What has to be done before, such as letting a replica catch up. */
  prepare?(): unknown;
  begin(): unknown;
  /** How long it lasts, ms. Default: {@link LASTS}. */
  readonly lasts?: number;
  /** Begins to revoke the sessions. By default the first at once and the others at regular intervals, for as long as the fault lasts. */
  during?(revocations: readonly Revocation[]): Promise<readonly Promise<void>[]>;
  end(): unknown;
  /** Whether no beat comes back while it lasts: then memory answers for no longer than a lease, whether or not anybody revokes. */
  readonly isDeaf?: boolean;
  /** Whether an old master answers lookups: then only what memory answers is judged. */
  readonly hasOldMaster?: boolean;
}

/** Opens a store with near in a prober, until the end of the file. Gives its prefix. */
export async function openNear(prober: Prober, connections: Connections): Promise<string> {
  const prefix = uniquePrefix();
  await prober.order({ kind: "open", prefix, lease: LEASE, connections });
  afterFile(() => prober.order({ kind: "close", prefix }));
  return prefix;
}

/** A fault by its name in the report, and what opens the sites that suffer it, one for each client. */
export type NamedFault = readonly [name: string, open: () => Promise<readonly [readonly Site[], NearFault]>];

/**
 * A row of the report for each fault and client. They are suffered together, which takes no longer than one alone: no fault
 * concerns the sites of another.
 */
export function nearFaults(named: readonly NamedFault[]): void {
  let all: Promise<PromiseSettledResult<Outcome[]>[]> | undefined;
  for (const [at, [name]] of named.entries()) {
    for (const [which, client] of CLIENTS.entries()) {
      fault("Near cache", `${name} (${client.name})`, 300_000, async () => {
        all ??= Promise.allSettled(named.map(([, open]) => sufferAll(open)));
        const outcomes = (await all)[at] as PromiseSettledResult<Outcome[]>;
        if (outcomes.status === "rejected") throw outcomes.reason;
        return outcomes.value[which] as Outcome;
      });
    }
  }
}

/** A fault that stops more than its own sites. */
export function nearFault(...named: NamedFault): void {
  nearFaults([named]);
}

async function sufferAll(open: NamedFault[1]): Promise<Outcome[]> {
  const [sites, injected] = await open();
  const judged = sites.map((site) => ({ site, service: new Service(LEASE, injected.hasOldMaster) }));
  for (let time = 0; time < injected.times; time++) await suffer(judged, injected);
  return judged.map(({ site: { servers }, service }) => {
    const { times, operations, errors, broken, outage, recovery, longest } = service;
    return { servers, times, operations, errors, broken, outage, recovery, stale: longest, further: service.further() };
  });
}

/** Begins with one revocation after the other, over so many ms. */
export async function spread(revocations: readonly Revocation[], lasts: number): Promise<Promise<void>[]> {
  const begun: Promise<void>[] = [];
  for (const revoke of revocations) {
    begun.push(revoke());
    await sleep(lasts / revocations.length);
  }
  return begun;
}

/** A site, and the judge of what it was served. */
interface Judged {
  readonly site: Site;
  readonly service: Service;
}

async function suffer(judged: readonly Judged[], injected: NearFault): Promise<void> {
  const users = await Promise.all(judged.map(({ site }) => begin(site)));
  await injected.prepare?.();
  await Promise.all(users.map((user) => user.watch()));

  const begun = instant();
  await injected.begin();
  const from = instant();
  const revocations = Array.from({ length: REVOCATIONS }, (_, at) => async () => {
    await Promise.all(users.map((user) => user.revoke(at)));
  });
  // While the server is frozen none of them comes.
  const acknowledgements = await (injected.during?.(revocations) ?? spread(revocations, injected.lasts ?? LASTS));
  const deaf = injected.isDeaf === true ? { from, to: instant() } : null;
  await injected.end();
  const ended = instant();
  await Promise.all(acknowledgements);
  await Promise.all(users.map((user) => user.awaitMemory()));
  // Whatever is served for too long is served by now.
  await sleep(1.5 * LEASE);
  for (const [at, { service }] of judged.entries()) {
    const histories = await (users[at] as UserOfSite).histories();
    service.add({ begun, deaf, ended, ...histories });
  }
}

type UserOfSite = Awaited<ReturnType<typeof begin>>;

/** Sessions of one user of a site: one that stays, and others that are to be revoked. */
async function begin({ prober, prefix, store }: Site) {
  const made = await Promise.all(Array.from({ length: REVOCATIONS + 1 }, () => store().create({ userId: "ada" })));
  const tokens = made.map(({ token }) => token);
  const [lasting, ...doomed] = tokens as [string, ...string[]];
  const acknowledged = new Map<string, number>();
  return {
    watch: () => prober.order({ kind: "watch", prefix, tokens }),
    async revoke(at: number): Promise<void> {
      const token = doomed[at] as string;
      if (!(await store().revoke(token))) throw new Error("There was no session to be revoked.");
      acknowledged.set(token, instant());
    },
    awaitMemory: () => prober.order({ kind: "await", prefix, tokens: [lasting] }),
    async histories(): Promise<{ readonly lasting: History; readonly revoked: Revoked[] }> {
      const [first, ...rest] = (await prober.order({ kind: "histories", prefix, tokens })) as [History, ...History[]];
      const instantOf = (at: number) => acknowledged.get(doomed[at] ?? "") ?? null;
      return { lasting: first, revoked: rest.map((one, at) => ({ ...one, acknowledged: instantOf(at) })) };
    },
  };
}
