/**
 * Posts, likes and retweets: a hash `blog:post:<id>` for each post, the sets `blog:likes:<id>` and `blog:retweets:<id>`
 * of user names, and the sorted set `blog:timeline` of what appeared when: `<id>` for a post, `<id>:<name>` for a
 * retweet. Knows no session.
 */
import type { Database } from "./database.ts";
import { NEWS_CHANNEL } from "./news.ts";

/** A post as one reader sees it in the timeline. */
export interface Entry {
  readonly id: string;
  readonly author: string;
  readonly text: string;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Who brought it here, if it is a retweet. */
  readonly retweetedBy: string | undefined;
  readonly likes: number;
  readonly retweets: number;
  readonly isLiked: boolean;
  readonly isRetweeted: boolean;
}

export const MAX_TEXT = 280;
const PAGE_SIZE = 20;

export class Posts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async write(author: string, text: string): Promise<string> {
    const id = String(await this.#database.run((redis) => redis.incr("blog:last-post")));
    const createdAt = Date.now();
    await this.#database.transaction((multi) =>
      multi
        .hset(`blog:post:${id}`, { author, text, createdAt })
        .zadd("blog:timeline", createdAt, id)
        .publish(NEWS_CHANNEL, id),
    );
    return id;
  }

  /** `false`: no such post. */
  async like(id: string, name: string, on: boolean): Promise<boolean> {
    if (!(await this.#exists(id))) return false;
    await this.#database.run((redis) =>
      on ? redis.sadd(`blog:likes:${id}`, name) : redis.srem(`blog:likes:${id}`, name),
    );
    return true;
  }

  /** `false`: no such post. */
  async retweet(id: string, name: string, on: boolean): Promise<boolean> {
    if (!(await this.#exists(id))) return false;
    const [set, entry] = [`blog:retweets:${id}`, `${id}:${name}`];
    await this.#database.transaction((multi) =>
      on
        ? multi.sadd(set, name).zadd("blog:timeline", "NX", Date.now(), entry)
        : multi.srem(set, name).zrem("blog:timeline", entry),
    );
    return true;
  }

  /** One page of the timeline, newest first, as `reader` sees it; pages count from 1. Two round trips. */
  async timeline(reader: string | undefined, page: number): Promise<{ entries: Entry[]; hasMore: boolean }> {
    const first = (page - 1) * PAGE_SIZE;
    const members = await this.#database.run((redis) => redis.zrevrange("blog:timeline", first, first + PAGE_SIZE));
    const appearances = members.slice(0, PAGE_SIZE).map((member) => {
      const [id = "", retweetedBy] = member.split(":");
      return { id, retweetedBy };
    });
    return { entries: await this.#entries(appearances, reader), hasMore: members.length > PAGE_SIZE };
  }

  /** One post, as `reader` sees it. `null`: no such post. */
  async entry(id: string, reader: string | undefined): Promise<Entry | null> {
    if (!(await this.#exists(id))) return null;
    const [entry = null] = await this.#entries([{ id, retweetedBy: undefined }], reader);
    return entry;
  }

  async #entries(
    appearances: readonly Pick<Entry, "id" | "retweetedBy">[],
    reader: string | undefined,
  ): Promise<Entry[]> {
    const answers = await this.#database.batch((pipeline) => {
      for (const { id } of appearances) {
        pipeline.hgetall(`blog:post:${id}`).scard(`blog:likes:${id}`).scard(`blog:retweets:${id}`);
        pipeline.sismember(`blog:likes:${id}`, reader ?? "").sismember(`blog:retweets:${id}`, reader ?? "");
      }
    });
    return appearances.map(({ id, retweetedBy }, at): Entry => {
      const [post, likes, retweets, isLiked, isRetweeted] = answers.slice(at * 5, at * 5 + 5);
      const { author = "", text = "", createdAt } = post as { author?: string; text?: string; createdAt?: string };
      return {
        ...{ id, author, text, createdAt: Number(createdAt), retweetedBy },
        ...{ likes: Number(likes), retweets: Number(retweets) },
        ...{ isLiked: Number(isLiked) === 1, isRetweeted: Number(isRetweeted) === 1 },
      };
    });
  }

  /** An id that is no number is not looked up: a key is not the place for whatever came in an address. */
  async #exists(id: string): Promise<boolean> {
    return /^[1-9]\d{0,14}$/.test(id) && (await this.#database.run((redis) => redis.exists(`blog:post:${id}`))) === 1;
  }
}
