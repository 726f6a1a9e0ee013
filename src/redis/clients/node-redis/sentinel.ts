/**
 * The driver for a sentinel of node-redis. It does not say how many connections it has to the master (`masterPoolSize`), nor
 * which of them a command takes, nor whether replicas answer what only reads. With `reserveClient` all commands take the same.
 */
import type {
  Arguments,
  ClientFinding,
  Connection,
  Evaluation,
  Reservation,
  ScriptText,
  ServerPort,
} from "../client.js";
import type { SubscriberSource } from "../hearing.js";
import { type Sentinel, UNMAPPED, viewOfSentinel } from "./client.js";
import { MIXED_REPLIES, untoldFindings } from "./findings.js";
import type { Losses } from "./losses.js";
import { CLOSED } from "./lost.js";
import { NodeRedisPort, serverBy, shared } from "./port.js";

/** Where the commands of a sentinel go. */
interface Course {
  /** The connection of the last command that was reserved, as the server names it. */
  last: string | undefined;
  /** How often the master, its connection or one of its clients was another one than before. */
  changes: number;
}

/** By the tally of the sentinel, which all views of it share. */
const courses = new WeakMap<Losses, Course>();

function followMaster(sentinel: Sentinel, losses: Losses): Course {
  const course: Course = { last: undefined, changes: 0 };
  // A sentinel sends a command again that was lost with its connection; this comes before it does so.
  const lost = () => {
    losses.losses++;
    course.changes++;
    course.last = undefined;
  };
  sentinel.on("client-error", lost);
  sentinel.on("topology-change", (({ type }: { type: string }) => {
    if (type === "MASTER_CHANGE") lost();
  }) as never);
  return course;
}

/** `createSentinel`. */
export class SentinelPort extends NodeRedisPort<Sentinel> {
  readonly inCluster = false;
  readonly underSentinel = true;
  readonly connections = "many";
  readonly readsMayLag = true;
  readonly #course: Course;

  constructor(sentinel: Sentinel) {
    super(sentinel, viewOfSentinel(sentinel), (losses) => courses.set(losses, followMaster(sentinel, losses)));
    this.#course = courses.get(this.counted) as Course;
  }

  override evaluate(script: ScriptText, known: boolean, keys: readonly string[], args: Arguments): Promise<unknown> {
    return this.client.isOpen ? super.evaluate(script, known, keys, args) : closed();
  }

  override get(key: string): Promise<string | null> {
    return this.client.isOpen ? super.get(key) : closed();
  }

  servers(): ServerPort[] {
    const { host, port } = this.client.getMasterNode() ?? {};
    const address = host === undefined || port === undefined ? undefined : `${host}:${port}`;
    return [
      serverBy(address, (command) => {
        return this.client.isOpen ? this.view.sendCommand(false, command, UNMAPPED) : closed();
      }),
    ];
  }

  subscribers(): SubscriberSource {
    throw new TypeError(
      "A sentinel of node-redis does not tell when its subscription loses the connection, so nothing can listen on it: use ioredis, or a client of the master",
    );
  }

  /** What is sent next may take another connection to the master. Then that counts as a loss, because nothing is confirmed. */
  async reserve(): Promise<Reservation> {
    return this.client.isOpen ? shared(this.#connection) : closed();
  }

  findings(): ClientFinding[] {
    // Version 5 does not have this property.
    const isSix = "_keyPrefix" in this.client;
    return [...untoldFindings("sentinel"), ...(isSix ? [] : [MIXED_REPLIES])];
  }

  readonly #connection = this.#connectionOf(() => this.#course.changes);

  #connectionOf(changes: () => number): Connection {
    return {
      get losses() {
        return changes();
      },
      evaluate: (script, keys, args, { known }: Evaluation) => {
        const text = known ? ["EVALSHA", script.sha] : ["EVAL", script.source];
        const named = keys.map((key) => this.keyPrefix + key);
        return this.#send([...text, String(keys.length), ...named, ...args.map(String)]);
      },
      wait: (count, timeout) => this.#send(["WAIT", String(count), String(timeout)]),
    };
  }

  /** Sends a command, and sees through which connection it goes: a pipeline takes one. */
  async #send(command: readonly string[]): Promise<unknown> {
    const pipeline = this.client.multi();
    pipeline.addCommand(false, ["CLIENT", "ID"]);
    pipeline.addCommand(false, command);
    const [id, reply] = await pipeline.execAsPipeline();
    const course = this.#course;
    if (course.last !== undefined && course.last !== String(id)) course.changes++;
    course.last = String(id);
    return textOf(reply);
  }
}

/** A pipeline ignores the view: in its replies a text may be a Buffer. */
function textOf(reply: unknown): unknown {
  if (reply instanceof Uint8Array) return Buffer.from(reply).toString();
  return Array.isArray(reply) ? reply.map(textOf) : reply;
}

function closed(): Promise<never> {
  return Promise.reject(new Error(CLOSED));
}
