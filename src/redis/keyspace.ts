/**
 * The side door to Redis, for the drop-in stores: apart from running scripts, they read plain keys and search for keys, which
 * the session store never does. It knows nothing of sessions.
 */
import { StoreUnavailableError } from "../leaves/errors.js";
import type { ServerPort } from "./clients/client.js";
import { keyPageOn } from "./cluster/masters.js";
import { unknownReply } from "./replies.js";
import { ScriptRunner } from "./script-runner.js";

/** Runs scripts, reads single keys, and goes through many keys in bounded steps, each with its own deadline. */
export class Keyspace extends ScriptRunner {
  /**
   * Whether `fetch` may be answered by a replica or by a cache of the client, which may not have the last write yet.
   * Scripts always run on the master.
   */
  get readsMayLag(): boolean {
    return this.client.readsMayLag;
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
      return this.client.getex?.(key, ttl) ?? Promise.reject(new Error("The client has no GETEX"));
    };
    this.#ask(send, key, succeed, fail);
  }

  #ask(
    send: () => Promise<string | null>,
    key: string,
    succeed: (value: string | null) => void,
    fail: (error: Error) => void,
  ): void {
    this.attempt(send, textOrNull, [key], succeed, fail, undefined, this.retryIfSafe);
  }

  /** Every key that begins with a prefix, on every master, a page at a time. A key may come twice. */
  async *keys(prefix: string, about: number): AsyncGenerator<string[]> {
    const wanted = { own: this.client.keyPrefix, prefix, about };
    for (const node of await this.#masters(prefix)) {
      let cursor = "0";
      do {
        const [next, keys] = await keyPageOn(node, cursor, wanted, (scan) =>
          this.settle(scan, (page) => page, [], undefined, this.retryIfSafe),
        );
        if (keys.length > 0) yield keys;
        cursor = next;
      } while (cursor !== "0");
    }
  }

  /** Tells when the client can be used (again), and when it has been closed or has given up. */
  watch(listeners: { readonly ready: () => void; readonly end: () => void }): void {
    this.client.follow(listeners.ready, listeners.end);
  }

  async #masters(anyKey: string): Promise<ServerPort[]> {
    const { client } = this;
    // A Cluster that is not connected yet knows no nodes. It sends its first command when it knows them.
    if (client.servers("master").length === 0) await new Promise((known, fail) => this.fetch(anyKey, known, fail));
    const masters = client.servers("master");
    if (masters.length === 0) throw new StoreUnavailableError("The cluster has no master that can be reached");
    return masters;
  }
}

function textOrNull(reply: unknown): string | null {
  if (reply === null || (typeof reply === "string" && reply !== "QUEUED")) return reply;
  throw unknownReply(reply);
}
