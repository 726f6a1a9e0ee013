/**
 * A subscriber on a client of ioredis, iovalkey or ioredis-mock: the application's, or a duplicate of it. It knows their events,
 * and nothing of what is published.
 */
import type { Hearing, Subscriber, SubscriberSource } from "../hearing.js";
import { type Emitter, listen } from "../listening.js";
import type { IoredisClient } from "./client.js";

/** What is needed of a client that subscribes: the part that ioredis 5 and 6, iovalkey and ioredis-mock have in common. */
export interface IoredisSubscriberClient extends Emitter {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  connect?(): Promise<unknown>;
  /** ioredis-mock has none, but `connected`. */
  readonly status?: string;
  readonly connected?: boolean;
  readonly options?: object;
  readonly stream?: { destroy?(): unknown; unref?(): unknown };
}

/** Whether a client is ioredis-mock, which has no connection. */
export function isMock(client: { readonly status?: string }): boolean {
  return client.status === undefined;
}

/** Whether a client has been closed, or has given up. */
export function isClosedIoredis({ status, connected }: IoredisSubscriberClient): boolean {
  return status === undefined ? connected === false : status === "end";
}

/**
 * Who listens on which channels of a client. Several stores may share one, and UNSUBSCRIBE counts nobody: sent for one of them,
 * it would take the channel from the others, who would not know.
 */
const holders = new WeakMap<IoredisSubscriberClient, Map<string, Set<IoredisSubscriber>>>();

/** A subscriber on a client of ioredis or iovalkey, or on ioredis-mock. */
export class IoredisSubscriber implements Subscriber {
  readonly #client: IoredisSubscriberClient;
  readonly #isOurs: boolean;
  readonly #unlisten: ReadonlyArray<() => void>;
  /** Whether `ready` was told, and `lost` was not told since. */
  #isUp: boolean;
  /** Until the connection that was given up is closed: so long the client still calls itself ready. */
  #isGivenUp = false;
  readonly #holders: Map<string, Set<IoredisSubscriber>>;

  constructor(client: IoredisSubscriberClient, hearing: Hearing, isOurs: boolean) {
    this.#client = client;
    this.#isOurs = isOurs;
    this.#isUp = this.isOpen;
    this.#holders = holders.get(client) ?? new Map();
    holders.set(client, this.#holders);
    const lose = () => {
      const wasUp = this.#isUp;
      this.#isUp = false;
      if (wasUp) hearing.lost();
    };
    this.#lose = lose;
    // Without a listener ioredis prints each error. What it means for us, "close" tells. A connection of ours that is being
    // closed can still fail.
    const deafen = listen(client, "error", ignore);
    this.#unlisten = [
      ...(isOurs ? [] : [deafen]),
      listen(client, "message", (channel, text) => hearing.message(String(channel), String(text))),
      listen(client, "ready", () => {
        this.#isUp = true;
        hearing.ready();
      }),
      listen(client, "close", () => {
        this.#isGivenUp = false;
        lose();
      }),
      listen(client, "end", () => {
        lose();
        hearing.ended();
      }),
      // A subscriber of ours does not keep a process alive; the application's client does.
      listen(client, "connect", () => void (isOurs && client.stream?.unref?.())),
    ];
    if (client.status === "wait") client.connect?.().catch(ignore);
  }

  readonly #lose: () => void;

  get isOpen(): boolean {
    const { status, connected } = this.#client;
    return !this.#isGivenUp && (status === undefined ? connected !== false : status === "ready");
  }

  get isEnded(): boolean {
    return isClosedIoredis(this.#client);
  }

  subscribe(channel: string): Promise<unknown> {
    this.#holders.set(channel, (this.#holders.get(channel) ?? new Set()).add(this));
    return this.#client.subscribe(channel);
  }

  unsubscribe(channel: string): Promise<unknown> {
    this.#release(channel);
    return this.#holders.has(channel) ? Promise.resolve() : this.#client.unsubscribe(channel);
  }

  reconnect(): void {
    if (!this.isOpen || isMock(this.#client)) return;
    this.#isGivenUp = true;
    this.#lose();
    // `disconnect` would wait two seconds for the answer of a server that does not hear us.
    if (this.#client.stream?.destroy === undefined) this.#client.disconnect(true);
    else this.#client.stream.destroy();
  }

  close(): void {
    for (const channel of [...this.#holders.keys()]) this.#release(channel);
    for (const unlisten of this.#unlisten) unlisten();
    if (this.#isOurs) this.#client.disconnect();
  }

  #release(channel: string): void {
    const those = this.#holders.get(channel);
    those?.delete(this);
    if (those?.size === 0) this.#holders.delete(channel);
  }
}

function ignore(): void {}

/** What the duplicate has otherwise than the client: we connect at once, and subscribe again ourselves. */
const OVERRIDES = { lazyConnect: false, autoResubscribe: false, enableOfflineQueue: true, monitor: false };

/** A client that can be duplicated. */
interface Duplicable extends IoredisClient {
  duplicate(overrides: object): IoredisSubscriberClient;
  readonly status?: string;
}

/** Makes subscribers of a client. Throws `TypeError` if it cannot be duplicated. */
export function ioredisSource(client: IoredisClient): SubscriberSource {
  if (typeof (client as Partial<Duplicable>).duplicate !== "function") {
    throw new TypeError("The Redis client has no duplicate(), which a subscription of its own needs");
  }
  const data = client as Duplicable;
  return {
    get isEnded() {
      return data.status === "end";
    },
    open(hearing) {
      const duplicate = duplicateOf(data);
      // A Cluster that is not connected yet knows no nodes; it becomes ready later.
      return duplicate === undefined ? undefined : new IoredisSubscriber(duplicate, hearing, true);
    },
  };
}

function duplicateOf(data: Duplicable): IoredisSubscriberClient | undefined {
  if (data.nodes === undefined || isMock(data)) return data.duplicate(OVERRIDES);
  // Every node of a Cluster hears what is published on any. If this one fails, another is taken.
  const nodes = data.nodes("all") as Duplicable[];
  const node = nodes[Math.floor(Math.random() * nodes.length)];
  return node?.duplicate({ ...OVERRIDES, retryStrategy: null });
}
