/** What the tests of the micro-blog share: the running application, on ioredis-mock and on Redis, and who visits it. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { beforeAll, describe } from "vitest";
import { type Blog, type BlogOptions, createBlog } from "../../examples/micro-blog/app.js";
import type { Role } from "../../examples/micro-blog/users.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { Visitor } from "./micro-blog-visitor.js";

export const PASSWORD = "correct horse battery";

export class RunningBlog {
  readonly blog: Blog;
  /** Such as `http://127.0.0.1:4711`. */
  readonly url: string;

  constructor(blog: Blog, url: string) {
    this.blog = blog;
    this.url = url;
  }

  /** Somebody who is not logged in. */
  guest(): Visitor {
    return new Visitor(this.url);
  }

  /** Makes accounts; all have the same password. */
  async accounts(...names: string[]): Promise<void> {
    await Promise.all(names.map((name) => this.account(name, "member")));
  }

  /** Makes an account, unless there is one. */
  async account(name: string, role: Role): Promise<void> {
    if ((await this.blog.users.get(name)) !== null) return;
    await this.blog.users.create({ name, email: `${name}@example.com`, password: PASSWORD, role });
  }

  /** Somebody who has given name and password. */
  logIn(name: string): Promise<Visitor> {
    return this.guest().logIn(name, PASSWORD);
  }

  /** Somebody who is logged in, for tests whose subject is something else: a password takes long to check. */
  async as(name: string, role: Role = "member"): Promise<Visitor> {
    const claims = { user_name: name, email: `${name}@example.com`, role };
    const { token } = await this.blog.store.create({ userId: name, claims });
    const visitor = this.guest();
    visitor.cookie = `session=${token}`;
    return visitor;
  }
}

/** Starts the application on a free port, until the test file ends. */
export async function startBlog(redis: Redis, options: BlogOptions = {}): Promise<RunningBlog> {
  const blog = createBlog(redis, { secure: false, ...options });
  const server = blog.app.listen(0, "127.0.0.1");
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return new RunningBlog(blog, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

/** Runs the same tests on both: the embedded default, and a Redis of their own. */
export function describeBlog(define: (running: () => RunningBlog) => void): void {
  const places: [place: string, open: () => Promise<Redis>][] = [
    ["ioredis-mock", async () => new RedisMock({ host: uniquePrefix() })],
    ["Redis", openRedis],
  ];
  describe.each(places)("the micro-blog on %s", (_place, open) => {
    let running: RunningBlog;
    beforeAll(async () => {
      running = await startBlog(await open());
    });
    define(() => running);
  });
}

/** A private Redis: what the blog keeps there has no end of its own. */
export async function openRedis(): Promise<Redis> {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  return connect({ port: server.port });
}
