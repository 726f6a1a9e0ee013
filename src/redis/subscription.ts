/**
 * What a store hears from Redis: one subscription, on a connection of its own, for all who listen in this process. It tells
 * them what is published on their channels, and when something may have been missed. It knows nothing of sessions.
 */
import { StoreUnavailableError } from "../leaves/errors.js";
import { hint } from "../leaves/hints.js";
import type { ClientPort } from "./clients/client.js";
import type { Subscriber } from "./clients/hearing.js";
import { OwnSubscriber } from "./clients/own-subscriber.js";
import { type SubscriberClient, subscriberOn } from "./clients/subscriber.js";
import { translate } from "./redis-errors.js";

/** One that listens to channels. No method may throw, and none is called within `add`. */
export interface Listener {
  /** As scripts name them, without the `keyPrefix` of the client. At least one. */
  readonly channels: readonly string[];
  message(channel: string, text: string): void;
  /** Redis has confirmed all channels on the present connection: for the first time, or again. */
  ready(): void;
  /** From now on something may be missed, until `ready`. */
  lost(): void;
}

interface Channel {
  readonly listeners: Set<Listener>;
  /** Whether Redis has confirmed it on the present connection. */
  isConfirmed: boolean;
}

interface Listening {
  isReady: boolean;
  readonly waiting: Set<Waiting>;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** How long to wait before Redis is asked again for a channel that it has refused, ms. */
const REFUSED_PAUSE = 1000;

/** A subscriber of ours ends with the client of which it is a duplicate. */
const CLOSED = "The client of the store has been closed, or has given up, so nothing is heard";

/** Of a client of the application's that has been closed or has given up, or one of node-redis that is not connected yet. */
const NOT_CONNECTED =
  "The subscriber is not connected, so nothing is heard: call its connect(), and close it after the store";

/** For how long an open connection may owe the answer to SUBSCRIBE before another is taken, ms. */
const MOST_SILENCE = 5000;

/** The subscription of one store. Connects with the first listener. */
export class Subscription {
  readonly #data: ClientPort;
  readonly #given: SubscriberClient | undefined;
  readonly #prefix: string;
  readonly #channels = new Map<string, Channel>();
  readonly #listenings = new Map<Listener, Listening>();
  /** Channels that Redis has refused, and when each is asked for again. */
  readonly #retries = new Map<string, NodeJS.Timeout>();
  /** Channels whose UNSUBSCRIBE is under way. */
  readonly #unsubscribing = new Map<string, Promise<unknown>>();
  #subscriber: Subscriber | undefined;
  /** Grows with each connection and each loss: a confirmation from before is none. */
  #epoch = 0;
  #isClosed = false;

  /** Without `given`, a client of the application's, it makes its own of `data`. Does no I/O. */
  constructor(data: ClientPort, given?: SubscriberClient) {
    this.#data = data;
    this.#given = given;
    this.#prefix = data.channelPrefix;
  }

  /** Begins to listen. Throws `TypeError` if the client cannot be duplicated. */
  add(listener: Listener): void {
    if (this.#isClosed || this.#listenings.has(listener)) return;
    this.#connect();
    this.#listenings.set(listener, { isReady: false, waiting: new Set() });
    for (const name of listener.channels) {
      const known = this.#channels.get(name);
      const channel = known ?? { listeners: new Set(), isConfirmed: false };
      channel.listeners.add(listener);
      this.#channels.set(name, channel);
      if (known === undefined) this.#ask(name, channel);
    }
    // If others listen to these channels already.
    queueMicrotask(() => this.#judge(listener));
  }

  /** Listens no more. Nothing is told after this. */
  remove(listener: Listener): void {
    const listening = this.#listenings.get(listener);
    if (listening === undefined) return;
    this.#listenings.delete(listener);
    for (const name of listener.channels) {
      const channel = this.#channels.get(name);
      channel?.listeners.delete(listener);
      if (channel?.listeners.size !== 0) continue;
      this.#channels.delete(name);
      this.#forgetRefusal(name);
      this.#unsubscribe(name);
    }
    for (const { reject } of [...listening.waiting]) reject(closedError());
  }

  /** Whether everything that is published on the channels of a listener is heard now. */
  isReady(listener: Listener): boolean {
    return this.#listenings.get(listener)?.isReady === true;
  }

  /**
   * Waits until a listener is ready, for at most `ms`. Asks at once for the channels that Redis has refused before. Rejects with
   * `StoreUnavailableError` if that takes longer, if Redis refuses a channel, or if the subscriber is not connected.
   */
  whenReady(listener: Listener, ms: number): Promise<void> {
    const listening = this.#listenings.get(listener);
    if (listening === undefined) return Promise.reject(closedError());
    if (listening.isReady) return Promise.resolve();
    if (this.#subscriber?.isEnded) return Promise.reject(this.#endedError());
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        listening.waiting.delete(waiting);
      };
      const waiting: Waiting = {
        resolve: () => {
          end();
          resolve();
        },
        reject: (error) => {
          end();
          reject(error);
        },
      };
      const timer = setTimeout(() => waiting.reject(lateError(ms)), ms);
      listening.waiting.add(waiting);
      for (const name of listener.channels) this.#askAgain(name);
    });
  }

  /** For a subscriber that looks well and hears nothing: takes another connection. Listeners are told `lost` at once. */
  reconnect(): void {
    this.#subscriber?.reconnect();
  }

  /**
   * Ends everything. Closes the connection if it is ours; a client of the application's only unsubscribes. Nothing is told
   * after this, and `add` does nothing.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const timer of this.#retries.values()) clearTimeout(timer);
    const names = [...this.#channels.keys()];
    for (const listener of [...this.#listenings.keys()]) this.remove(listener);
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return;
    // The application may close its client when this has resolved, so UNSUBSCRIBE must not be under way any more.
    if (this.#given !== undefined && subscriber.isOpen) {
      await Promise.allSettled(names.map((name) => this.#unsubscribing.get(name)));
    }
    subscriber.close();
  }

  #unsubscribe(name: string): void {
    const subscriber = this.#subscriber;
    if (!subscriber?.isOpen) return;
    // If it fails, the connection is lost, and the channel with it.
    const done = subscriber.unsubscribe(this.#prefix + name).catch(() => {});
    this.#unsubscribing.set(name, done);
    done.then(() => {
      if (this.#unsubscribing.get(name) === done) this.#unsubscribing.delete(name);
    });
  }

  #connect(): void {
    if (this.#subscriber !== undefined) return;
    const hearing = {
      message: (channel: string, text: string) => this.#hear(channel, text),
      ready: () => this.#up(),
      lost: () => this.#down(),
      ended: () => this.#ended(),
    };
    this.#subscriber =
      this.#given === undefined ? new OwnSubscriber(this.#data, hearing) : subscriberOn(this.#given, hearing);
    // Lookups work without it, so nothing else would tell that the near cache never answers.
    if (this.#given !== undefined && this.#subscriber.isEnded)
      hint("COATCHECK_SUBSCRIBER", "subscriber", NOT_CONNECTED);
  }

  #hear(channel: string, text: string): void {
    if (!channel.startsWith(this.#prefix)) return;
    const name = channel.slice(this.#prefix.length);
    for (const listener of this.#channels.get(name)?.listeners ?? []) listener.message(name, text);
  }

  #ask(name: string, channel: Channel): void {
    if (!this.#subscriber?.isOpen) return;
    const epoch = this.#epoch;
    const isOld = () => epoch !== this.#epoch || this.#channels.get(name) !== channel;
    // A connection that was lost without a sign answers nothing, and nobody would be told that it is ready or lost.
    const silence = setTimeout(() => isOld() || this.reconnect(), MOST_SILENCE).unref();
    this.#subscriber.subscribe(this.#prefix + name).then(
      () => {
        clearTimeout(silence);
        if (isOld()) return;
        channel.isConfirmed = true;
        for (const listener of channel.listeners) this.#judge(listener);
      },
      (error: unknown) => {
        clearTimeout(silence);
        if (isOld()) return;
        for (const listener of channel.listeners) this.#fail(listener, translate(error, [], ""));
        this.#retries.set(name, setTimeout(() => this.#askAgain(name), REFUSED_PAUSE).unref());
      },
    );
  }

  /** Asks again for a channel that Redis has refused on this connection. */
  #askAgain(name: string): void {
    const timer = this.#retries.get(name);
    if (timer === undefined) return;
    this.#forgetRefusal(name, timer);
    const channel = this.#channels.get(name);
    if (channel !== undefined) this.#ask(name, channel);
  }

  #forgetRefusal(name: string, timer = this.#retries.get(name)): void {
    clearTimeout(timer);
    this.#retries.delete(name);
  }

  /** Tells a listener that it is ready, if it has become so. */
  #judge(listener: Listener): void {
    const listening = this.#listenings.get(listener);
    if (listening === undefined || listening.isReady) return;
    if (!listener.channels.every((name) => this.#channels.get(name)?.isConfirmed)) return;
    listening.isReady = true;
    listener.ready();
    for (const { resolve } of [...listening.waiting]) resolve();
  }

  #fail(listener: Listener, error: Error): void {
    for (const { reject } of [...(this.#listenings.get(listener)?.waiting ?? [])]) reject(error);
  }

  #up(): void {
    this.#epoch++;
    for (const [name, channel] of this.#channels) {
      this.#forgetRefusal(name);
      this.#ask(name, channel);
    }
  }

  #down(): void {
    this.#epoch++;
    for (const channel of this.#channels.values()) channel.isConfirmed = false;
    for (const [listener, listening] of [...this.#listenings]) {
      if (!listening.isReady) continue;
      listening.isReady = false;
      listener.lost();
    }
  }

  #ended(): void {
    for (const listener of [...this.#listenings.keys()]) this.#fail(listener, this.#endedError());
  }

  #endedError(): StoreUnavailableError {
    return new StoreUnavailableError(this.#given === undefined ? CLOSED : NOT_CONNECTED);
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError("The store is closed: it hears nothing any more");
}

function lateError(ms: number): StoreUnavailableError {
  return new StoreUnavailableError(`Redis did not confirm a subscription within ${ms} ms`);
}
