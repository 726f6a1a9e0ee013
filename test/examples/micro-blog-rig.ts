/** What the tests of the micro-blog share: the running application, on ioredis-mock and on Redis, and who visits it. */
import "./quick-scrypt.js";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { beforeAll, describe } from "vitest";
import { type Blog, type BlogOptions, createBlog } from "../../examples/micro-blog/app.js";
import { Outbox, type OutboxMail } from "../../examples/micro-blog/mail.js";
import type { Role } from "../../examples/micro-blog/users.js";
import { hashPassword } from "../../examples/passwords.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { steadyMockClock } from "../harness/mock-clock.js";
import { startRedisServer } from "../harness/redis-server.js";
import { Visitor } from "./micro-blog-visitor.js";

steadyMockClock();

export const PASSWORD = "correct horse battery";

export class RunningBlog {
  readonly blog: Blog;
  /** Such as `http://127.0.0.1:4711`. */
  readonly url: string;
  /** What the blog keeps everything in. */
  readonly redis: Redis;
  readonly #outbox: Outbox;

  constructor(blog: Blog, url: string, redis: Redis, outbox: Outbox) {
    this.blog = blog;
    this.url = url;
    this.redis = redis;
    this.#outbox = outbox;
  }

  /** Somebody who is not logged in. */
  guest(): Visitor {
    return new Visitor(this.url);
  }

  /** Makes accounts; all have the same password. */
  async accounts(...names: string[]): Promise<void> {
    await Promise.all(names.map((name) => this.account(name, "member")));
  }

  /** Makes an account whose address is confirmed, unless there is one. */
  async account(name: string, role: Role): Promise<void> {
    if ((await this.blog.users.get(name)) !== null) return;
    const email = `${name}@example.com`;
    const createdAt = Date.now();
    // As the blog would do it, but with a password that is cheap to verify.
    const passwordHash = await hashPassword(PASSWORD);
    await this.redis.hset(`blog:user:${name}`, { name, email, role, passwordHash, createdAt });
    await this.redis.zadd("blog:users", createdAt, name);
    await this.blog.users.verifyEmail(name, email);
  }

  /** The mails to an address, the newest first, once all have been sent that are under way. */
  async mailTo(address: string): Promise<OutboxMail[]> {
    await this.blog.dispatch.settled();
    return this.#outbox.mails.filter(({ to }) => to === address);
  }

  /** The path and query of the link in the newest mail to an address. */
  async linkTo(address: string): Promise<string> {
    const [mail] = await this.mailTo(address);
    const [link] = /http:\S+/.exec(mail?.text ?? "") ?? [];
    if (!link?.startsWith(this.url)) throw new Error(`No mail with a link to this blog went to ${address}.`);
    return link.slice(this.url.length);
  }

  /** Somebody who has given name and password. */
  logIn(name: string): Promise<Visitor> {
    return this.guest().logIn(name, PASSWORD);
  }

  /** Somebody who is logged in, for tests whose subject is something else: a password takes long to check. */
  async as(name: string, role: Role = "member"): Promise<Visitor> {
    const claims = { user_name: name, email: `${name}@example.com`, email_verified: true, role };
    const { token } = await this.blog.store.create({ userId: name, claims });
    const visitor = this.guest();
    visitor.cookie = `session=${token}`;
    return visitor;
  }
}

/** Starts the application on a free port, until the test file ends. */
export async function startBlog(redis: Redis, options: Partial<BlogOptions> = {}): Promise<RunningBlog> {
  const outbox = new Outbox();
  const blog = createBlog(redis, { secure: false, mailer: outbox, origin: () => url, ...options });
  const server = blog.app.listen(0, "127.0.0.1");
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new RunningBlog(blog, url, redis, outbox);
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
      // Nothing here is about the deadline of a call, and a machine that is busy may stand still for longer than its second.
      running = await startBlog(await open(), { timeout: 10_000 });
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
