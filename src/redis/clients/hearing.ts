/** The subscriber part of the client port: one connection that hears channels. It runs nothing. */

/** What is told of all that one subscriber hears. No method may throw. */
export interface Hearing {
  message(channel: string, text: string): void;
  /** The connection can be used. Channels that were subscribed before have to be subscribed again. */
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
  /** Whether the client has been closed or has given up, or is one that the application has to connect first. */
  readonly isEnded: boolean;
  /** Resolves when Redis has confirmed it. */
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  /** Gives up a connection that looks well and hears nothing, for a new one. `lost` is told at once. */
  reconnect(): void;
  /** Tells nothing any more. Closes the connection if it is ours. */
  close(): void;
}

/** A client of which a subscriber can be made that is ours. */
export interface SubscriberSource {
  /** Whether the client itself has been closed. */
  readonly isEnded: boolean;
  /** Makes a duplicate, of the client or of one node. `undefined`: not yet; again when the client is ready. */
  open(hearing: Hearing): Subscriber | undefined | Promise<Subscriber | undefined>;
}
