/**
 * The calls whose deadline has passed, and which the client still holds: a command cannot be taken back. The client keeps it while
 * the outage lasts, and sends it afterwards. This file limits how many such calls there are. It knows nothing of commands.
 */
import type { ClientPort } from "../clients/client.js";
import { slotOf } from "../cluster/slot.js";

/** What a client tells of the server of a key. */
type Served = Pick<ClientPort, "inCluster" | "keyPrefix" | "masterOf" | "tally">;

/** If one server has this many late calls, the next call is refused. They take a few MB at most. */
export const MAX_LATE = 1000;

/** While calls are refused, one is sent in each such time, ms. */
const PROBE = 1000;

interface Server {
  late: number;
  probed: number;
}

/** The late calls of one client, by server: a frozen master must not stop the calls to the others. */
export class Backlog {
  readonly #client: Omit<Served, "tally">;
  readonly #servers = new Map<string, Server>();

  constructor(client: Omit<Served, "tally">) {
    this.#client = client;
  }

  /** Whether a call may be sent. Costs nothing while no call is late. */
  admits(key: string | undefined): boolean {
    if (this.#servers.size === 0) return true;
    const server = this.#servers.get(this.serverOf(key));
    if (server === undefined || server.late < MAX_LATE) return true;
    // The client may have dropped the late calls without an error, as ioredis does with `autoResendUnfulfilledCommands: false`.
    // Without this, nobody would then notice the end of the outage.
    const now = performance.now();
    if (now - server.probed < PROBE) return false;
    server.probed = now;
    return true;
  }

  /** Counts a call whose deadline has passed. Call the function that it returns when the client has answered after all. */
  add(key: string | undefined): () => void {
    const name = this.serverOf(key);
    const server = this.#servers.get(name) ?? { late: 0, probed: Number.NEGATIVE_INFINITY };
    this.#servers.set(name, server);
    server.late++;
    return () => {
      server.late--;
      if (server.late === 0 && this.#servers.get(name) === server) this.#servers.delete(name);
    };
  }

  /** Notes an answer in time. Answers come in order, so older calls have been answered, or never will be. */
  answered(key: string | undefined): void {
    if (this.#servers.size > 0) this.#servers.delete(this.serverOf(key));
  }

  /** The address of the master that serves a key; empty if the client has one server, or does not know it yet. */
  serverOf(key: string | undefined): string {
    const client = this.#client;
    if (key === undefined || !client.inCluster) return "";
    return client.masterOf(slotOf(client.keyPrefix + key)) ?? "";
  }
}

/** One for each client, whatever the number of its stores and of the views of it: by the tally that all of them share. */
const backlogs = new WeakMap<object, Backlog>();

/** The late calls of a client. */
export function backlogOf(client: Served): Backlog {
  const known = backlogs.get(client.tally);
  if (known !== undefined) return known;
  const backlog = new Backlog(client);
  backlogs.set(client.tally, backlog);
  return backlog;
}
