/**
 * A subscriber on a client of node-redis: the application's, or a duplicate. With RESP3 a client could subscribe on the
 * connection that it sends commands on; we never do that, because a connection of its own tells whether the other one is alive.
 */
import type { Hearing, Subscriber, SubscriberSource } from "../hearing.js";
import { listen } from "../listening.js";
import type { AnyMethod, ClientOptions, NodeRedisClient } from "./client.js";

/** What is needed of a client that subscribes. */
export interface NodeRedisSubscriberClient extends NodeRedisClient {
  readonly subscribe: AnyMethod;
  readonly unsubscribe: AnyMethod;
  readonly off: AnyMethod;
  connect(): Promise<unknown>;
  destroy(): void;
  readonly isOpen: boolean;
  readonly isReady: boolean;
  /** A cluster, a sentinel and a pool have these, and several connections. */
  readonly nodeClient?: never;
  readonly getMasterNode?: never;
  readonly execute?: never;
}

/** A client that can be duplicated. */
export interface Duplicable {
  readonly options?: ClientOptions;
  duplicate(overrides?: object): NodeRedisSubscriberClient & { unref?(): void };
}

export class NodeRedisSubscriber implements Subscriber {
  readonly #client: NodeRedisSubscriberClient;
  readonly #isOurs: boolean;
  readonly #unlisten: ReadonlyArray<() => void>;
  readonly #listen: (message: string, channel: string) => void;
  readonly #lose: () => void;
  /** Whether `ready` was told, and `lost` was not told since. */
  #isUp: boolean;
  #isEnded = false;
  #isClosed = false;
  /** While we close the connection ourselves, to take another. */
  #isGivingUp = false;

  constructor(client: NodeRedisSubscriberClient, hearing: Hearing, isOurs: boolean) {
    this.#client = client;
    this.#isOurs = isOurs;
    this.#isUp = client.isReady;
    this.#listen = (message, channel) => {
      if (!this.#isClosed) hearing.message(channel, message);
    };
    this.#lose = () => {
      const wasUp = this.#isUp;
      this.#isUp = false;
      if (wasUp) hearing.lost();
    };
    const end = () => {
      this.#lose();
      if (this.#isGivingUp || this.#isEnded) return;
      this.#isEnded = true;
      hearing.ended();
    };
    // It has given up: it closes without a word but this. A connection of ours that is being closed can still fail.
    const deafen = listen(client, "error", () => void (!client.isOpen && end()));
    this.#unlisten = [
      ...(isOurs ? [] : [deafen]),
      listen(client, "ready", () => {
        this.#isUp = true;
        this.#isEnded = false;
        hearing.ready();
      }),
      listen(client, "reconnecting", this.#lose),
      listen(client, "end", end),
    ];
    if (isOurs) client.connect().catch(end);
  }

  get isOpen(): boolean {
    return this.#isUp && this.#client.isReady;
  }

  get isEnded(): boolean {
    return this.#isEnded || (!this.#isOurs && isClosedNodeRedis(this.#client));
  }

  async subscribe(channel: string): Promise<unknown> {
    return this.#client.subscribe(channel, this.#listen);
  }

  async unsubscribe(channel: string): Promise<unknown> {
    return this.#client.unsubscribe(channel, this.#listen);
  }

  reconnect(): void {
    if (!this.isOpen) return;
    this.#isGivingUp = true;
    this.#lose();
    this.#client.destroy();
    this.#isGivingUp = false;
    this.#client.connect().catch(ignore);
  }

  close(): void {
    this.#isClosed = true;
    for (const unlisten of this.#unlisten) unlisten();
    if (this.#isOurs && this.#client.isOpen) this.#client.destroy();
  }
}

/** Whether a client has been closed: one that is not connected yet looks the same, and hears nothing either. */
export function isClosedNodeRedis({ isOpen }: NodeRedisSubscriberClient): boolean {
  return isOpen === false;
}

/** What is needed of a data client, to follow it. */
interface Followed {
  readonly isOpen?: boolean;
}

/**
 * Makes subscribers of a client, by what `duplicable` gives: a client of one connection. `reconnects`: whether a duplicate that
 * has lost its connection takes another one to the same server; otherwise it ends, and `duplicable` is asked again.
 */
export function nodeRedisSource(
  client: Followed,
  duplicable: () => Duplicable | undefined | Promise<Duplicable | undefined>,
  { reconnects } = { reconnects: true },
): SubscriberSource {
  let wasOpen = client.isOpen === true;
  return {
    get isEnded() {
      wasOpen ||= client.isOpen === true;
      return wasOpen && client.isOpen === false;
    },
    async open(hearing) {
      const source = await duplicable();
      if (source === undefined) return undefined;
      // It subscribes only: no cache, and no hand-over to another server during maintenance, because node-redis forgets the
      // subscriptions then. A connection that ends is seen, and another one subscribes again.
      const once = reconnects ? {} : { socket: { ...source.options?.socket, reconnectStrategy: false } };
      const duplicate = source.duplicate({ clientSideCache: undefined, maintNotifications: "disabled", ...once });
      duplicate.unref?.();
      return new NodeRedisSubscriber(duplicate, hearing, true);
    },
  };
}

function ignore(): void {}
