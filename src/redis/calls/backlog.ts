/**
 * The calls whose deadline has passed and that their client still holds: ioredis cannot take a command back, keeps it
 * for as long as the outage lasts, and sends it afterwards. This bounds how many there are. It knows nothing of commands.
 */
import { slotOf } from "../cluster/slot.js";

/** A client as far as it says who serves a key. A Cluster has `slots`: by slot the addresses of its nodes, the master first. */
export interface Served {
  readonly slots?: readonly (readonly string[])[];
  /** In the place of `slots`, where a client has another form for it: the address of a slot's master. */
  masterOf?(slot: number): string | undefined;
  readonly options?: object;
}

/** So many late calls of one server are waited for before the next one is refused: at most a few MB. */
export const MAX_LATE = 1000;

/** While calls are refused, one in this many ms is sent all the same, ms. */
const PROBE = 1000;

interface Server {
  late: number;
  probed: number;
}

/** The late calls of one client, by server, so that one master that is frozen does not stop the calls to the others. */
export class Backlog {
  readonly #client: Served;
  readonly #servers = new Map<string, Server>();

  constructor(client: Served) {
    this.#client = client;
  }

  /** Whether a call may be sent. Costs nothing while there is no late one. */
  admits(key: string | undefined): boolean {
    if (this.#servers.size === 0) return true;
    const server = this.#servers.get(this.serverOf(key));
    if (server === undefined || server.late < MAX_LATE) return true;
    // Nobody would ever notice the end of an outage if the client has dropped the late calls without a word, as ioredis
    // does with `autoResendUnfulfilledCommands: false`.
    const now = performance.now();
    if (now - server.probed < PROBE) return false;
    server.probed = now;
    return true;
  }

  /** Counts a call whose deadline has passed. What it returns is to be called when the client has answered it after all. */
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

  /** Takes note of an answer in time: answers come in order, so what is older has been answered, or never will be. */
  answered(key: string | undefined): void {
    if (this.#servers.size > 0) this.#servers.delete(this.serverOf(key));
  }

  /** The address of the master that serves a key; empty where the client has one server, or does not know yet. */
  serverOf(key: string | undefined): string {
    const client = this.#client;
    if (key === undefined || (client.slots ?? client.masterOf) === undefined) return "";
    const { keyPrefix = "" } = { ...client.options } as { keyPrefix?: unknown };
    const slot = slotOf(`${keyPrefix}${key}`);
    return client.masterOf?.(slot) ?? client.slots?.[slot]?.[0] ?? "";
  }
}

/** One for each client, however many stores are on it. */
const backlogs = new WeakMap<object, Backlog>();

/** The late calls of a client. */
export function backlogOf(client: Served): Backlog {
  const known = backlogs.get(client);
  if (known !== undefined) return known;
  const backlog = new Backlog(client);
  backlogs.set(client, backlog);
  return backlog;
}
