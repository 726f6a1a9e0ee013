/**
 * The side door to Redis, for the drop-in stores: apart from running scripts, they read plain keys and search for keys, which
 * the session store never does. It knows nothing of sessions.
 */
import { EventEmitter } from "node:events";
import { StoreUnavailableError } from "../leaves/errors.js";
import type { ScriptClient } from "./clients/client.js";
import { textsOf, unknownReply } from "./replies.js";
import { ScriptRunner } from "./script-runner.js";

/**
 * What the drop-in stores need of a Redis client: the part that ioredis 5 and 6 (`Redis` and `Cluster`) and iovalkey have in
 * common, and that `node-redis.ts` adds to the others.
 */
export interface KeyspaceClient extends ScriptClient {
  get(key: string): Promise<string | null>;
  /** Used if the client has it and reads do not lag. */
  getex?(key: string, unit: "PX", ms: number): Promise<string | null>;
  scan(cursor: string, match: "MATCH", pattern: string, count: "COUNT", about: number): Promise<unknown>;
  /** A Cluster has this. */
  nodes?(role: "master" | "all"): KeyspaceClient[];
  /** Whether `get` may be answered by a replica or a cache, which may not have the last write yet. */
  readonly readsMayLag?: boolean;
}

/** The cursor of the next page, or "0" at the end; and what was found. */
type ScanReply = [cursor: string, found: string[]];

/** Runs scripts, reads single keys, and goes through many keys in bounded steps, each with its own deadline. */
export class Keyspace extends ScriptRunner<KeyspaceClient> {
  /**
   * Whether `fetch` may be answered by a replica or by a cache of the client, which may not have the last write yet.
   * Scripts always run on the master.
   */
  readonly readsMayLag: boolean;

  constructor(client: KeyspaceClient, timeout: number) {
    super(client, timeout);
    // A Cluster of ioredis may be set to send reading commands to replicas.
    const { scaleReads = "master" } = this.clientOptions;
    this.readsMayLag = client.readsMayLag ?? (this.inCluster && scaleReads !== "master");
  }

  /** Reads the value of a key; `null` if there is none. One round trip. By callback, because every request does this. */
  fetch(key: string, succeed: (value: string | null) => void, fail: (error: Error) => void): void {
    const send = () => {
      this.gather();
      return this.client.get(key);
    };
    this.#ask(send, key, succeed, fail);
  }

  /** Whether `extend` works here. */
  get extends(): boolean {
    return this.client.getex !== undefined && !this.readsMayLag;
  }

  /** Sets the time to live of a key, ms, and reads its value; `null` if there is none. */
  extend(key: string, ttl: number, succeed: (value: string | null) => void, fail: (error: Error) => void): void {
    const send = () => {
      this.gather();
      return this.client.getex?.(key, "PX", ttl) ?? Promise.reject(new Error("The client has no GETEX"));
    };
    this.#ask(send, key, succeed, fail);
  }

  #ask(
    send: () => Promise<string | null>,
    key: string,
    succeed: (value: string | null) => void,
    fail: (error: Error) => void,
  ): void {
    const retry = this.inCluster ? (error: unknown) => this.retryIfPassing(error, send) : undefined;
    this.attempt(send, textOrNull, [key], succeed, fail, undefined, retry);
  }

  /** Every key that begins with a prefix, on every master, a page at a time. A key may come twice. */
  async *keys(prefix: string, about: number): AsyncGenerator<string[]> {
    // The client puts its own prefix before keys, but not before patterns. It stays on the keys that come back.
    const own = String(this.clientOptions["keyPrefix"] ?? "");
    const pattern = `${(own + prefix).replace(/[\\*?[\]]/g, "\\$&")}*`;
    for (const node of await this.#masters(prefix)) {
      let cursor = "0";
      do {
        const [next, keys] = await this.settle(
          () => node.scan(cursor, "MATCH", pattern, "COUNT", about),
          scanReplyOf,
          [],
        );
        if (keys.length > 0) yield keys.map((key) => key.slice(own.length));
        cursor = next;
      } while (cursor !== "0");
    }
  }

  /** Tells when the client can be used (again), and when it has been closed or has given up. */
  watch(listeners: { readonly ready: () => void; readonly end: () => void }): void {
    comingsOf(this.client).on("ready", listeners.ready).on("end", listeners.end);
  }

  async #masters(anyKey: string): Promise<KeyspaceClient[]> {
    const { client } = this;
    if (client.nodes === undefined) return [client];
    // A Cluster that is not connected yet knows no nodes. It sends its first command when it knows them.
    if (client.nodes("master").length === 0) await new Promise((known, fail) => this.fetch(anyKey, known, fail));
    const masters = client.nodes("master");
    if (masters.length === 0) throw new StoreUnavailableError("The cluster has no master that can be reached");
    return masters;
  }
}

function textOrNull(reply: unknown): string | null {
  if (reply === null || (typeof reply === "string" && reply !== "QUEUED")) return reply;
  throw unknownReply(reply);
}

function scanReplyOf(reply: unknown): ScanReply {
  const [cursor, found]: unknown[] = Array.isArray(reply) && reply.length === 2 ? reply : [];
  if (!/^\d+$/.test(String(cursor)) || !Array.isArray(found)) throw unknownReply(reply);
  return [String(cursor), found.length === 0 ? [] : textsOf(found)];
}

/** One for each client, so that all its stores together add one listener for each event. */
const comings = new WeakMap<KeyspaceClient, EventEmitter>();

function comingsOf(client: KeyspaceClient): EventEmitter {
  const known = comings.get(client);
  if (known !== undefined) return known;
  const emitter = new EventEmitter().setMaxListeners(0);
  comings.set(client, emitter);
  for (const event of ["ready", "end"]) client.on(event, () => emitter.emit(event));
  return emitter;
}
