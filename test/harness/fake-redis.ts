/**
 * A server that speaks just enough of the Redis protocol for ioredis 5 and 6 to become ready, and then answers what a test
 * wants: an error that a real server only gives in a crisis, a reply that makes no sense, or nothing at all.
 *
 * It stores nothing. It stands in for a broken Redis, never for a working one.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import RedisParser from "redis-parser";

/** What a command is answered with. `undefined` is silence, an `Error` its message as a Redis error, `raw` the bytes themselves. */
export type FakeReply = string | number | null | undefined | Error | { readonly raw: string } | readonly FakeReply[];

/** One reply for every command, or a function of the command, which comes as it was sent: `["get", "key"]`. */
export type FakeAnswer = FakeReply | ((command: readonly string[]) => FakeReply);

export interface FakeRedis {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** Every command that came so far, except those that set up a connection. */
  readonly commands: ReadonlyArray<readonly string[]>;
  /** Answers commands in this way from now on. */
  answerWith(answer: FakeAnswer): void;
  /** Ends the server and its connections. May be called again. */
  close(): Promise<void>;
}

export interface FakeRedisOptions {
  /** The answer to all commands except those that set up a connection; an error of an unknown command by default. */
  readonly answer?: FakeAnswer;
  /** What INFO says. ioredis waits for as long as it contains `loading:1`. */
  readonly info?: string;
}

/** The errors of a Redis in trouble, in its own words. */
export const REDIS_ERRORS = {
  BUSY: new Error("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."),
  CLUSTERDOWN: new Error("CLUSTERDOWN The cluster is down"),
  LOADING: new Error("LOADING Redis is loading the dataset in memory"),
  MASTERDOWN: new Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
  MISCONF: new Error(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
  ),
  NOAUTH: new Error("NOAUTH Authentication required."),
  NOPERM: new Error("NOPERM User default has no permissions to run the 'evalsha' command"),
  NOREPLICAS: new Error("NOREPLICAS Not enough good replicas to write."),
  NOSCRIPT: new Error("NOSCRIPT No matching script. Please use EVAL."),
  OOM: new Error("OOM command not allowed when used memory > 'maxmemory'."),
  READONLY: new Error("READONLY You can't write against a read only replica."),
  TRYAGAIN: new Error("TRYAGAIN Multiple keys request during rehashing of slot"),
  WRONGTYPE: new Error("WRONGTYPE Operation against a key holding the wrong kind of value"),
} as const;

const HOST = "127.0.0.1";
const INFO = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nloading:0\r\nrole:master\r\n";

export async function startFakeRedis(options: FakeRedisOptions = {}): Promise<FakeRedis> {
  let answer: FakeAnswer = "answer" in options ? options.answer : new Error("ERR unknown command");
  const commands: Array<readonly string[]> = [];
  const sockets = new Set<Socket>();

  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A client may vanish at any time; that is its right, and often the point of the test.
    socket.on("error", () => {});

    const connection: Connection = { protocol: 2 };
    const parser = new RedisParser({
      // A command has the form of an array reply.
      returnReply: (command: string[]) => {
        let reply = setUp(connection, command, options.info ?? INFO);
        if (reply === undefined) {
          commands.push(command);
          reply = typeof answer === "function" ? answer(command) : answer;
        }
        if (reply !== undefined) socket.write(encode(reply, connection.protocol));
      },
      returnError: () => socket.destroy(),
      returnFatalError: () => socket.destroy(),
    });
    socket.on("data", (chunk) => parser.execute(chunk));
  });
  listener.listen(0, HOST);
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("The fake server has no port.");
  const { port } = address;

  return {
    host: HOST,
    port,
    url: `redis://${HOST}:${port}`,
    commands,
    answerWith(next) {
      answer = next;
    },
    async close() {
      if (!listener.listening) return;
      listener.close();
      for (const socket of sockets) socket.destroy();
      await once(listener, "close");
    },
  };
}

interface Connection {
  /** RESP version: 2 until the client asks for 3. */
  protocol: 2 | 3;
}

/** The answer to a command that belongs to the set-up of a connection, else `undefined`. */
function setUp(connection: Connection, [name = "", version]: readonly string[], info: string): FakeReply {
  switch (name.toUpperCase()) {
    case "HELLO":
      connection.protocol = version === "3" ? 3 : 2;
      return { raw: hello(connection.protocol) };
    case "INFO":
      return info;
    case "AUTH":
    case "CLIENT":
    case "READONLY":
    case "SELECT":
      return { raw: "+OK\r\n" };
    default:
      return undefined;
  }
}

function hello(protocol: 2 | 3): string {
  const fields: Record<string, FakeReply> = {
    server: "redis",
    version: "7.0.15",
    proto: protocol,
    id: 1,
    mode: "standalone",
    role: "master",
    modules: [],
  };
  const entries = Object.entries(fields);
  const body = entries.map(([name, value]) => encode(name, protocol) + encode(value, protocol)).join("");
  return protocol === 3 ? `%${entries.length}\r\n${body}` : `*${entries.length * 2}\r\n${body}`;
}

function encode(reply: FakeReply, protocol: 2 | 3): string {
  if (reply === null || reply === undefined) return protocol === 3 ? "_\r\n" : "$-1\r\n";
  if (typeof reply === "string") return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
  if (typeof reply === "number") return `:${reply}\r\n`;
  if (reply instanceof Error) return `-${reply.message}\r\n`;
  if ("raw" in reply) return reply.raw;
  return `*${reply.length}\r\n${reply.map((item) => encode(item, protocol)).join("")}`;
}
