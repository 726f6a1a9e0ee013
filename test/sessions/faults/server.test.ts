/** Real servers that refuse: out of memory, without permission, without a password, busy, read-only, short of replicas. */
import { describe, expect, it } from "vitest";
import { createSessionStore, StoreUnavailableError } from "../../../src/index.js";
import { Keys } from "../../../src/sessions/keys.js";
import { callEveryVerb, liveSubject, rejection, settled } from "../../fixtures/every-verb.js";
import { afterFile, connect, guardKeyspace, keysUnder, uniquePrefix } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const prefix = uniquePrefix();
const keys = new Keys(prefix);
// What a healthy server answers may take its time; where a deadline is meant to pass, a store has one of its own.
const options = { prefix, timeout: 20_000 };
const store = createSessionStore(redis, { ...options, touchInterval: 0 });
guardKeyspace(redis, prefix);

/** Runs something while the server has no memory to give: the limit is set to what it uses already. */
async function withoutMemory<T>(run: () => Promise<T>): Promise<T> {
  await redis.config("SET", "maxmemory-policy", "noeviction");
  await redis.config("SET", "maxmemory", "1");
  try {
    return await run();
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
}

describe("a Redis out of memory, under noeviction", () => {
  it.each([
    ["a user's", { userId: "oom", claims: { role: "reader" } }],
    ["a guest's", { claims: { cart: [1, 2, 3] } }],
  ])("makes the creation of %s session reject, and leaves nothing behind", async (_, options) => {
    const before = await keysUnder(redis, prefix);
    const error = await withoutMemory(() => rejection(store.create(options)));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.cause).toMatchObject({ message: expect.stringMatching(/^OOM /) });
    expect(await keysUnder(redis, prefix)).toEqual(before);
    expect(await store.create(options)).toMatchObject({ session: { claims: options.claims } });
  });

  it("makes a change of claims reject, and leaves the claims as they were", async () => {
    const { token, userId } = await liveSubject(store, "oom-claims");
    await withoutMemory(async () => {
      for (const call of [
        () => store.updateClaims(token, { role: "x" }),
        () => store.updateClaims(token, () => ({ role: "x" })),
        () => store.updateClaimsForUser(userId, { role: "x" }),
      ]) {
        expect((await rejection(call())).cause).toMatchObject({ message: expect.stringMatching(/^OOM /) });
      }
    });
    expect((await store.get(token))?.claims).toEqual({ role: "reader" });
  });

  it("still finds, lists and touches sessions, also with a write that is due", async () => {
    const { token, id, userId } = await liveSubject(store, "oom-read");
    const { expiresAt = 0 } = (await store.get(token)) ?? {};
    await redisClockPast(expiresAt - 30 * 60_000);
    await withoutMemory(async () => {
      expect(await store.get(token)).toMatchObject({ id });
      expect(await store.find(id)).toMatchObject({ id });
      const touched = await store.touch(token);
      expect(touched?.expiresAt).toBeGreaterThan(expiresAt);
      expect(await redis.pexpiretime(keys.session(id))).toBe(touched?.expiresAt);
      expect(await store.listForUser(userId)).toEqual([touched]);
      expect(await store.getBlock(userId)).toBeNull();
    });
  });

  it("still revokes one session and all of a user's", async () => {
    const one = await liveSubject(store, "oom-revoke");
    const two = await liveSubject(store, "oom-revoke");
    await liveSubject(store, "oom-revoke");
    await withoutMemory(async () => {
      expect(await store.revoke(one.token)).toBe(true);
      expect(await store.get(one.token)).toBeNull();
      expect(await store.revoke(two.id)).toBe(true);
      expect(await store.revokeAllForUser("oom-revoke")).toBe(1);
    });
    expect(await redis.exists(keys.user("oom-revoke").index)).toBe(0);
  });

  it("still revokes a guest's session", async () => {
    const guest = await store.create();
    await withoutMemory(async () => {
      expect(await store.revoke(guest.token)).toBe(true);
      expect(await store.get(guest.token)).toBeNull();
    });
  });

  it("still revokes when it has forgotten the scripts, too", async () => {
    const { token } = await liveSubject(store, "oom-flush");
    await redis.script("FLUSH");
    await withoutMemory(async () => {
      expect(await store.revoke(token)).toBe(true);
      expect(await store.get(token)).toBeNull();
    });
  });

  it("still blocks and unblocks a user", async () => {
    const { token, userId } = await liveSubject(store, "oom-block");
    await withoutMemory(async () => {
      const until = Date.now() + 3_600_000;
      expect(await store.blockUser(userId, { until, reason: "a reason" })).toBe(1);
      expect(await store.get(token)).toBeNull();
      expect(await store.getBlock(userId)).toMatchObject({ until, reason: "a reason" });
      expect((await rejection(store.create({ userId }))).name).toBe("UserBlockedError");
      expect(await store.unblockUser(userId)).toBe(true);
    });
  });

  it("still rotates a session, whose room the new one takes, and refuses the log-in of a guest", async () => {
    const { token, id, userId } = await liveSubject(store, "oom-rotate");
    const guest = await store.create({ claims: { cart: [1] } });
    await withoutMemory(async () => {
      const rotated = await store.rotate(token);
      expect(await store.get(token)).toBeNull();
      expect(await store.listForUser(userId)).toEqual([rotated?.session]);
      expect(rotated?.session.id).not.toBe(id);
      const graced = await store.rotate(rotated?.token, { grace: 10_000 });
      expect(await store.listForUser(userId)).toEqual([graced?.session]);

      // A log-in makes the new session first, which fails before the guest's is ended.
      expect(await rejection(store.rotate(guest.token, { userId }))).toBeInstanceOf(StoreUnavailableError);
      expect(await store.get(guest.token)).toEqual(guest.session);
    });
  });
});

/** Waits until the server's clock has passed an instant. A few ms, so that a touch really moves the deadline. */
async function redisClockPast(instant: number): Promise<void> {
  for (;;) {
    const [seconds, micros] = await redis.time();
    if (Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) > instant) return;
  }
}

describe("a user whom the ACL does not permit", () => {
  it("to run scripts gets StoreUnavailableError from every verb, and answers once permitted", async () => {
    await redis.acl("SETUSER", "app", "reset", "on", ">pw", "~*", "&*", "+@all", "-@scripting", "-@dangerous");
    const limited = connect({ port: server.port, username: "app", password: "pw", enableReadyCheck: false });
    const app = createSessionStore(limited, { ...options, touchInterval: 0 });
    const subject = await liveSubject(store, "acl");
    for (const [name, outcome] of await callEveryVerb(app, subject)) {
      if (name === "check") {
        // A server that refuses a question has answered: that is a finding.
        expect(outcome).toMatchObject({ status: "fulfilled", value: { ok: false } });
        continue;
      }
      expect(outcome, name).toMatchObject({ status: "rejected", reason: { name: "StoreUnavailableError" } });
      expect((outcome as PromiseRejectedResult).reason.cause.message, name).toMatch(/^NOPERM /);
    }
    await redis.acl("SETUSER", "app", "+@scripting");
    expect(await app.get(subject.token)).toMatchObject({ id: subject.id });
  });

  it("to use a command within a script gets the error, and no session is left", async () => {
    // The last step of a creation: the index has been written by then, and must not stay for ever.
    await redis.acl("SETUSER", "half", "reset", "on", ">pw", "~*", "&*", "+@all", "-hset");
    const app = createSessionStore(connect({ port: server.port, username: "half", password: "pw" }), options);
    const error = await rejection(app.create({ userId: "half" }));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(await store.listForUser("half")).toEqual([]);
    expect(await store.revokeAllForUser("half")).toBe(0);
    expect(await redis.exists(keys.user("half").index)).toBe(0);
  });

  it("to see our keys gets StoreUnavailableError, and never null", async () => {
    await redis.acl("SETUSER", "other", "reset", "on", ">pw", "~other:*", "&*", "+@all");
    const app = createSessionStore(connect({ port: server.port, username: "other", password: "pw" }), options);
    const { token } = await liveSubject(store, "acl-keys");
    expect(await rejection(app.get(token))).toBeInstanceOf(StoreUnavailableError);
    expect(await rejection(app.revoke(token))).toBeInstanceOf(StoreUnavailableError);
    expect(await store.get(token)).not.toBeNull();
  });

  it("to ask CONFIG does not keep check from reporting what it may", async () => {
    await redis.acl("SETUSER", "plain", "reset", "on", ">pw", "~*", "&*", "+@all", "-config");
    const app = createSessionStore(connect({ port: server.port, username: "plain", password: "pw" }), options);
    expect((await app.check()).servers).toMatchObject([{ role: "master", hashMaxListpackValue: null }]);
  });
});

describe("a Redis that wants a password which the client does not have", () => {
  it("makes every verb reject within the deadline, and answers once it does not", async () => {
    const locked = await startRedisServer({ args: ["--requirepass", "pw"] });
    afterFile(() => locked.stop());
    const admin = connect({ port: locked.port, password: "pw" });
    const client = connect({ port: locked.port });
    const app = createSessionStore(client, { prefix, timeout: 200 });
    for (const [name, outcome] of await callEveryVerb(app, await liveSubject(store, "locked"))) {
      expect(outcome, name).toMatchObject({ status: "rejected", reason: { name: "StoreUnavailableError" } });
    }
    await admin.config("SET", "requirepass", "");
    await client.ping();
    const patient = createSessionStore(client, options);
    expect(await patient.create({ userId: "42" })).toMatchObject({ session: { userId: "42" } });
  });
});

describe("a Redis that is busy with somebody's script", () => {
  it("makes every verb reject, and answers when the script is killed", async () => {
    const subject = await liveSubject(store, "busy");
    await redis.config("SET", "busy-reply-threshold", "1");
    const endless = connect({ port: server.port })
      .eval("while true do end", 0)
      .catch((error: Error) => error.message);
    // Before the threshold has passed Redis does not answer at all, and then it answers everybody with BUSY.
    while (!(await redis.ping().catch((error: Error) => error.message)).startsWith("BUSY"));

    for (const [name, outcome] of await callEveryVerb(store, subject)) {
      expect(outcome, name).toMatchObject({ status: "rejected", reason: { name: "StoreUnavailableError" } });
      expect((outcome as PromiseRejectedResult).reason.cause.message, name).toMatch(/^BUSY /);
    }
    await redis.script("KILL");
    expect(await settled(endless)).toContain("killed");
    expect(await store.get(subject.token)).toMatchObject({ id: subject.id });
  });
});

describe("a primary that has become a replica", () => {
  it("answers reads, makes writes reject, and works again when it is promoted", async () => {
    const primary = await startRedisServer({ args: ["--repl-diskless-sync-delay", "0"] });
    const demoted = await startRedisServer();
    afterFile(() => Promise.all([primary.stop(), demoted.stop()]));
    const client = connect({ port: demoted.port });
    const app = createSessionStore(client, options);
    const { token, id } = await liveSubject(createSessionStore(connect({ port: primary.port }), options), "42");
    await client.replicaof("127.0.0.1", primary.port);
    while (!(await client.info("replication")).includes("master_link_status:up"));

    expect(await app.get(token)).toMatchObject({ id });
    for (const call of [
      () => app.create({ userId: "42" }),
      () => app.revoke(token),
      () => app.updateClaims(token, { a: 1 }),
      () => app.rotate(token),
      () => app.blockUser("42"),
    ]) {
      expect((await rejection(call())).cause).toMatchObject({ message: expect.stringMatching(/^READONLY /) });
    }
    expect((await app.check()).findings.map(({ code }) => code)).toContain("replica");

    await client.replicaof("NO", "ONE");
    expect(await app.revoke(token)).toBe(true);
    expect(await app.get(token)).toBeNull();
  });
});

describe("a Redis that may not write because it has too few replicas", () => {
  it("makes writes reject, serves reads, and works again when it may", async () => {
    const subject = await liveSubject(store, "noreplicas");
    await redis.config("SET", "min-replicas-to-write", "1");
    expect((await rejection(store.create({ userId: "42" }))).cause).toMatchObject({
      message: expect.stringMatching(/^NOREPLICAS /),
    });
    expect(await rejection(store.revoke(subject.token))).toBeInstanceOf(StoreUnavailableError);
    expect(await store.get(subject.token)).toMatchObject({ id: subject.id });
    await redis.config("SET", "min-replicas-to-write", "0");
    expect(await store.revoke(subject.token)).toBe(true);
  });
});
