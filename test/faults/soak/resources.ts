/**
 * What a soak must not use up: memory of Redis, connections, listeners, timers and queues. It counts
 * them; what a count may be is for the soak to say.
 */
import type { EventEmitter } from "node:events";
import type { Redis } from "ioredis";
import { median } from "simple-statistics";
import { queuedIn } from "../queued.mjs";

/** A client as a user of the library sees it: ioredis has a status, and node-redis says whether it is ready. */
export interface CountedClient extends Pick<EventEmitter, "eventNames" | "listenerCount"> {
  readonly status?: string;
  readonly isReady?: boolean;
}

/** Whether a client is connected. */
export function isConnected({ status, isReady }: CountedClient): boolean {
  return status === "ready" || isReady === true;
}

/** How many listeners there are, by event, over all emitters. */
export function listenersOn(emitters: readonly CountedClient[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const emitter of emitters) {
    for (const event of emitter.eventNames()) {
      counts[String(event)] = (counts[String(event)] ?? 0) + emitter.listenerCount(event);
    }
  }
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Commands that wait in the clients: for their reply, or for a connection. */
export function queuedCommands(clients: readonly CountedClient[]): number {
  return clients.reduce((sum, client) => sum + queuedIn(client), 0);
}

/** What keeps this process alive, by kind: timers, sockets, pipes. */
export function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Ids of all connections that Redis has. */
export async function connectionsOf(redis: Redis): Promise<string[]> {
  const list = (await redis.client("LIST")) as string;
  return [...list.matchAll(/^id=(\d+) /gm)].map(([, id]) => id as string);
}

/** How many scripts Redis has in its cache. */
export async function cachedScripts(redis: Redis): Promise<number> {
  return Number(/^number_of_cached_scripts:(\d+)/m.exec(await redis.info("memory"))?.[1]);
}

/** Bytes that Redis uses for what it holds, its own overhead included. */
export async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
}

/** The medians of the second and of the last tenth of some samples: whether something grows, whatever single ones do. */
export function trend(samples: readonly number[]): { readonly early: number; readonly late: number } {
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  return { early: median(samples.slice(tenth, 2 * tenth)), late: median(samples.slice(-tenth)) };
}
