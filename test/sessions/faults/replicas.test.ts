/** The `replicas` option, against a real replica: a revocation resolves once it is safe from a failover, and not before. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { createSessionStore, NotReplicatedError, type SessionStore } from "../../../src/index.js";
import { liveSubject, rejection, settled, stranger } from "../../fixtures/every-verb.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy } from "../../harness/tcp-proxy.js";

const primary = await startRedisServer({ args: ["--repl-diskless-sync-delay", "0"] });
afterFile(() => primary.stop());
const replica = await startRedisServer({ args: ["--replicaof", "127.0.0.1", String(primary.port)] });
afterFile(() => replica.stop());
afterEach(() => replica.thaw());

const redis = connect({ port: primary.port });
const onReplica = connect({ port: replica.port });
while (!(await onReplica.info("replication")).includes("master_link_status:up"));

const prefix = uniquePrefix();
const [ULID_A, ULID_B] = [stranger().id, stranger().id];
/** Long enough for a healthy replica on a busy machine. */
const PATIENT = { count: 1, timeout: 10_000 };
/** As short as it can be, for a replica that will not answer anyway. */
const BRIEF = { count: 1, timeout: 50 };
const open = (replicas: { count: number; timeout: number }, client: Redis = redis): SessionStore =>
  // Thousands of calls at once may well take a second on a busy machine, and nothing here is about that deadline.
  createSessionStore(client, { prefix, replicas, timeout: 20_000 });
const patient = open(PATIENT);
const brief = open(BRIEF);
/** Reads from the replica what a client would find there after a failover. */
const afterFailover = createSessionStore(onReplica, { prefix });

async function expectNotReplicated(call: Promise<unknown>, confirmed = 0, wanted = 1): Promise<void> {
  const error = await rejection(call);
  expect(error).toBeInstanceOf(NotReplicatedError);
  expect(error).toMatchObject({ code: "NOT_REPLICATED", status: 503, confirmed, wanted });
}

/** A live session that the replica has, too. */
async function replicated(userId: string) {
  const subject = await liveSubject(patient, userId);
  await redis.wait(1, 10_000);
  expect(await afterFailover.get(subject.token)).not.toBeNull();
  return subject;
}

describe("with a healthy replica", () => {
  it("a revocation resolves when the replica has it", async () => {
    const { token } = await replicated("one");
    expect(await patient.revoke(token)).toBe(true);
    expect(await afterFailover.get(token)).toBeNull();
  });

  it("revokeAllForUser and blockUser resolve when the replica has them", async () => {
    const one = await replicated("all");
    expect(await patient.revokeAllForUser("all")).toBe(1);
    expect(await afterFailover.get(one.token)).toBeNull();

    const two = await replicated("all");
    expect(await patient.blockUser("all", { reason: "r" })).toBe(1);
    expect(await afterFailover.get(two.token)).toBeNull();
    expect(await afterFailover.getBlock("all")).toMatchObject({ reason: "r" });
  });

  it("a revocation works after SCRIPT FLUSH", async () => {
    const { token, userId } = await replicated("flushed");
    await redis.script("FLUSH");
    expect(await patient.revoke(token)).toBe(true);
    const again = await replicated(userId);
    await redis.script("FLUSH");
    expect(await patient.revokeAllForUser(userId)).toBe(1);
    expect(await afterFailover.get(again.token)).toBeNull();
  });

  it("revokeAllForUser resolves for more sessions than one page holds", async () => {
    const sessions = await Promise.all(Array.from({ length: 2100 }, () => patient.create({ userId: "many" })));
    await redis.wait(1, 10_000);
    expect(await patient.revokeAllForUser("many")).toBe(2100);
    expect(await afterFailover.listForUser("many")).toEqual([]);
    expect(await afterFailover.get(sessions[0]?.token)).toBeNull();
    expect(await afterFailover.get(sessions.at(-1)?.token)).toBeNull();
  });

  it("blockUser resolves for more sessions than one page holds", async () => {
    await Promise.all(Array.from({ length: 1100 }, () => patient.create({ userId: "many blocked" })));
    expect(await patient.blockUser("many blocked")).toBe(1100);
    expect(await afterFailover.listForUser("many blocked")).toEqual([]);
  });

  it("wanting more replicas than there are rejects and says how many confirmed", async () => {
    const { token } = await replicated("two wanted");
    // The one that there is has to answer within that time, and no other ever does.
    await expectNotReplicated(open({ count: 2, timeout: 1500 }).revoke(token), 1, 2);
    expect(await patient.get(token)).toBeNull();
  });

  it("a malformed token is refused without waiting", async () => {
    replica.freeze();
    expect(await brief.revoke("rubbish")).toBe(false);
  });

  it("the script and its WAIT travel in one round trip", async () => {
    const proxy = await startProxy(primary.port);
    afterFile(() => proxy.close());
    const behind = open(PATIENT, connect({ port: proxy.port }));
    const { token } = await liveSubject(behind, "proxied");
    await behind.revoke(token);
    const { token: second } = await liveSubject(behind, "proxied");

    // No reply gets through, so whatever the proxy sees was sent without waiting for one.
    proxy.hold("down");
    proxy.hold("up");
    const revocation = behind.revoke(second);
    await proxy.seen("evalsha");
    await proxy.seen("wait");
    proxy.release("up");
    proxy.release("down");
    expect(await revocation).toBe(true);
  });
});

describe("with a frozen replica", () => {
  it("a revocation rejects, has taken effect, and resolves when it is repeated after the thaw", async () => {
    const { token } = await replicated("frozen");
    replica.freeze();
    await expectNotReplicated(brief.revoke(token));
    expect(await brief.get(token)).toBeNull();

    replica.thaw();
    // It was dead already, which is what the result says; that it resolves is the news.
    expect(await patient.revoke(token)).toBe(false);
    expect(await afterFailover.get(token)).toBeNull();
  });

  it("a revocation rejects whose connection was lost while it waited, for nobody knows what the replica has", async () => {
    const { token } = await replicated("cut off");
    const proxy = await startProxy(primary.port);
    afterFile(() => proxy.close());
    const client = connect({ port: proxy.port });
    const behind = open(PATIENT, client);
    expect(await behind.get(token)).not.toBeNull();
    replica.freeze();
    proxy.hold("down");
    const revocation = rejection(behind.revoke(token));
    // The reply of the script, and none of WAIT's: sent again alone, it would count every replica.
    await proxy.seen(token.slice(0, 26), { direction: "down" });
    // Whoever listens first hears first, and that is the client.
    const heard = once(client.stream, "data");
    proxy.release("down");
    await heard;
    proxy.reset();
    expect(await revocation).toMatchObject({ code: "STORE_UNAVAILABLE" });
    client.disconnect();
    expect(await brief.get(token)).toBeNull();
  });

  describe("many revocations at once", () => {
    /** How many WAITs the primary gets meanwhile that wait, and how many that only ask. */
    async function waitsDuring(work: () => Promise<void>): Promise<{ waiting: number; asking: number }> {
      // ioredis trips over a command of somebody else's that comes together with the reply to its MONITOR, such as what a new
      // connection begins with; so one is taken that is there already.
      const monitor = await redis.monitor();
      const waits = { waiting: 0, asking: 0 };
      const last = randomUUID();
      const over = new Promise<void>((resolve) => {
        monitor.on("monitor", (_, [command, count]: string[]) => {
          if (command === "wait") waits[count === "0" ? "asking" : "waiting"]++;
          if (command === "echo" && count === last) resolve();
        });
      });
      await work();
      await redis.echo(last);
      await over;
      monitor.disconnect();
      return waits;
    }
    const TIMEOUT = 400;

    it("all take effect and reject, and hold up the lookups behind them for a few timeouts at most", async () => {
      const store = open({ count: 1, timeout: TIMEOUT });
      const sessions = await Promise.all(
        Array.from({ length: 60 }, (_, at) => store.create({ userId: `crowd ${at}` })),
      );
      const bystander = await store.create();
      // From here on Redis knows the script; a NOSCRIPT has a WAIT of its own behind it.
      await store.revoke(stranger().token);
      await redis.wait(1, 10_000);
      replica.freeze();
      const waits = await waitsDuring(async () => {
        const revocations = sessions.map(({ token }) => rejection(store.revoke(token)));
        expect(await store.get(bystander.token)).not.toBeNull();
        for (const error of await Promise.all(revocations)) expect(error).toMatchObject({ code: "NOT_REPLICATED" });
        for (const { token } of sessions) expect(await store.get(token)).toBeNull();
      });
      expect(waits).toEqual({ waiting: 4, asking: 56 });
    });

    it("leave it to one of them to look whether the replica is back", async () => {
      const store = open({ count: 1, timeout: 100 });
      await store.revoke(stranger().token);
      replica.freeze();
      await expectNotReplicated(store.revoke(stranger().token));
      await new Promise((resolve) => setTimeout(resolve, 600));
      const waits = await waitsDuring(async () => {
        await Promise.all(Array.from({ length: 4 }, () => rejection(store.revoke(stranger().token))));
      });
      expect(waits).toEqual({ waiting: 1, asking: 3 });
    });

    it("are waited for again when the replica is back", async () => {
      // A replica that answers has to do so within that time.
      const store = open({ count: 1, timeout: 1500 });
      const sessions = await Promise.all(Array.from({ length: 5 }, (_, at) => store.create({ userId: `back ${at}` })));
      await redis.wait(1, 10_000);
      replica.freeze();
      await expectNotReplicated(store.revoke(sessions[0]?.token));
      replica.thaw();
      // Until the replica has caught up, and at the latest when somebody waits for it again.
      while (
        !(await store.revoke(sessions[0]?.token).then(
          () => true,
          () => false,
        ))
      );
      const waits = await waitsDuring(async () => {
        for (const { token } of sessions.slice(1)) expect(await store.revoke(token)).toBe(true);
      });
      expect(waits).toEqual({ waiting: 4, asking: 0 });
    });

    it("go on when a client never answers some of them", async () => {
      let sent = 0;
      const pipeline = () => ({
        evalsha() {},
        eval() {},
        wait() {},
        exec: () =>
          ++sent <= 4
            ? new Promise(() => {})
            : Promise.resolve([
                [null, ["none"]],
                [null, 1],
              ]),
      });
      const client = { evalsha: async () => "none", eval: async () => "none", on: () => {}, pipeline };
      const store = createSessionStore(client as unknown as Redis, {
        replicas: { count: 1, timeout: 20 },
        timeout: 50,
      });
      const revocations = Array.from({ length: 8 }, () => store.revoke(stranger().token));
      for (const [at, outcome] of (await settled(Promise.allSettled(revocations))).entries()) {
        // The turn of the others comes as their time is over: where the process is held up then, they may still be answered.
        if (at >= 4 && outcome.status === "fulfilled") expect(outcome.value).toBe(false);
        else expect(outcome).toMatchObject({ status: "rejected", reason: { code: "STORE_UNAVAILABLE" } });
      }
      expect(await store.revoke(stranger().token)).toBe(false);
    });
  });

  it("a repetition rejects for as long as the replica is frozen, also over another connection", async () => {
    const { token, id } = await replicated("repeated");
    replica.freeze();
    await expectNotReplicated(brief.revoke(token));
    await expectNotReplicated(brief.revoke(token));
    // WAIT speaks of its own connection's writes. This one has made none; the earlier revocation must count all the same.
    await expectNotReplicated(open(BRIEF, connect({ port: primary.port })).revoke(token));
    await expectNotReplicated(open(BRIEF, connect({ port: primary.port })).revoke(id));
    await expectNotReplicated(open(BRIEF, connect({ port: primary.port })).revokeAllForUser("repeated"));
  });

  it("a revocation rejects after SCRIPT FLUSH, too, and has taken effect", async () => {
    const { token } = await replicated("frozen and flushed");
    await redis.script("FLUSH");
    replica.freeze();
    await expectNotReplicated(brief.revoke(token));
    expect(await brief.get(token)).toBeNull();
  });

  it("revokeAllForUser rejects only after the last of several pages", async () => {
    await Promise.all(Array.from({ length: 2100 }, () => patient.create({ userId: "pages" })));
    await redis.wait(1, 10_000);
    replica.freeze();
    await expectNotReplicated(brief.revokeAllForUser("pages"));
    expect(await brief.listForUser("pages")).toEqual([]);

    replica.thaw();
    expect(await patient.revokeAllForUser("pages")).toBe(0);
    expect(await afterFailover.listForUser("pages")).toEqual([]);
  });

  it("blockUser rejects, and the user is blocked", async () => {
    const { token } = await replicated("blocked");
    replica.freeze();
    await expectNotReplicated(brief.blockUser("blocked"));
    expect(await brief.get(token)).toBeNull();
    expect((await rejection(brief.create({ userId: "blocked" }))).name).toBe("UserBlockedError");

    replica.thaw();
    expect(await patient.blockUser("blocked")).toBe(0);
    expect(await afterFailover.getBlock("blocked")).not.toBeNull();
  });

  it("announces the revocation, which has happened", async () => {
    const { token, id } = await replicated("announced");
    const heard: string[] = [];
    brief.events.on("revoked", (event) => heard.push(event.id));
    replica.freeze();
    await expectNotReplicated(brief.revoke(token));
    expect(heard).toEqual([id]);
  });

  it("all other verbs work as ever", async () => {
    replica.freeze();
    const { token, userId } = await liveSubject(brief, "others");
    expect(await settled(brief.touch(token))).not.toBeNull();
    expect(await brief.updateClaims(token, { a: 1 })).toMatchObject({ claims: { a: 1 } });
    expect(await brief.rotate(token)).toMatchObject({ session: { userId } });
  });
});

describe("with a failover between two pages of sessions", () => {
  it("blockUser rejects, for nobody knows whether the new primary has the block", async () => {
    // The old primary's replica has confirmed nothing, the new one's confirms what the new one was told.
    const replies = [
      { reply: [1, ULID_A], confirmed: 0 },
      { reply: [0, ULID_B], confirmed: 1 },
    ];
    const pipeline = () => ({
      evalsha() {},
      eval() {},
      wait() {},
      exec: async () => {
        const { reply, confirmed } = replies.shift() ?? expect.fail("There are two pages.");
        return [
          [null, reply],
          [null, confirmed],
        ];
      },
    });
    const client = { evalsha() {}, eval() {}, on() {}, pipeline } as unknown as Redis;
    const store = createSessionStore(client, { replicas: BRIEF });
    const ended: string[] = [];
    store.events.on("revoked", ({ id }) => ended.push(id));
    await expectNotReplicated(store.blockUser("ada"));
    expect(ended).toEqual([ULID_A, ULID_B]);
  });
});

describe("with a frozen primary", () => {
  it("a revocation rejects with StoreUnavailableError once both deadlines have passed", async () => {
    const { token } = await replicated("primary");
    const store = createSessionStore(redis, { prefix, timeout: 100, replicas: BRIEF });
    primary.freeze();
    expect((await rejection(store.revoke(token))).name).toBe("StoreUnavailableError");
    primary.thaw();
  });
});
