/**
 * A subscriber that we make of the application's client: a duplicate of it, or of one node of a Cluster. It lives as long as
 * that client does, so that a process ends which has closed its own client.
 */
import type { ClientPort } from "./client.js";
import type { Hearing, Subscriber, SubscriberSource } from "./hearing.js";

/** How long to wait before another duplicate is made when the last has given up, ms; from the first to the longest. */
const PAUSES = [100, 2000] as const;

/** The duplicate of a client. `subscribe` may be called when it is open. */
export class OwnSubscriber implements Subscriber {
  readonly #source: SubscriberSource;
  readonly #hearing: Hearing;
  readonly #unfollow: () => void;
  #current: Subscriber | undefined;
  /** Whether a duplicate is being made. */
  #isOpening = false;
  #pause: number = PAUSES[0];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Throws `TypeError` if subscribers cannot be made of the client. */
  constructor(data: ClientPort, hearing: Hearing) {
    this.#source = data.subscribers();
    this.#hearing = hearing;
    this.#unfollow = data.follow(this.#open, this.#dataEnded);
    this.#open();
  }

  get isOpen(): boolean {
    return this.#current?.isOpen === true;
  }

  get isEnded(): boolean {
    return this.#isClosed || this.#source.isEnded;
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
    this.#unfollow();
    this.#current?.close();
    this.#current = undefined;
  }

  readonly #open = (): void => {
    if (this.isEnded || this.#current !== undefined || this.#isOpening) return;
    clearTimeout(this.#timer);
    const opening = this.#source.open({
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
    });
    if (opening instanceof Promise) void this.#await(opening);
    else this.#take(opening);
  };

  async #await(opening: Promise<Subscriber | undefined>): Promise<void> {
    this.#isOpening = true;
    try {
      this.#take(await opening);
    } catch {
      // A node that cannot be reached; another time another one.
      this.#openLater();
    } finally {
      this.#isOpening = false;
    }
  }

  #take(subscriber: Subscriber | undefined): void {
    if (this.isEnded) subscriber?.close();
    else this.#current = subscriber;
    // ioredis-mock is there at once, and says so only once.
    if (this.isOpen) this.#hearing.ready();
  }

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
}
