/**
 * A TCP proxy on the loopback interface that stands between a client and a server and forces what a network does by
 * chance: bytes that wait, bytes that get lost, connections that are reset or refused, replies that never arrive.
 *
 * It knows nothing of Redis. Bytes keep their order in each direction of each connection, also through a hold.
 */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";

/** `up` is from the client to the server, `down` from the server to the client. */
export type Direction = "up" | "down";

export interface SeenOptions {
  /** Which way the bytes go; `up` by default. */
  readonly direction?: Direction;
  /** How often the text has to have been seen; once by default. */
  readonly times?: number;
  /** After how many ms to give up and reject; 5000 by default. */
  readonly timeout?: number;
}

export interface TcpProxy {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** Number of connections that clients have open now. */
  readonly connections: number;
  /** Keeps what comes from now on at the gate, on all connections, old and new, until `release`. */
  hold(direction?: Direction): void;
  /** Opens the gate: what was kept goes on in order, even if its client has gone away meanwhile. */
  release(direction?: Direction): void;
  /**
   * Resolves when a text, or a number of bytes, has arrived at the proxy, whether or not it is held there. Counted is
   * what came since the last `hold` of that direction, or else since the start. Case does not matter.
   */
  seen(what: string | number, options?: SeenOptions): Promise<void>;
  /** Accepts connections and bytes, old and new, and loses every byte, as a broken network does. */
  blackhole(): void;
  /** Ends the black hole. Connections that have lost bytes are reset, as they can no longer be understood. */
  restore(): void;
  /** Resets every connection (RST) on both sides; what is held at the gate is lost. */
  reset(): void;
  /** Refuses new connections from now on (ECONNREFUSED). Open ones live on; add `reset()` to end them, too. */
  refuse(): void;
  /** Accepts connections again, on the same port. */
  accept(): Promise<void>;
  /**
   * Lets the server do its work and loses the reply: the next bytes from the server, or the first that follow `text` on
   * its connection, are thrown away and the client's connection is reset. Resolves when that has happened.
   */
  dropNextReply(text?: string): Promise<void>;
  /** Ends everything. May be called again. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";

/** How much of each direction of a connection `seen` can look back on. */
const MEMORY = 256 * 1024;

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  /** What waits at the gate, in order. `null` stands for the end of the stream. */
  readonly waiting: Record<Direction, Array<Buffer | null>>;
  /** Whether bytes were lost, so that neither side can understand the other any more. */
  broken: boolean;
  /** What has gone up since a reply was asked to be dropped. */
  request: string;
}

export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const connections = new Set<Connection>();
  const held: Record<Direction, boolean> = { up: false, down: false };
  const arrived = { up: newTally(), down: newTally() };
  const lookers = new Set<() => void>();
  let lossy = false;
  let drop: { text: string; done: () => void } | null = null;

  let listener = await listen(0);
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port.");
  const { port } = address;

  async function listen(on: number): Promise<Server> {
    // Half-open, because the end of a stream has to wait at the gate like the bytes before it.
    const created = createServer({ allowHalfOpen: true, noDelay: true }, admit);
    created.listen(on, HOST);
    await once(created, "listening");
    return created;
  }

  function admit(client: Socket): void {
    const server = createConnection({ host: HOST, port: targetPort, allowHalfOpen: true, noDelay: true });
    const connection: Connection = { client, server, waiting: { up: [], down: [] }, broken: false, request: "" };
    connections.add(connection);

    client.on("data", (chunk) => arrive(connection, "up", chunk));
    server.on("data", (chunk) => arrive(connection, "down", chunk));
    client.on("end", () => pass(connection, "up", null));
    server.on("end", () => pass(connection, "down", null));
    // What a client said before it vanished is still on its way; a server that vanishes takes its replies with it.
    client.on("error", () => {});
    server.on("error", () => destroy(connection));
    client.on("close", () => {
      pass(connection, "up", null);
      forget(connection);
    });
    server.on("close", () => forget(connection));
  }

  function forget(connection: Connection): void {
    if (connection.client.destroyed && connection.server.destroyed) connections.delete(connection);
  }

  function arrive(connection: Connection, direction: Direction, chunk: Buffer): void {
    arrived[direction].add(connection, chunk);
    for (const look of lookers) look();

    if (drop && direction === "down" && contains(connection.request, drop.text)) {
      const { done } = drop;
      drop = null;
      lose(connection);
      done();
    } else {
      pass(connection, direction, chunk);
    }
  }

  function pass(connection: Connection, direction: Direction, chunk: Buffer | null): void {
    if (held[direction]) connection.waiting[direction].push(chunk);
    else deliver(connection, direction, chunk);
  }

  function deliver(connection: Connection, direction: Direction, chunk: Buffer | null): void {
    if (lossy) {
      connection.broken = true;
      return;
    }
    const to = direction === "up" ? connection.server : connection.client;
    if (to.destroyed || to.writableEnded) return;
    if (chunk === null) {
      to.end();
      return;
    }
    if (drop && direction === "up") connection.request += chunk.toString("latin1");
    to.write(chunk);
  }

  /** Resets the client and ends the server's side in good order, so that it carries out all that it was sent. */
  function lose(connection: Connection): void {
    connection.client.resetAndDestroy();
    connection.server.end();
  }

  function destroy(connection: Connection): void {
    for (const socket of [connection.client, connection.server]) {
      // A socket that is still connecting has nobody to send a reset to.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
    connections.delete(connection);
  }

  return {
    host: HOST,
    port,
    url: `redis://${HOST}:${port}`,
    get connections() {
      return [...connections].filter(({ client }) => !client.destroyed && !client.readableEnded).length;
    },

    hold(direction = "up") {
      held[direction] = true;
      arrived[direction] = newTally();
    },

    release(direction = "up") {
      held[direction] = false;
      for (const connection of connections) {
        for (const chunk of connection.waiting[direction].splice(0)) deliver(connection, direction, chunk);
      }
    },

    seen(what, { direction = "up", times = 1, timeout = 5_000 } = {}) {
      const isThere = () =>
        typeof what === "number" ? arrived[direction].bytes >= what : arrived[direction].count(what) >= times;
      return new Promise((resolve, reject) => {
        const patience = setTimeout(() => {
          lookers.delete(look);
          const name = typeof what === "number" ? `${what} bytes` : `${JSON.stringify(what)}, ${times} times,`;
          const { bytes } = arrived[direction];
          reject(new Error(`The proxy has not seen ${name} within ${timeout} ms; ${bytes} bytes came ${direction}.`));
        }, timeout);
        const look = () => {
          if (!isThere()) return;
          lookers.delete(look);
          clearTimeout(patience);
          resolve();
        };
        lookers.add(look);
        look();
      });
    },

    blackhole() {
      lossy = true;
    },

    restore() {
      lossy = false;
      for (const connection of [...connections]) if (connection.broken) destroy(connection);
    },

    reset() {
      for (const connection of [...connections]) destroy(connection);
    },

    refuse() {
      // The port is free at once; only the callback of `close` would wait for the open connections.
      if (listener.listening) listener.close();
    },

    async accept() {
      if (!listener.listening) listener = await listen(port);
    },

    dropNextReply(text = "") {
      for (const connection of connections) connection.request = "";
      return new Promise((resolve) => {
        drop = { text, done: resolve };
      });
    },

    async close() {
      for (const connection of [...connections]) destroy(connection);
      if (!listener.listening) return;
      listener.close();
      await once(listener, "close");
    },
  };
}

/** What has come in one direction. Each connection has a text of its own, so that no match spans two of them. */
function newTally() {
  const texts = new Map<Connection, string>();
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    add(connection: Connection, chunk: Buffer): void {
      bytes += chunk.length;
      texts.set(connection, ((texts.get(connection) ?? "") + chunk.toString("latin1")).slice(-MEMORY));
    },
    count(part: string): number {
      let total = 0;
      for (const text of texts.values()) total += text.toLowerCase().split(part.toLowerCase()).length - 1;
      return total;
    },
  };
}

function contains(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}
