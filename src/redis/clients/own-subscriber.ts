/**
 * A subscriber that we make of the application's client: a duplicate of it, or of one node of a Cluster. It lives as long as
 * that client does, so that a process ends which has closed its own client.
 */
import type { IoredisClient as RedisClient } from "./ioredis/client.js";
import { type Hearing, IoredisSubscriber, isMock, type Subscriber, type SubscriberClient } from "./subscriber.js";

/** What the duplicate has otherwise than the client: we connect at once, and subscribe again ourselves. */
const OVERRIDES = { lazyConnect: false, autoResubscribe: false, enableOfflineQueue: true, monitor: false };

/** How long to wait before another duplicate is made when the last has given up, ms; from the first to the longest. */
const PAUSES = [100, 2000] as const;

/** A client that can be duplicated, and closed. */
interface Duplicable extends RedisClient {
  duplicate(overrides: object): SubscriberClient;
  removeListener(event: string, listener: () => void): unknown;
  readonly status?: string;
}

/** The duplicate of a client. `subscribe` may be called when it is open. */
export class OwnSubscriber implements Subscriber {
  readonly #data: Duplicable;
  readonly #hearing: Hearing;
  #current: IoredisSubscriber | undefined;
  #pause: number = PAUSES[0];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Throws `TypeError` if the client cannot be duplicated. */
  constructor(data: RedisClient, hearing: Hearing) {
    if (typeof (data as Partial<Duplicable>).duplicate !== "function") {
      throw new TypeError("The Redis client has no duplicate(), which a subscription of its own needs");
    }
    this.#data = data as Duplicable;
    this.#hearing = hearing;
    this.#data.on("ready", this.#open);
    this.#data.on("end", this.#dataEnded);
    this.#open();
  }

  get isOpen(): boolean {
    return this.#current?.isOpen === true;
  }

  get isEnded(): boolean {
    return this.#isClosed || this.#data.status === "end";
  }

  subscribe(channel: string): Promise<unknown> {
    return this.#current?.subscribe(channel) ?? Promise.reject(new Error("There is no connection yet"));
  }

  unsubscribe(channel: string): Promise<unknown> {
    return this.#current?.unsubscribe(channel) ?? Promise.resolve();
  }

  reconnect(): void {
    this.#current?.reconnect();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#data.removeListener("ready", this.#open);
    this.#data.removeListener("end", this.#dataEnded);
    this.#current?.close();
    this.#current = undefined;
  }

  readonly #open = (): void => {
    if (this.isEnded || this.#current !== undefined) return;
    clearTimeout(this.#timer);
    const duplicate = this.#duplicate();
    // A Cluster that is not connected yet knows no nodes; it becomes ready later.
    if (duplicate === undefined) return;
    this.#current = new IoredisSubscriber(
      duplicate,
      {
        message: (channel, text) => this.#hearing.message(channel, text),
        ready: () => {
          this.#pause = PAUSES[0];
          this.#hearing.ready();
        },
        lost: () => this.#hearing.lost(),
        ended: () => {
          this.#current?.close();
          this.#current = undefined;
          this.#openLater();
        },
      },
      true,
    );
    // ioredis-mock is there at once, and says so only once.
    if (this.#current.isOpen) this.#hearing.ready();
  };

  #openLater(): void {
    this.#timer = setTimeout(this.#open, this.#pause);
    this.#timer.unref();
    this.#pause = Math.min(this.#pause * 2, PAUSES[1]);
  }

  readonly #dataEnded = (): void => {
    clearTimeout(this.#timer);
    const wasOpen = this.isOpen;
    this.#current?.close();
    this.#current = undefined;
    if (wasOpen) this.#hearing.lost();
    this.#hearing.ended();
  };

  #duplicate(): SubscriberClient | undefined {
    const data = this.#data;
    if (data.nodes === undefined || isMock(data)) return data.duplicate(OVERRIDES);
    // Every node of a Cluster hears what is published on any. If this one fails, another is taken.
    const nodes = data.nodes("all") as Duplicable[];
    const node = nodes[Math.floor(Math.random() * nodes.length)];
    return node?.duplicate({ ...OVERRIDES, retryStrategy: null });
  }
}
