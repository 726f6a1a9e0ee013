import { createConnection } from "node:net";
import { describe, expect, it } from "vitest";
import { afterFile, connect, uniquePrefix } from "./fixtures.ts";
import { startRedisServer } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";

const server = await startRedisServer();
afterFile(() => server.stop());
const direct = connect({ url: server.url });
const prefix = uniquePrefix();
let keys = 0;

async function start() {
  const proxy = await startProxy(server.port);
  afterFile(() => proxy.close());
  const redis = connect({ port: proxy.port, retryStrategy: () => 10 });
  await redis.ping();
  return { proxy, redis, key: `${prefix}${keys++}` };
}

/** Sets a key that goes away by itself, as every key of these tests has to. */
const write = (redis: typeof direct, key: string, value: string) => redis.set(key, value, "EX", 60);

async function stays<T>(promise: Promise<T>, state: "pending", ms = 50): Promise<void> {
  const winner = await Promise.race([
    promise.catch(() => "rejected"),
    new Promise((done) => setTimeout(done, ms, state)),
  ]);
  expect(winner).toBe(state);
}

describe("startProxy", () => {
  it("carries bytes in both directions, many of them in order", async () => {
    const { redis, key } = await start();
    const big = "0123456789".repeat(300_000);
    await write(redis, key, big);
    expect((await redis.get(key)) === big).toBe(true);
  });

  it("holds a command at the gate before the server sees it", async () => {
    const { proxy, redis, key } = await start();
    proxy.hold("up");
    const written = write(redis, key, "late");
    await proxy.seen(key);
    expect(await direct.exists(key)).toBe(0);

    proxy.release("up");
    expect(await written).toBe("OK");
    expect(await direct.get(key)).toBe("late");
  });

  it("holds a reply at the gate after the server has done the work", async () => {
    const { proxy, redis, key } = await start();
    proxy.hold("down");
    const written = write(redis, key, "done");
    await proxy.seen("OK", { direction: "down" });
    expect(await direct.get(key)).toBe("done");
    await stays(written, "pending");

    proxy.release("down");
    expect(await written).toBe("OK");
  });

  it("delivers a held command even if its client has gone away meanwhile", async () => {
    const { proxy, redis, key } = await start();
    proxy.hold("up");
    const abandoned = expect(write(redis, key, "from the grave")).rejects.toThrow("Connection is closed.");
    await proxy.seen(key);
    redis.disconnect();
    await abandoned;
    await expect.poll(() => proxy.connections).toBe(0);

    proxy.release("up");
    await expect.poll(() => direct.get(key)).toBe("from the grave");
  });

  it("counts how often a text was seen since the hold", async () => {
    const { proxy, redis, key } = await start();
    await redis.exists(key);
    proxy.hold("up");
    const first = redis.exists(key);
    const twice = proxy.seen("EXISTS", { times: 2 });
    await proxy.seen("exists");
    await stays(twice, "pending");

    const second = redis.exists(key);
    await twice;
    proxy.release("up");
    expect(await Promise.all([first, second])).toEqual([0, 0]);
  });

  it("waits for a number of bytes", async () => {
    const { proxy, redis } = await start();
    proxy.hold("up");
    const answer = redis.ping();
    await proxy.seen("*1\r\n$4\r\nping\r\n".length);
    proxy.release("up");
    expect(await answer).toBe("PONG");
  });

  it("says what it has not seen", async () => {
    const { proxy } = await start();
    proxy.hold("up");
    await expect(proxy.seen("EVALSHA", { timeout: 20 })).rejects.toThrow(
      'The proxy has not seen "EVALSHA", 1 times, within 20 ms; 0 bytes came up.',
    );
  });

  it("loses everything in a black hole, then resets what can no longer be understood", async () => {
    const { proxy, redis, key } = await start();
    proxy.blackhole();
    const written = write(redis, key, "resent");
    const late = connect({ port: proxy.port, retryStrategy: () => 10 });
    await stays(written, "pending");
    await stays(late.ping(), "pending");
    expect(await direct.exists(key)).toBe(0);

    proxy.restore();
    expect(await written).toBe("OK");
    expect(await late.ping()).toBe("PONG");
  });

  it("loses commands and not replies in a black hole up, replies and not commands in one down", async () => {
    const { proxy, redis, key } = await start();
    proxy.blackhole("up");
    const unheard = write(redis, key, "unheard");
    await proxy.seen(key);
    await stays(unheard, "pending");
    expect(await direct.exists(key)).toBe(0);
    proxy.restore();
    expect(await unheard).toBe("OK");

    await redis.ping();
    proxy.blackhole("down");
    const unanswered = write(redis, key, "unanswered");
    await expect.poll(() => direct.get(key)).toBe("unanswered");
    await stays(unanswered, "pending");
    proxy.restore();
    expect(await unanswered).toBe("OK");
  });

  it("delays bytes without one overtaking another, and lets them arrive at once when it is told to hurry", async () => {
    const { proxy, redis, key } = await start();
    proxy.delay(200);
    const before = performance.now();
    expect(await redis.ping()).toBe("PONG");
    expect(performance.now() - before).toBeGreaterThan(190);

    proxy.delay(60_000, "up");
    const values = Promise.all([redis.incr(key), redis.incr(key), redis.expire(key, 60)]);
    await proxy.seen("expire");
    expect(await direct.exists(key)).toBe(0);
    proxy.hurry();
    expect(await values).toEqual([1, 2, 1]);
  });

  it("lets bytes trickle", async () => {
    const { proxy, redis, key } = await start();
    await write(redis, key, "0123456789");
    proxy.drip(4, 30);
    const before = performance.now();
    // $10, a line end and the value: 15 bytes, so 4 portions.
    expect(await redis.get(key)).toBe("0123456789");
    expect(performance.now() - before).toBeGreaterThan(3 * 30 - 10);

    proxy.drip(1, 60_000);
    const last = redis.get(key);
    await stays(last, "pending");
    proxy.hurry();
    expect(await last).toBe("0123456789");
  });

  it("abandons open connections without a word, and serves new ones", async () => {
    const { proxy, redis, key } = await start();
    const heard: string[] = [];
    for (const event of ["close", "end", "error"]) redis.on(event, () => heard.push(event));
    proxy.abandon();
    const lost = write(redis, key, "lost");
    await stays(lost, "pending");
    expect(heard).toEqual([]);
    expect(await direct.exists(key)).toBe(0);

    const other = connect({ port: proxy.port });
    expect(await other.ping()).toBe("PONG");
    expect(proxy.connections).toBe(2);
    redis.stream.destroy();
    expect(await lost).toBe("OK");
  });

  it.each(["reset", "end"] as const)("ends connections in the middle of a reply by %s", async (how) => {
    const { proxy, key } = await start();
    await write(direct, key, "0123456789".repeat(100_000));
    for (let round = 0; round < 2; round++) {
      const socket = createConnection(proxy.port, proxy.host);
      let text = "";
      socket.on("data", (data) => {
        text += data;
      });
      const failed = new Promise<string>((resolve) => {
        socket.on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
        socket.on("end", () => resolve("end"));
      });
      const ping = async () => {
        const { length } = text;
        socket.write("PING\r\n");
        await expect.poll(() => text.slice(length)).toBe("+PONG\r\n");
      };
      // What came before does not count, and what comes counts together.
      await ping();
      proxy.hangUpAfter(18, how);
      await ping();
      socket.write(`GET ${key}\r\n`);
      expect(await failed).toBe(how === "end" ? "end" : "ECONNRESET");
      expect(text).toBe("+PONG\r\n+PONG\r\n$1000000\r\n0");
      socket.destroy();
    }
    proxy.hangUpAfter(null);
    expect(await connect({ port: proxy.port }).strlen(key)).toBe(1_000_000);
  });

  it("resets connections", async () => {
    const { proxy, redis } = await start();
    const error = new Promise<Error>((resolve) => redis.once("error", resolve));
    proxy.reset();
    expect(await error).toMatchObject({ code: "ECONNRESET" });
    expect(await redis.ping()).toBe("PONG");
  });

  it("refuses new connections until it accepts them again, on the same port", async () => {
    const { proxy, redis } = await start();
    proxy.refuse();
    expect(await redis.ping()).toBe("PONG");

    const refused = new Promise<Error>((resolve) => {
      redis.on("error", (error: NodeJS.ErrnoException) => error.code === "ECONNREFUSED" && resolve(error));
    });
    proxy.reset();
    await refused;

    await proxy.accept();
    expect(await redis.ping()).toBe("PONG");
  });

  it("leads new connections to another server, and no open one", async () => {
    const { proxy, redis } = await start();
    const other = await startRedisServer();
    afterFile(() => other.stop());
    const portOf = async () => Number(/^tcp_port:(\d+)/m.exec(await redis.info("server"))?.[1]);
    proxy.retarget(other.port);
    expect(await portOf()).toBe(server.port);
    proxy.reset();
    await expect.poll(portOf).toBe(other.port);
  });

  it("loses one reply, after which ioredis sends the command again", async () => {
    const { proxy, redis, key } = await start();
    const lost = proxy.dropNextReply();
    const pushed = redis.incr(key);
    await lost;

    // Twice, although it was called once: this is why every script of the store is idempotent.
    expect(await pushed).toBe(2);
    await direct.expire(key, 60);
  });

  it("loses all but a part of one reply", async () => {
    const { proxy, redis, key } = await start();
    await write(redis, key, "0123456789");
    const lost = proxy.dropNextReply("INCR", 3);
    const seen: string[] = [];
    redis.stream.on("data", (data) => seen.push(String(data)));
    const counter = redis.incrby(`${key}:n`, 1000);
    await lost;
    expect(await counter).toBe(2000);
    expect(seen).toEqual([":10"]);
    await direct.expire(`${key}:n`, 60);
  });

  it("loses the reply to a certain command and none before it", async () => {
    const { proxy, redis, key } = await start();
    const lost = proxy.dropNextReply("INCR");
    expect(await redis.ping()).toBe("PONG");
    const pushed = redis.incr(key);
    await lost;

    expect(await pushed).toBe(2);
    await direct.expire(key, 60);
  });

  it("resets its clients when the server is not there", async () => {
    const proxy = await startProxy(1);
    afterFile(() => proxy.close());
    const redis = connect({ port: proxy.port, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    await expect(redis.ping()).rejects.toThrow();
    expect(proxy.connections).toBe(0);
  });

  it("closes twice without harm", async () => {
    const { proxy } = await start();
    await proxy.close();
    await proxy.close();
    expect(proxy.connections).toBe(0);
  });
});
