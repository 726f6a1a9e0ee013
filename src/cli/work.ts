/** What every command works with: a store on a client that is connected, and the terminal. It knows no command. */
import { checkPrefix } from "../leaves/arguments.js";
import { portOf } from "../redis/clients/supported.js";
import { RedisDoor } from "../redis/redis-door.js";
import { Subscription } from "../redis/subscription.js";
import { createSessionStore } from "../sessions/assembly.js";
import { Keys } from "../sessions/keys.js";
import type { SessionStore } from "../sessions/store.js";
import type { ConnectionOptions } from "./address.js";
import { type Connected, connect } from "./connection.js";
import type { Terminal } from "./terminal.js";

export interface CommonOptions extends ConnectionOptions {
  readonly prefix: string;
  readonly json?: boolean | undefined;
  readonly yes?: boolean | undefined;
  /** ms. */
  readonly timeout: number;
  readonly replicas?: number | undefined;
  /** ms. */
  readonly endings?: number | undefined;
}

export interface Work {
  readonly terminal: Terminal;
  readonly store: SessionStore;
  /** Beside the store, for what it has no verb for: going through keys, and the clock. */
  readonly door: RedisDoor;
  readonly keys: Keys;
  readonly options: CommonOptions;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  memoryUsage(key: string): Promise<number | null>;
  /** A subscription of its own, for `tail`. */
  subscription(): Subscription;
  /** Called with what to say if the command is stopped now. */
  onStop(say: () => string): void;
}

export interface Opened {
  readonly work: Work;
  close(): Promise<void>;
}

/** Connects, and makes the store. */
export async function open(
  options: CommonOptions,
  environment: NodeJS.ProcessEnv,
  beside: Pick<Work, "terminal" | "signal" | "onStop">,
): Promise<Opened> {
  const { prefix, timeout, replicas, endings } = options;
  const keys = new Keys(checkPrefix(prefix));
  const connected: Connected = await connect(options, environment, timeout);
  const { client } = connected;
  const store = createSessionStore(client, {
    prefix,
    timeout,
    endings,
    ...(replicas !== undefined && { replicas: { count: replicas, timeout } }),
  });
  const port = portOf("the client", client);
  const subscriptions: Subscription[] = [];
  const work: Work = {
    ...beside,
    store,
    door: new RedisDoor(port, timeout),
    keys,
    options,
    memoryUsage: connected.memoryUsage,
    subscription() {
      const subscription = new Subscription(port);
      subscriptions.push(subscription);
      return subscription;
    },
  };
  return {
    work,
    async close() {
      await Promise.all([store.close(), ...subscriptions.map((each) => each.close())]);
      connected.close();
    },
  };
}
