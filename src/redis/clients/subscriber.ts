/**
 * The subscriber part of the client port: one connection that hears channels. It knows the events of ioredis, iovalkey and
 * ioredis-mock, and nothing of what is published.
 */
import { show } from "../../leaves/arguments.js";

/** What is needed of a client that subscribes: the part that ioredis 5 and 6, iovalkey and ioredis-mock have in common. */
export interface SubscriberClient {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
  disconnect(reconnect?: boolean): void;
  connect?(): Promise<unknown>;
  /** ioredis-mock has none, but `connected`. */
  readonly status?: string;
  readonly connected?: boolean;
  readonly options?: object;
  readonly stream?: { destroy?(): unknown; unref?(): unknown };
}

/** Who is told what one subscriber hears. No method may throw. */
export interface Hearing {
  message(channel: string, text: string): void;
  /** The connection can be used, and no channel is subscribed on it by us. */
  ready(): void;
  /** The connection can be used no more. `ready` follows when there is another. */
  lost(): void;
  /** The client has been closed, or has given up. Only a client that somebody connects again becomes `ready`. */
  ended(): void;
}

/** One subscriber, of whatever client. */
export interface Subscriber {
  /** Whether a channel can be subscribed now. */
  readonly isOpen: boolean;
  /** Whether the client has been closed, or has given up. */
  readonly isEnded: boolean;
  /** Resolves when Redis has confirmed it. */
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  /** Gives up a connection that looks well and hears nothing, for a new one. `lost` is told at once. */
  reconnect(): void;
  /** Tells nothing any more. Closes the connection if it is ours. */
  close(): void;
}

/** Throws `TypeError` unless a value can be the subscriber beside a data client. `name` is the option. */
export function checkSubscriber(name: string, subscriber: unknown, data: object): void {
  const { subscribe, unsubscribe, on, disconnect } = (subscriber ?? {}) as Partial<SubscriberClient>;
  if (![subscribe, unsubscribe, on, disconnect].every((method) => typeof method === "function")) {
    throw new TypeError(`${name} must be a client of its own, such as redis.duplicate(), got ${show(subscriber)}`);
  }
  if (subscriber === data) {
    throw new TypeError(
      `${name} must be a client of its own, such as redis.duplicate(): this one is the store's client`,
    );
  }
}

/** Whether a client is ioredis-mock, which has no connection. */
export function isMock(client: { readonly status?: string }): boolean {
  return client.status === undefined;
}

/** A subscriber on a client of ioredis or iovalkey, or on ioredis-mock. */
export class IoredisSubscriber implements Subscriber {
  readonly #client: SubscriberClient;
  readonly #isOurs: boolean;
  readonly #listeners: ReadonlyArray<readonly [event: string, listener: (...args: unknown[]) => void]>;
  /** Whether `ready` was told, and `lost` was not told since. */
  #isUp: boolean;
  /** Until the connection that was given up is closed: so long the client still calls itself ready. */
  #isGivenUp = false;

  constructor(client: SubscriberClient, hearing: Hearing, isOurs: boolean) {
    this.#client = client;
    this.#isOurs = isOurs;
    this.#isUp = this.isOpen;
    const lose = () => {
      const wasUp = this.#isUp;
      this.#isUp = false;
      if (wasUp) hearing.lost();
    };
    this.#lose = lose;
    this.#listeners = [
      ["message", (channel, text) => hearing.message(String(channel), String(text))],
      [
        "ready",
        () => {
          this.#isUp = true;
          hearing.ready();
        },
      ],
      [
        "close",
        () => {
          this.#isGivenUp = false;
          lose();
        },
      ],
      [
        "end",
        () => {
          lose();
          hearing.ended();
        },
      ],
      // Without a listener ioredis prints each error. What it means for us, "close" tells.
      ["error", ignore],
      // A subscriber of ours does not keep a process alive; the application's client does.
      ["connect", () => void (isOurs && client.stream?.unref?.())],
    ];
    for (const [event, listener] of this.#listeners) client.on(event, listener);
    if (client.status === "wait") client.connect?.().catch(ignore);
  }

  readonly #lose: () => void;

  get isOpen(): boolean {
    const { status, connected } = this.#client;
    return !this.#isGivenUp && (status === undefined ? connected !== false : status === "ready");
  }

  get isEnded(): boolean {
    const { status, connected } = this.#client;
    return status === undefined ? connected === false : status === "end";
  }

  subscribe(channel: string): Promise<unknown> {
    return this.#client.subscribe(channel);
  }

  unsubscribe(channel: string): Promise<unknown> {
    return this.#client.unsubscribe(channel);
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
    for (const [event, listener] of this.#listeners) {
      // A connection that is being closed can still fail.
      if (!this.#isOurs || event !== "error") this.#client.removeListener(event, listener);
    }
    if (this.#isOurs) this.#client.disconnect();
  }
}

function ignore(): void {}
