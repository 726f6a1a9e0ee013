/** Calls beyond their deadline that the client still holds: there is a bound to them, and to nothing else. */
import type { Redis } from "ioredis";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { RedisStore } from "../../src/express-session.js";
import { createSessionStore, type IoredisClient, type SessionStore, StoreUnavailableError } from "../../src/index.js";
import { parseToken } from "../../src/leaves/token.js";
import { Backlog, backlogOf, MAX_LATE } from "../../src/redis/calls/backlog.js";
import { portOf } from "../../src/redis/clients/supported.js";
import { slotOf } from "../../src/redis/cluster/slot.js";
import { callEveryVerb, liveSubject, rejection, settled, stranger } from "../fixtures/every-verb.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

const REFUSED = "Redis has not answered the calls before this one, which was not sent";
const TIMEOUT = 200;

/** How many commands wait in a client, whether or not it could send them. */
function held(redis: Redis): number {
  const { commandQueue, offlineQueue } = redis as unknown as Record<string, { length: number }>;
  return (commandQueue?.length ?? 0) + (offlineQueue?.length ?? 0);
}

async function start() {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  const redis = connect({ port: server.port });
  const prefix = uniquePrefix();
  const store = createSessionStore(redis, { prefix, timeout: TIMEOUT });
  // On a busy machine even a Redis that answers may take longer than the deadline that is to be missed here.
  const patient = createSessionStore(redis, { prefix, timeout: 20_000 });
  const subject = await liveSubject(patient, "ada");
  // From here on Redis knows the script, and a late lookup is over with its first answer.
  await patient.get(subject.token);
  return { server, redis, store, patient, subject };
}

/**
 * Makes the call that looks whether Redis is back, in vain, and stops the clock at that moment, however slow the machine is:
 * the next that may look comes no sooner than `resume` is called.
 */
async function lookInVain(store: SessionStore, token: string): Promise<{ resume(): void }> {
  const now = performance.now();
  expect((await rejection(store.get(token))).message).toContain("did not answer within");
  const spy = vi.spyOn(performance, "now").mockImplementation(() => now);
  onTestFinished(() => spy.mockRestore());
  return { resume: () => spy.mockRestore() };
}

/** As many calls at once as make the next one be refused; each is let to miss its deadline. */
async function fill(store: SessionStore, token: string, calls = MAX_LATE): Promise<void> {
  const outcomes = await settled(Promise.allSettled(Array.from({ length: calls }, () => store.get(token))));
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ reason: { message: expect.stringContaining("did not answer within") } });
  }
}

describe("a Redis that owes too many answers", () => {
  it("is sent nothing more but one call a second, and every verb rejects without a wait", async () => {
    const { server, redis, store, subject } = await start();
    server.freeze();
    await fill(store, subject.token, MAX_LATE - 1);
    // The last that is let in, and then the one that looks whether Redis is back.
    expect((await rejection(store.get(subject.token))).message).toContain("did not answer within");
    await lookInVain(store, subject.token);

    const before = held(redis);
    for (const [name, outcome] of await callEveryVerb(store, subject)) {
      expect(outcome, name).toMatchObject({
        status: "rejected",
        reason: { message: expect.stringContaining(REFUSED) },
      });
      expect((outcome as PromiseRejectedResult).reason, name).toBeInstanceOf(StoreUnavailableError);
    }
    expect(held(redis)).toBe(before);
    expect(before).toBe(MAX_LATE + 1);
    server.thaw();
    await redis.ping();
  });

  it("is used again as soon as it has answered", async () => {
    const { server, redis, store, patient, subject } = await start();
    server.freeze();
    await fill(store, subject.token);
    server.thaw();
    await redis.ping();
    for (const [name, outcome] of await callEveryVerb(patient, stranger())) {
      expect(outcome, `${name}: ${String((outcome as PromiseRejectedResult).reason)}`).toMatchObject({
        status: "fulfilled",
      });
    }
  });

  it("can be heard also by a caller who tries again and again without a pause", async () => {
    const { server, redis, store, subject } = await start();
    server.freeze();
    await fill(store, subject.token);
    await lookInVain(store, subject.token);
    let turns = 0;
    setImmediate(() => turns++);
    expect((await rejection(store.get(subject.token))).message).toBe(REFUSED);
    expect(turns).toBe(1);
    server.thaw();
    await redis.ping();
  });

  it("is not used by another store on the same client either, and is by one on another client", async () => {
    const { server, redis, store, subject } = await start();
    server.freeze();
    await fill(store, subject.token);
    const { resume } = await lookInVain(store, subject.token);
    const beside = createSessionStore(redis, { prefix: "beside:", timeout: 60_000 });
    expect((await rejection(beside.find(subject.id))).message).toBe(REFUSED);
    const dropIn = new RedisStore({ client: redis, timeout: 60_000 });
    const read = new Promise((resolve, fail) =>
      dropIn.get("any", (error, session) => (error ? fail(error) : resolve(session))),
    );
    expect((await rejection(read)).message).toBe(REFUSED);
    resume();
    const other = createSessionStore(connect({ port: server.port }), { prefix: uniquePrefix(), timeout: TIMEOUT });
    expect((await rejection(other.find(subject.id))).message).toContain("did not answer within");
    server.thaw();
    await redis.ping();
  });

  it("takes all calls whose deadline has not passed, however many", async () => {
    const { server, redis, store, patient, subject } = await start();
    server.freeze();
    const calls = Array.from({ length: 3 * MAX_LATE }, () => rejection(store.get(subject.token)));
    for (const error of await Promise.all(calls)) expect(error.message).toContain("did not answer within");
    expect(held(redis)).toBe(3 * MAX_LATE);
    server.thaw();
    await redis.ping();
    expect(await patient.get(subject.token)).not.toBeNull();
  });
});

/** Lets this process's clock go ten times slower from now on, so that a slow machine does not use up the second between two probes. */
function slowDown(): { advance(ms: number): void } {
  const real = performance.now.bind(performance);
  const begun = real();
  let ahead = 0;
  const spy = vi.spyOn(performance, "now").mockImplementation(() => begun + ahead + (real() - begun) / 10);
  onTestFinished(() => spy.mockRestore());
  return {
    advance(ms) {
      ahead += ms;
    },
  };
}

/** A client whose scripts do what they are told to; it counts them. */
function puppet(answer: () => Promise<unknown>, more: object = {}) {
  const evalsha = () => {
    client.sent++;
    return answer();
  };
  const client = { sent: 0, evalsha, eval: answer, on: () => {}, ...more };
  return client;
}

describe("a client that has dropped calls without a word", () => {
  it("is used again a second later, when one call is answered", async () => {
    let answer = () => new Promise<unknown>(() => {});
    const client = puppet(() => answer());
    const store = createSessionStore(client as unknown as IoredisClient, { timeout: 20 });
    const { token } = stranger();
    const clock = slowDown();
    await fill(store, token);
    await rejection(store.get(token));
    answer = async () => `none ${parseToken(token)?.secretHash}`;
    expect((await rejection(store.get(token))).message).toBe(REFUSED);
    clock.advance(1000);
    expect(await store.get(token)).toBeNull();
    expect(await Promise.all(Array.from({ length: 10 }, () => store.get(token)))).toEqual(Array(10).fill(null));
    expect(client.sent).toBe(MAX_LATE + 12);
  });
});

describe("a late answer", () => {
  it("counts for its own call alone", async () => {
    const answers: ((value: string) => void)[] = [];
    const client = puppet(() => new Promise((resolve) => answers.push(resolve)));
    const answer = (at: number) => {
      answers[at]?.("none");
      return new Promise((heard) => setImmediate(heard));
    };
    const store = createSessionStore(client as unknown as IoredisClient, { timeout: 20 });
    const { token } = stranger();
    slowDown();
    await fill(store, token, MAX_LATE);
    // The one that looks whether Redis is back.
    await rejection(store.get(token));
    await answer(0);
    expect((await rejection(store.get(token))).message).toBe(REFUSED);
    await answer(1);
    expect((await rejection(store.get(token))).message).toContain("did not answer within");
  });
});

describe("a Cluster", () => {
  const slots = Array.from({ length: 16_384 }, (_, slot) => [slot < 8192 ? "a:1" : "b:2", "replica:3"]);
  const [onA, onB] = ["{b}", "{a}"];
  const served = { inCluster: true, keyPrefix: "", masterOf: (slot: number) => slots[slot]?.[0] };

  it("is refused only what the one server has to answer that owes too much, wherever that is by then", () => {
    expect([slotOf(onA), slotOf(onB)]).toEqual([3300, 15495]);
    const client = { ...served };
    const backlog = new Backlog(client);
    const ends = Array.from({ length: MAX_LATE }, () => backlog.add(onB));
    expect(backlog.admits(onB)).toBe(true);
    expect(backlog.admits(onB)).toBe(false);
    expect(backlog.admits(onA)).toBe(true);
    // A failover: the new master owes nothing.
    client.masterOf = () => "c:4";
    expect(backlog.admits(onB)).toBe(true);
    client.masterOf = served.masterOf;
    ends.pop()?.();
    expect(backlog.admits(onB)).toBe(true);
  });

  it("is not held to what another server owes", () => {
    const backlog = new Backlog(served);
    for (let i = 0; i < MAX_LATE; i++) backlog.add(onB);
    expect(backlog.admits(onB)).toBe(true);
    expect(backlog.admits(onB)).toBe(false);
    expect(backlog.admits(onA)).toBe(true);
    // An answer of the one says nothing of the other.
    backlog.answered(onA);
    expect(backlog.admits(onB)).toBe(false);
  });

  it("knows the keys by the prefix that the client puts before them", () => {
    const backlog = new Backlog({ ...served, keyPrefix: "{b}:" });
    for (let i = 0; i < MAX_LATE; i++) backlog.add(onB);
    expect(backlog.admits(onB)).toBe(true);
    expect(backlog.admits(onB)).toBe(false);
    expect(new Backlog(served).admits(onB)).toBe(true);
    expect(backlog.admits("anything, for its tag is that of the prefix")).toBe(false);
  });

  it("owes no answer any more to a call that was waiting for a slot when its deadline passed", async () => {
    // ioredis itself has tried for a while: that is no reply of Redis, and the deadline says more.
    const gaveUp = new Error("Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys request");
    const client = puppet(() => Promise.reject(gaveUp), { nodes: () => [] });
    const store = createSessionStore(client as unknown as IoredisClient, { timeout: 10 });
    await fill(store, stranger().token);
    const end = Date.now() + 5000;
    const backlog = backlogOf(portOf("", client as unknown as IoredisClient));
    while (!(backlog.admits("a") && backlog.admits("a"))) {
      if (Date.now() > end) expect.fail("The late calls were never let go");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
});

describe("the slot of a key", () => {
  it("is what Redis says", async () => {
    const server = await startRedisServer({ cluster: "member" });
    afterFile(() => server.stop());
    const redis = connect({ port: server.port });
    for (const key of [
      "123456789",
      "",
      "a{b}c",
      "{}a",
      "a{}b{c}",
      "a{b",
      "a}b{c}",
      "{{a}}",
      "ключ {ключ}",
      "p{00Z}:s:1",
    ]) {
      expect(slotOf(key), key).toBe(Number(await redis.cluster("KEYSLOT", key)));
    }
    expect(slotOf("123456789")).toBe(12_739);
  });
});
