/** One watch of one session: what the caller of `watch` gets, and who ends it. It knows neither Redis nor the feed. */
import { EventEmitter } from "node:events";
import { checkDuration, checkNames, show } from "../../leaves/arguments.js";
import type { WatchEndedError } from "../../leaves/errors.js";
import type { Session } from "../session.js";

/**
 * A live view of a session, for what lasts longer than a request: a WebSocket, an event stream, a long job. It costs no timer and
 * no connection of its own, and about 1.5 KB. A watch to which nobody listens raises nothing.
 */
export interface Watch<Claims extends object = Record<string, unknown>> {
  /**
   * The session as last known: its claims are up to date, and its deadlines as they were when it was looked up last. When the
   * watch has ended, what it was before. `null`: there was no such live session when the watch began.
   */
  readonly session: Session<Claims> | null;
  /**
   * Fires once, when the session ends or can no longer be vouched for. Its `reason` is a `WatchEndedError`, whose own `reason`
   * says why. Does not fire for `close()`.
   */
  readonly signal: AbortSignal;
  /** `updated`: the claims have changed. Several changes that follow each other closely may come as one. */
  on(event: "updated", listener: (session: Session<Claims>) => void): this;
  once(event: "updated", listener: (session: Session<Claims>) => void): this;
  off(event: "updated", listener: (session: Session<Claims>) => void): this;
  /** Watches no more: nothing is told after this. May be called again, and after the end. */
  close(): void;
  /** The same as `close`, for `using`. */
  [Symbol.dispose](): void;
}

/** How a session is watched. */
export interface WatchOptions {
  /** Closes the watch when it fires, as `close()` does. If it has fired already, `watch` rejects with its `reason`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Ends the watch as `"unsure"` if it has been unknown for this time, ms, whether the session is live: Redis is down, or cannot be
   * reached. It may be a second late. At least 5000. Default: never; then an outage ends no watch by itself, and the sessions are
   * looked up when it is over.
   */
  readonly unsureAfter?: number | undefined;
  /**
   * Looks the session up at least once in this time, ms. It finds revocations that nobody tells of: by a Redis user who may not
   * publish, or by hand. At least 1000. Default: never; on a Cluster 30 seconds, because its nodes may lose a message on the way
   * to each other.
   */
  readonly lookUpEvery?: number | undefined;
}

/** What is told when a watch is closed. */
interface Registry<Claims extends object> {
  forget(watcher: Watcher<Claims>): void;
}

/** The limits of a watch; `Infinity` for none. */
export type WatchLimits = { readonly [Name in "unsureAfter" | "lookUpEvery"]: number };

export const NEVER = Number.POSITIVE_INFINITY;

/** Checks the options of a watch, and gives its limits: `usual` if it sets none. Throws `TypeError` and `RangeError`. */
export function limitsOf(options: WatchOptions, usual: WatchLimits): WatchLimits {
  checkNames("watch", options, ["signal", "unsureAfter", "lookUpEvery"]);
  const { signal, unsureAfter, lookUpEvery } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal, got ${show(signal)}`);
  }
  if (unsureAfter === undefined && lookUpEvery === undefined) return usual;
  return {
    unsureAfter: unsureAfter === undefined ? usual.unsureAfter : checkDuration("unsureAfter", unsureAfter, 5000),
    lookUpEvery: lookUpEvery === undefined ? usual.lookUpEvery : checkDuration("lookUpEvery", lookUpEvery, 1000),
  };
}

/** A watch, as the registry sees it. */
export class Watcher<Claims extends object> extends EventEmitter implements Watch<Claims> {
  /** What it watches; `undefined` for a token that is none. */
  readonly id: string | undefined;
  readonly limits: WatchLimits;
  readonly #registry: Registry<Claims>;
  readonly #controller = new AbortController();
  #session: Session<Claims> | null = null;
  #isOver = false;
  #stopListening: (() => void) | undefined;

  /** `signal`: closes it. */
  constructor(
    id: string | undefined,
    limits: WatchLimits,
    registry: Registry<Claims>,
    signal: AbortSignal | undefined,
  ) {
    super();
    this.id = id;
    this.limits = limits;
    this.#registry = registry;
    if (signal === undefined) return;
    const close = () => this.close();
    signal.addEventListener("abort", close, { once: true });
    this.#stopListening = () => signal.removeEventListener("abort", close);
  }

  get session(): Session<Claims> | null {
    return this.#session;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it has ended, or was closed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  close(): void {
    if (this.#end()) this.#registry.forget(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Gives it another state of the session. Listeners are told if its claims have changed. */
  show(session: Session<Claims>, isUpdate: boolean): void {
    if (this.#isOver) return;
    this.#session = session;
    if (!isUpdate) return;
    try {
      this.emit("updated", session);
    } catch (error) {
      // The error of a listener is an uncaught exception, and never keeps the news from others.
      process.nextTick(() => {
        throw error;
      });
    }
  }

  /** Ends it. */
  finish(error: WatchEndedError): void {
    if (this.#end()) this.#controller.abort(error);
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#stopListening?.();
    return true;
  }
}
