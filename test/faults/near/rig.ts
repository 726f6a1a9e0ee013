/**
 * One fault in front of a process with a near cache: sessions that it has in its memory are revoked meanwhile by another process,
 * and both note when, by one clock. It knows what a fault does only as `begin` and `end`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisOptions } from "ioredis";
import type { SessionStore } from "../../../src/index.js";
import { afterFile, uniquePrefix } from "../../harness/fixtures.js";
import { FULL, fault, type Outcome } from "../fault.js";
import { instant } from "./instant.js";
import type { History } from "./prober.js";
import type { Prober } from "./prober-process.js";
import { type Revoked, Service } from "./service.js";

/** The default, ms. */
export const LEASE = 1000;

/** How often each fault is injected: where its beginning falls between two beats is left to chance. */
export const TIMES = FULL ? 6 : 1;

/** How long a fault lasts, ms: longer than a lease. */
export const LASTS = FULL ? 3000 : 1600;

/** How many sessions are revoked during a fault. */
const REVOCATIONS = FULL ? 20 : 8;

/** The deadline of a store that waits for servers that are frozen, and for a busy machine, ms. */
export const PATIENT = 60_000;

/** A process with a near cache, and what it is connected to. */
export interface Site {
  readonly servers: string;
  readonly prober: Prober;
  readonly prefix: string;
  /** Of another process: makes the sessions, and revokes them, on another server if it has to. */
  readonly store: () => SessionStore;
}

/** Revokes one of the sessions. Resolves when that is acknowledged. */
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

/** How a prober is to be connected. */
interface Connections {
  readonly data: RedisOptions;
  readonly subscriber: RedisOptions;
}

/** Opens a store with near in a prober, until the end of the file. Gives its prefix. */
export async function openNear(prober: Prober, { data, subscriber }: Connections): Promise<string> {
  const prefix = uniquePrefix();
  await prober.order({ kind: "open", prefix, lease: LEASE, data, subscriber });
  afterFile(() => prober.order({ kind: "close", prefix }));
  return prefix;
}

/** A fault by its name in the report, and what opens the site that suffers it. */
export type NamedFault = readonly [name: string, open: () => Promise<readonly [Site, NearFault]>];

/** A row of the report for each fault. They are suffered together, which takes no longer than one alone: no site knows of the others. */
export function nearFaults(named: readonly NamedFault[]): void {
  let all: Promise<PromiseSettledResult<Outcome>[]> | undefined;
  for (const [at, [name]] of named.entries()) {
    fault("Near cache", name, 300_000, async () => {
      all ??= Promise.allSettled(named.map(([, open]) => sufferAll(open)));
      const outcome = (await all)[at] as PromiseSettledResult<Outcome>;
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
  }
}

/** A fault that stops more than its own site. */
export function nearFault(...named: NamedFault): void {
  nearFaults([named]);
}

async function sufferAll(open: NamedFault[1]): Promise<Outcome> {
  const [site, injected] = await open();
  const service = new Service(LEASE, injected.hasOldMaster);
  for (let time = 0; time < injected.times; time++) await suffer(site, injected, service);
  const { times, operations, errors, broken, outage, recovery, longest } = service;
  const further = service.further();
  return { servers: site.servers, times, operations, errors, broken, outage, recovery, stale: longest, further };
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

async function suffer({ prober, prefix, store }: Site, injected: NearFault, service: Service): Promise<void> {
  const made = await Promise.all(Array.from({ length: REVOCATIONS + 1 }, () => store().create({ userId: "ada" })));
  const tokens = made.map(({ token }) => token);
  const [lasting, ...doomed] = tokens as [string, ...string[]];
  await injected.prepare?.();
  await prober.order({ kind: "watch", prefix, tokens });

  const acknowledged = new Map<string, number>();
  const revocations = doomed.map((token) => async () => {
    if (!(await store().revoke(token))) throw new Error("There was no session to be revoked.");
    acknowledged.set(token, instant());
  });
  const begun = instant();
  await injected.begin();
  const deafFrom = injected.isDeaf === true ? instant() : null;
  // While the server is frozen none of them comes.
  const acknowledgements = await (injected.during?.(revocations) ?? spread(revocations, injected.lasts ?? LASTS));
  await injected.end();
  const ended = instant();
  await Promise.all(acknowledgements);
  await prober.order({ kind: "await", prefix, tokens: [lasting] });
  // Whatever is served for too long is served by now.
  await sleep(1.5 * LEASE);
  const [first, ...rest] = (await prober.order({ kind: "histories", prefix, tokens })) as [History, ...History[]];
  const revoked = rest.map((history, at): Revoked => {
    return { ...history, acknowledged: acknowledged.get(doomed[at] ?? "") ?? null };
  });
  service.add({ begun, deafFrom, ended, lasting: first, revoked });
}
