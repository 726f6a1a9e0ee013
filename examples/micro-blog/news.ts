/** What is new in the timeline, told to every process of the blog by Redis. Knows no session and no page. */
import { EventEmitter } from "node:events";
import type { Redis } from "ioredis";

/** On it the id of each new post is published. */
export const NEWS_CHANNEL = "blog:news";

export class News {
  readonly #redis: Redis;
  readonly #told = new EventEmitter<{ post: [id: string] }>().setMaxListeners(0);
  #subscriber: Redis | undefined;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Calls `listener` for every new post until `signal` fires. The first listener of a process connects. */
  listen(listener: (id: string) => void, signal: AbortSignal): void {
    this.#subscriber ??= this.#subscribe();
    this.#told.on("post", listener);
    signal.addEventListener("abort", () => this.#told.off("post", listener), { once: true });
  }

  #subscribe(): Redis {
    const subscriber = this.#redis.duplicate();
    subscriber.on("error", (error: Error) => console.error(`redis, for news: ${error.message}`));
    subscriber.on("message", (_channel, id) => this.#told.emit("post", id));
    subscriber.subscribe(NEWS_CHANNEL).catch((error: Error) => console.error(`redis, for news: ${error.message}`));
    // It lasts as long as the blog's own connection.
    this.#redis.once("end", () => subscriber.disconnect());
    return subscriber;
  }
}
