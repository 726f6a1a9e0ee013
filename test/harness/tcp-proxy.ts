/**
 * A TCP proxy on the loopback interface that stands between a client and a server and forces what a network does by
 * chance: bytes that wait, trickle or get lost, connections that are reset, refused or left half-open, replies that never
 * arrive or only in part.
 *
 * It knows nothing of Redis. Bytes keep their order in each direction of each connection, also through a hold.
 */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AT_ONCE, type Chunk, type Pace, Way } from "./tcp-way.ts";

/** `up` is from the client to the server, `down` from the server to the client. */
export type Direction = "up" | "down";

export interface SeenOptions {
  /** Which way the bytes go; `up` by default. */
  readonly direction?: Direction;
  /** How often the text has to have been seen; once by default. */
  readonly times?: number;
  /** After how many ms to give up and reject; 15 000 by default. */
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
  /** Accepts connections and bytes, old and new, and loses every byte, as a broken network does; both ways by default. */
  blackhole(direction?: Direction): void;
  /** Ends the black hole. Connections that have lost bytes are reset, as they can no longer be understood. */
  restore(): void;
  /** Lets bytes that come from now on arrive so many ms late, in order, until `hurry`. */
  delay(ms: number, direction?: Direction): void;
  /** Lets no more than so many bytes of each connection arrive every so many ms, until `hurry`. */
  drip(bytes: number, every: number, direction?: Direction): void;
  /** Ends delays and drips: what was under way arrives at once, in order. */
  hurry(): void;
  /**
   * Ends the server's side of all open connections and leaves the clients' open, as a firewall does that forgets them: the
   * clients hear nothing more, neither bytes nor an end, and what they send is lost. New connections work.
   */
  abandon(): void;
  /**
   * Ends each connection, open or new, when so many more bytes have come from the server, in the middle of whatever they
   * are: by a reset, or in good order (`"end"`). `null` lets connections live again.
   */
  hangUpAfter(bytes: number | null, how?: "reset" | "end"): void;
  /** Resets every connection (RST) on both sides; what is held at the gate is lost. */
  reset(): void;
  /** Refuses new connections from now on (ECONNREFUSED). Open ones live on; add `reset()` to end them, too. */
  refuse(): void;
  /** Leads new connections to another server. */
  retarget(port: number): void;
  /** Accepts connections again, on the same port. */
  accept(): Promise<void>;
  /**
   * Lets the server do its work and loses the reply: the next bytes from the server, or the first that follow `text` on
   * its connection, are thrown away, all but the first `part` of them, and the client's connection is reset. Resolves when
   * that has happened.
   */
  dropNextReply(text?: string, part?: number): Promise<void>;
  /** Ends everything. May be called again. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
const BOTH: readonly Direction[] = ["up", "down"];

/** How much of each direction of a connection `seen` can look back on. */
const MEMORY = 256 * 1024;

/**
 * Before a connection is reset that has just got its last bytes, ms: a reset overtakes what was not read yet. In a busy
 * process the reading of that turn comes first, too.
 */
const READING_TIME = 10;

/** For how long `accept` waits for its port, ms. */
const PATIENCE = 10_000;

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  /** What waits at the gate, in order. */
  readonly waiting: Record<Direction, Chunk[]>;
  /** What is under way behind the gate, where that takes time. */
  readonly way: Record<Direction, Way>;
  /** Whether bytes were lost, so that neither side can understand the other any more. */
  broken: boolean;
  /** Whether the two are apart, and neither is to hear of the other any more. */
  abandoned: boolean;
  /** How many bytes have come from the server since `hangUpAfter`. */
  received: number;
  /** What has gone up since a reply was asked to be dropped. */
  request: string;
}

export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const connections = new Set<Connection>();
  const held: Record<Direction, boolean> = { up: false, down: false };
  const arrived = { up: newTally(), down: newTally() };
  const lookers = new Set<() => void>();
  const lossy: Record<Direction, boolean> = { up: false, down: false };
  const pace: Record<Direction, Pace> = { up: AT_ONCE, down: AT_ONCE };
  let drop: { text: string; part: number; done: () => void } | null = null;
  let target = targetPort;
  let lifetime: { bytes: number; how: "reset" | "end" } | null = null;

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
    const server = createConnection({ host: HOST, port: target, allowHalfOpen: true, noDelay: true });
    const connection: Connection = {
      client,
      server,
      waiting: { up: [], down: [] },
      way: { up: new Way(server), down: new Way(client) },
      broken: false,
      abandoned: false,
      received: 0,
      request: "",
    };
    connections.add(connection);

    client.on("data", (chunk) => arrive(connection, "up", chunk));
    server.on("data", (chunk) => arrive(connection, "down", chunk));
    client.on("end", () => pass(connection, "up", null));
    server.on("end", () => pass(connection, "down", null));
    // What a client said before it vanished is still on its way; a server that vanishes takes its replies with it.
    client.on("error", () => {});
    server.on("error", () => connection.abandoned || destroy(connection));
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
    if (connection.abandoned) return;

    if (direction === "down" && drop && contains(connection.request, drop.text)) {
      const { part, done } = drop;
      drop = null;
      cutShort(connection, chunk.subarray(0, part), "reset");
      done();
    } else if (direction === "down" && lifetime && connection.received + chunk.length >= lifetime.bytes) {
      cutShort(connection, chunk.subarray(0, lifetime.bytes - connection.received), lifetime.how);
    } else {
      if (direction === "down") connection.received += chunk.length;
      pass(connection, direction, chunk);
    }
  }

  function pass(connection: Connection, direction: Direction, chunk: Chunk): void {
    if (held[direction]) connection.waiting[direction].push(chunk);
    else deliver(connection, direction, chunk);
  }

  function deliver(connection: Connection, direction: Direction, chunk: Chunk): void {
    if (lossy[direction] || connection.abandoned) {
      connection.broken = true;
      return;
    }
    if (chunk !== null && drop && direction === "up") connection.request += chunk.toString("latin1");
    connection.way[direction].send(chunk, pace[direction]);
  }

  /** Gives the client a last part of a reply and ends the server's side in good order, so that it does all it was asked. */
  function cutShort(connection: Connection, part: Buffer, how: "reset" | "end"): void {
    const { client, server } = connection;
    connection.abandoned = true;
    server.end();
    if (how === "end") client.end(part);
    else if (part.length === 0) client.resetAndDestroy();
    else client.write(part, () => setTimeout(() => setImmediate(() => client.resetAndDestroy()), READING_TIME));
  }

  function destroy(connection: Connection): void {
    for (const way of Object.values(connection.way)) way.close();
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

    seen(what, { direction = "up", times = 1, timeout = 15_000 } = {}) {
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

    blackhole(direction) {
      for (const one of direction === undefined ? BOTH : [direction]) lossy[one] = true;
    },

    delay(ms, direction = "down") {
      pace[direction] = { ...pace[direction], delay: ms };
    },

    drip(bytes, every, direction = "down") {
      pace[direction] = { ...pace[direction], bytes, every };
    },

    hurry() {
      for (const direction of BOTH) {
        pace[direction] = AT_ONCE;
        for (const { way } of connections) way[direction].hurry();
      }
    },

    abandon() {
      for (const connection of connections) {
        connection.abandoned = true;
        connection.server.destroy();
      }
    },

    hangUpAfter(bytes, how = "reset") {
      lifetime = bytes === null ? null : { bytes, how };
      for (const connection of connections) connection.received = 0;
    },

    restore() {
      for (const direction of BOTH) lossy[direction] = false;
      for (const connection of [...connections]) if (connection.broken) destroy(connection);
    },

    reset() {
      for (const connection of [...connections]) destroy(connection);
    },

    refuse() {
      // The port is free at once; only the callback of `close` would wait for the open connections.
      if (listener.listening) listener.close();
    },

    retarget(port) {
      target = port;
    },

    async accept() {
      const end = performance.now() + PATIENCE;
      while (!listener.listening) {
        try {
          listener = await listen(port);
        } catch (error) {
          // Somebody who looks for a free port has found this one, and lets go of it at once.
          if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || performance.now() > end) throw error;
          await sleep(10);
        }
      }
    },

    dropNextReply(text = "", part = 0) {
      for (const connection of connections) connection.request = "";
      return new Promise((resolve) => {
        drop = { text, part, done: resolve };
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
