/**
 * How often a client has lost a connection. ioredis sends a command again if its reply was lost with the connection. So a
 * command that was under way at a loss may run twice, and others may run in between. It knows nothing of commands or sessions.
 */

/** What has events: a `Redis` or `Cluster` of ioredis, and each node of a Cluster. */
interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  readonly status?: string;
  /** The connection. Node keeps the error in it that has ended it. */
  readonly stream?: object;
}

/** A client whose connections can be watched. A Cluster has `nodes`, and tells of a new one by `+node`. */
export interface Connections extends Emitter {
  nodes?(role: "all"): Emitter[];
}

interface Tally {
  losses: number;
  trouble?: unknown;
}

/** One tally for each client, whatever the number of its stores, so that they add only one listener for each event. */
const tallies = new WeakMap<object, Tally>();

/** Counts the connections that a client loses from now on. Each node of a Cluster has a tally of its own too. */
export function tallyLosses(client: Connections): Readonly<Tally> {
  const known = tallies.get(client);
  if (known !== undefined) return known;
  const tally = tallyConnection(client, undefined);
  for (const node of client.nodes?.("all") ?? []) tallyConnection(node, tally);
  client.on("+node", (node) => void tallyConnection(node as Emitter, tally));
  return tally;
}

/** Counts the losses of one connection, for itself and for the Cluster that it is a part of. */
function tallyConnection(connection: Emitter, whole: Tally | undefined): Tally {
  const tally: Tally = { losses: 0 };
  tallies.set(connection, tally);
  // A failed attempt to connect ends with "close" too, but nothing was sent through a connection that was never ready.
  let isOpen = connection.status === undefined || connection.status === "ready";
  connection.on("ready", () => {
    isOpen = true;
    tally.trouble = undefined;
  });
  // ioredis emits "close" before it opens another connection, so before it can send anything again.
  connection.on("close", () => {
    if (isOpen) {
      tally.losses++;
      if (whole !== undefined) whole.losses++;
    }
    isOpen = false;
    // An "error" listener would tell too, but ioredis prints the errors of a client that has none.
    const { errored } = (connection.stream ?? {}) as { errored?: Error | null };
    tally.trouble = errored ?? tally.trouble;
  });
  return tally;
}
