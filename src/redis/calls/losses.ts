/**
 * How often a client has lost a connection. ioredis sends a command again whose reply was lost with its connection, so
 * what was under way at a loss may run twice, with anything in between. It knows nothing of commands or sessions.
 */

/** What can be listened to: an ioredis `Redis` or `Cluster`, and each node of a Cluster. */
interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  readonly status?: string;
}

/** A client whose connections can be watched. A Cluster has `nodes`, and tells of a new one by `+node`. */
export interface Connections extends Emitter {
  nodes?(role: "all"): Emitter[];
}

interface Tally {
  losses: number;
}

/** One tally for each client, however many stores are on it, so that they add one listener for each event and no more. */
const tallies = new WeakMap<object, Tally>();

/** The tally of the connections that a client loses from now on. */
export function tallyLosses(client: Connections): Readonly<Tally> {
  const known = tallies.get(client);
  if (known !== undefined) return known;
  const tally: Tally = { losses: 0 };
  tallies.set(client, tally);
  const watch = (connection: Emitter) => {
    // Also each vain attempt to connect ends with "close", but through a connection that was never ready nothing was sent.
    let isOpen = connection.status === undefined || connection.status === "ready";
    connection.on("ready", () => {
      isOpen = true;
    });
    // ioredis emits "close" before it opens another connection, so before it can send anything again.
    connection.on("close", () => {
      if (isOpen) tally.losses++;
      isOpen = false;
    });
  };
  watch(client);
  for (const node of client.nodes?.("all") ?? []) watch(node);
  client.on("+node", (node) => watch(node as Emitter));
  return tally;
}
