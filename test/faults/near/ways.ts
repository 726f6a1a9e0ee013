/** Near caches on all clients, each with a proxy in front of each of its two connections. It knows no fault. */
import type { SessionStore } from "../../../src/index.js";
import { afterFile } from "../../harness/fixtures.js";
import { startProxy, type TcpProxy } from "../../harness/tcp-proxy.js";
import { titleOf } from "../network/rig.js";
import type { Prober } from "./prober-process.js";
import { CLIENTS, type Client, openNear, type Site } from "./rig.js";

export interface WaysSite extends Site {
  readonly ways: { readonly data: TcpProxy; readonly subscriber: TcpProxy };
}

interface Behind {
  /** The server as the report names it, and its port. */
  readonly servers: string;
  readonly port: number;
  /** For each prefix: gives the store that makes and revokes the sessions. */
  readonly storeFor: (prefix: string) => () => SessionStore;
}

/** Opens a site for each client, in the order of the clients. */
export function openWays(prober: Prober, behind: Behind, clients: readonly Client[] = CLIENTS): Promise<WaysSite[]> {
  return Promise.all(clients.map((client) => openSite(prober, client.module, behind)));
}

async function openSite(
  prober: Prober,
  client: Client["module"],
  { servers, port, storeFor }: Behind,
): Promise<WaysSite> {
  const ways = { data: await startProxy(port), subscriber: await startProxy(port) };
  for (const way of Object.values(ways)) afterFile(() => way.close());
  const to = ({ host, port }: TcpProxy) => ({ host, port });
  const prefix = await openNear(prober, { client, data: to(ways.data), subscriber: to(ways.subscriber) });
  return { servers: titleOf(servers, client), prober, prefix, store: storeFor(prefix), ways };
}

/** Leads one connection to another server, and waits until the client has come there. */
export async function lead(way: TcpProxy, port: number): Promise<void> {
  way.retarget(port);
  way.reset();
  while (way.connections === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
