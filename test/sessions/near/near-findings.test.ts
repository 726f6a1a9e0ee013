/** What `check()` finds about the near cache. */
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore } from "../../../src/index.js";
import { judgePushes } from "../../../src/sessions/near/near-findings.js";
import { grant } from "../../harness/access.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy } from "../../harness/tcp-proxy.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const admin = connect({ port: server.port });
const mute = { username: "mute", password: "secret" };
await grant(admin, { ...mute, rules: ["on", ">secret", "~*", "resetchannels", "+@all"] });

const findingsOf = async (options: object, near: object | boolean | undefined) => {
  const store = createSessionStore(connect({ port: server.port, ...options }), {
    prefix: uniquePrefix(),
    near: near as never,
  });
  afterFile(() => store.close());
  const { findings } = await store.check();
  return findings.flatMap(({ code, level }) => (/publish|near/.test(code) ? [`${code}: ${level}`] : []));
};

/** What `check()` of a store finds about its pushes. */
async function codesOf(store: SessionStore): Promise<string[]> {
  const { findings } = await store.check();
  return findings.flatMap(({ code }) => (/publish|near/.test(code) ? [code] : []));
}

/** As long as a busy machine may need. */
const PATIENT = { timeout: 30_000 };

describe("check", () => {
  it("finds nothing about near where everything is well", async () => {
    expect(await findingsOf({}, undefined)).toEqual([]);
    expect(await findingsOf({}, true)).toEqual([]);
  });

  it("finds a danger with near if the user of Redis may not publish, and a warning without", async () => {
    // Nor may it subscribe, without any channel.
    expect(await findingsOf(mute, true)).toEqual(["publish: danger", "near-refused: warning"]);
    expect(await findingsOf(mute, undefined)).toEqual(["publish: warning"]);
  });

  it.each([
    ["SUBSCRIBE", ["allchannels", "-subscribe"]],
    ["the channel of the sessions", ["&*:near:*"]],
    ["the channel of its beats", ["&*:near"]],
  ])("finds that the subscriber may not use %s, with near alone", async (_, rules) => {
    const deaf = { username: `deaf-${rules.join()}`, password: "secret" };
    const all = ["on", ">secret", "~*", "resetchannels", "+@all"];
    await grant(admin, { ...deaf, rules: [...all, ...rules] });
    const subscriber = connect({ port: server.port, ...deaf });
    expect(await findingsOf({}, { subscriber })).toEqual(["near-refused: warning"]);
    expect(await findingsOf(rules.includes("-subscribe") ? deaf : {}, undefined)).toEqual([]);
  });

  it("finds that the subscriber has been closed meanwhile", async () => {
    const subscriber = connect({ port: server.port });
    const store = createSessionStore(connect({ port: server.port }), { prefix: uniquePrefix(), near: { subscriber } });
    afterFile(() => store.close());
    subscriber.disconnect();
    await expect
      .poll(async () => (await store.check()).findings.map(({ code }) => code))
      .toEqual(expect.arrayContaining(["near-subscriber"]));
  });

  describe.each(["before the first lookup", "while it serves"])("with a subscriber on another server, %s", (when) => {
    it("finds that it does not hear what the store publishes", async () => {
      const other = await startRedisServer();
      afterFile(() => other.stop());
      const subscriber = connect({ port: server.port });
      const store = createSessionStore(connect({ port: server.port }), {
        prefix: uniquePrefix(),
        timeout: 10_000,
        near: { subscriber, lease: 2000 },
      });
      afterFile(() => store.close());
      if (when === "while it serves")
        await expect.poll(() => [store.peek(""), store.near.state][1], PATIENT).toBe("serving");
      expect(await codesOf(store)).toEqual([]);
      subscriber.options.port = other.port;
      subscriber.disconnect(true);
      await new Promise((resolve) => subscriber.once("ready", resolve));
      await expect.poll(() => codesOf(store), PATIENT).toEqual(["near-deaf"]);
    });
  });

  /** A store that serves from memory, and whose subscriber is behind a proxy. */
  async function servingBehindProxy() {
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const subscriber = connect({ port: proxy.port, retryStrategy: () => 20 });
    const data = connect({ port: server.port });
    const store = createSessionStore(data, {
      prefix: uniquePrefix(),
      timeout: 2000,
      near: { subscriber, lease: 60_000 },
    });
    afterFile(() => store.close());
    await expect.poll(() => [store.peek(""), store.near.state][1], PATIENT).toBe("serving");
    return { proxy, store };
  }

  it("finds nothing about a subscriber that hears, however late", async () => {
    const { proxy, store } = await servingBehindProxy();
    proxy.hold("down");
    expect(await codesOf(store)).toEqual([]);
    proxy.release("down");
  });

  it("finds nothing about a subscriber on a replica that lags, but by less than a lease", async () => {
    const link = await startProxy(server.port);
    const replica = await startRedisServer({ args: ["--replicaof", "127.0.0.1", String(link.port)] });
    afterFile(async () => {
      await replica.stop();
      await link.close();
    });
    const subscriber = connect({ port: replica.port });
    while (!(await subscriber.info("replication")).includes("master_link_status:up"));
    const store = createSessionStore(connect({ port: server.port }), {
      prefix: uniquePrefix(),
      timeout: 20_000,
      near: { subscriber, lease: 20_000 },
    });
    afterFile(() => store.close());
    link.hold("down");
    const checking = codesOf(store);
    // What is published is on its way to the replica; then longer passes than what one that does not lag may take.
    await link.seen("~ 01", { direction: "down", times: 4 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    link.release("down");
    expect(await checking).toEqual([]);
  });

  it("finds nothing about a subscriber that loses its connection meanwhile", async () => {
    const { proxy, store } = await servingBehindProxy();
    // The message is on its way when the connection is lost, and the next one confirms what is asked for.
    proxy.hold("down");
    const checking = codesOf(store);
    // It has subscribed to the channel of its beats before.
    await proxy.seen(":near:", { times: 2 });
    proxy.reset();
    proxy.release("down");
    expect(await checking).toEqual([]);
  });

  it("tells those who listen of no session that there is", async () => {
    const prefix = uniquePrefix();
    const store = createSessionStore(connect({ port: server.port }), { prefix, near: { lease: 10_000 } });
    afterFile(() => store.close());
    const { token } = await store.create();
    await expect.poll(async () => [await store.touch(token), store.peek(token)][1]).toBeDefined();
    const { pushes } = store.near.stats;
    await createSessionStore(connect({ port: server.port }), { prefix }).check();
    await expect.poll(() => store.near.stats.pushes).toBeGreaterThan(pushes);
    expect(store.peek(token)).toBeDefined();
    expect(store.near.stats.flushes).toBe(0);
  });
});

it("finds a lease below four round trips", () => {
  const codes = (roundTrip: number, publishes: boolean | null = true) =>
    [
      ...judgePushes({ publishes, roundTrip, isHeard: null }, { subscriber: undefined, lease: 1000, maxEntries: 1 }),
    ].map(({ code, mend }) => [code, mend]);
  expect(codes(250)).toEqual([]);
  expect(codes(250.1)).toEqual([["near-lease", "set it to at least 1001, or bring Redis nearer"]]);
  // Then Redis has not answered at all, and other findings say so.
  expect(codes(1000, null)).toEqual([]);
});
