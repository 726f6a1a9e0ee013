/**
 * An application with near caches in a process of its own. Every ms it asks for each session that it was told to watch, and
 * notes what was answered, by the instant at which it began to ask. It judges nothing.
 */
import { createSessionStore, type SessionStore } from "../../../src/index.js";
import { instant } from "./instant.js";
import { type Clients, type Connections, openClients } from "./prober-clients.js";

/** What one session came to. All are instants at which a lookup began. */
export interface History {
  /** Memory answered. */
  readonly memory: number[];
  /** Memory did not, and Redis had the session. */
  readonly found: number[];
  /** Neither had it. */
  readonly missing: number[];
  /** The lookup rejected. */
  readonly failed: { readonly begun: number; readonly ended: number; readonly code: string }[];
}

/** What a prober is told to do. Each order has one answer. */
export type Order =
  /** Opens a store with near. Answers when memory serves. */
  | {
      readonly kind: "open";
      readonly prefix: string;
      readonly lease: number;
      readonly connections: Connections;
    }
  /** Begins to ask for sessions. Answers when memory has all of them. */
  | { readonly kind: "watch"; readonly prefix: string; readonly tokens: readonly string[] }
  /** Answers with what was answered for those sessions, and asks for them no more. */
  | { readonly kind: "histories"; readonly prefix: string; readonly tokens: readonly string[] }
  /** Answers, and then does nothing but count for so many ms. In the turn after it asks for everything at once. */
  | { readonly kind: "block"; readonly ms: number }
  /** Answers when memory has answered for all of those sessions once more. */
  | { readonly kind: "await"; readonly prefix: string; readonly tokens: readonly string[] }
  /** Answers when memory serves. */
  | { readonly kind: "serving"; readonly prefix: string }
  /** Ends a store. */
  | { readonly kind: "close"; readonly prefix: string };

export type Answer = History[] | null;

interface Site {
  readonly store: SessionStore;
  readonly clients: Clients;
  readonly watched: Map<string, Watched>;
}

interface Watched extends History {
  isAsking: boolean;
}

const sites = new Map<string, Site>();

function siteOf(prefix: string): Site {
  const site = sites.get(prefix);
  if (site === undefined) throw new Error(`There is no store with the prefix ${prefix}.`);
  return site;
}

/** Asks memory, and Redis if memory does not answer and no earlier question is under way. */
function look({ store }: Site, token: string, watched: Watched): void {
  const begun = instant();
  if (store.peek(token) !== undefined) {
    watched.memory.push(begun);
    return;
  }
  if (watched.isAsking) return;
  watched.isAsking = true;
  store
    .touch(token)
    .then(
      (session) => (session === null ? watched.missing : watched.found).push(begun),
      (error) => watched.failed.push({ begun, ended: instant(), code: error.code ?? String(error) }),
    )
    .finally(() => {
      watched.isAsking = false;
    });
}

function lookAtAll(): void {
  for (const site of sites.values()) for (const [token, watched] of site.watched) look(site, token, watched);
}

setInterval(lookAtAll, 1);

/** How long is waited for what comes within seconds on a machine that has nothing else to do, ms. */
const PATIENCE = 60_000;

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = instant() + PATIENCE; !holds(); ) {
    if (instant() > end) fail(`Waited ${PATIENCE} ms until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const untilServing = (store: SessionStore) => until("memory serves", () => store.near.state === "serving");

/** Waits until memory answers for sessions that are watched. */
async function untilAnswered({ watched }: Site, tokens: readonly string[]): Promise<void> {
  const since = instant();
  const isAnswered = (token: string) => (watched.get(token)?.memory.at(-1) ?? 0) > since;
  await until("memory answers", () => tokens.every(isAnswered));
}

async function obey(order: Exclude<Order, { kind: "block" }>): Promise<Answer> {
  switch (order.kind) {
    case "open": {
      const clients = await openClients(order.connections);
      const near = { lease: order.lease, subscriber: clients.subscriber };
      const store: SessionStore = createSessionStore(clients.data, { prefix: order.prefix, near });
      sites.set(order.prefix, { store, clients, watched: new Map() });
      store.peek("");
      await untilServing(store);
      return null;
    }
    case "serving":
      await untilServing(siteOf(order.prefix).store);
      return null;
    case "watch": {
      const site = siteOf(order.prefix);
      for (const token of order.tokens) {
        site.watched.set(token, { memory: [], found: [], missing: [], failed: [], isAsking: false });
      }
      await untilAnswered(site, order.tokens);
      return null;
    }
    case "histories": {
      const { watched } = siteOf(order.prefix);
      return order.tokens.map((token) => {
        const { memory, found, missing, failed } = watched.get(token) ?? fail(`Nobody watches ${token}.`);
        watched.delete(token);
        return { memory, found, missing, failed };
      });
    }
    case "await":
      await untilAnswered(siteOf(order.prefix), order.tokens);
      return null;
    case "close": {
      const { store, clients } = siteOf(order.prefix);
      sites.delete(order.prefix);
      await store.close();
      clients.close();
      return null;
    }
  }
}

function block(ms: number): void {
  const begun = instant();
  while (instant() - begun < ms);
  lookAtAll();
}

function fail(message: string): never {
  throw new Error(message);
}

process.on("message", ({ number, order }: { number: number; order: Order }) => {
  if (order.kind === "block") process.send?.({ number, answer: null }, () => block(order.ms));
  else obey(order).then((answer) => process.send?.({ number, answer }));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
