/** The `replicas` option, against a real replica: a revocation resolves once it is safe from a failover, and not before. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { createSessionStore, NotReplicatedError, type SessionStore } from "../../../src/index.js";
import { liveSubject, rejection, settled, stranger } from "../../fixtures/every-verb.js";
import { inReplyTo } from "../../fixtures/in-reply-to.js";
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

  it("revokeAll resolves when the replica has it", async () => {
    const subjects = [await replicated("every"), await replicated("every one")];
    expect(await patient.revokeAll()).toBeGreaterThanOrEqual(2);
    for (const { token } of subjects) expect(await afterFailover.get(token)).toBeNull();
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
  it("revokeAll rejects when it has ended all of them, and resolves when it is repeated after the thaw", async () => {
    const subjects = [await replicated("frozen, all"), await replicated("frozen, too")];
    replica.freeze();
    await expectNotReplicated(brief.revokeAll());
    for (const { token } of subjects) expect(await brief.get(token)).toBeNull();

    replica.thaw();
    expect(await patient.revokeAll()).toBe(0);
    for (const { token } of subjects) expect(await afterFailover.get(token)).toBeNull();
  });

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
    expect(await revocation).toMatchObject({ code: "NOT_REPLICATED", confirmed: 0 });
    client.disconnect();
    expect(await brief.get(token)).toBeNull();
  });

  it("a revocation that has no right to WAIT is made, and rejects with the reason", async () => {
    await redis.call("ACL", "SETUSER", "hasty", "reset", "on", ">secret", "~*", "&*", "+@all", "-wait");
    const hasty = open(PATIENT, connect({ port: primary.port, username: "hasty", password: "secret" }));
    const { token } = await replicated("hasty");
    const error = await rejection(hasty.revoke(token));
    expect(error).toMatchObject({ code: "NOT_REPLICATED", confirmed: 0 });
    expect((error.cause as Error).message).toContain("NOPERM");
    expect(await patient.get(token)).toBeNull();
  });

  describe("many revocations at once", () => {
    /** What the primary gets meanwhile: how long each WAIT may take, ms. A WAIT for 0 replicas waits for nobody. */
    async function waitsDuring(work: () => Promise<void>): Promise<number[]> {
      // ioredis trips over a command of somebody else's that comes together with the reply to its MONITOR, such as what a new
      // connection begins with; so one is taken that is there already.
      const monitor = await redis.monitor();
      const waits: number[] = [];
      const last = randomUUID();
      const over = new Promise<void>((resolve) => {
        monitor.on("monitor", (_, [command, first, second]: string[]) => {
          if (command === "wait" && first !== "0") waits.push(Number(second));
          if (command === "echo" && first === last) resolve();
        });
      });
      await work();
      await redis.echo(last);
      await over;
      monitor.disconnect();
      return waits;
    }
    /** A store whose replicas are waited for until somebody thaws them; its calls have a second, as is the default. */
    const steadfast = () => createSessionStore(redis, { prefix, replicas: { count: 1, timeout: 600_000 } });
    const createMany = (count: number, userId: (at: number) => string) =>
      Promise.all(Array.from({ length: count }, (_, at) => patient.create({ userId: userId(at) })));
    const observer = createSessionStore(connect({ port: primary.port }), { prefix, timeout: 20_000 });
    /** Ends when none of these is live any more, as another connection sees it. */
    async function allDead(tokens: readonly string[]): Promise<void> {
      while ((await Promise.all(tokens.map((token) => observer.get(token)))).some((session) => session !== null));
    }

    it("are all made before the first of them is confirmed, and other calls go on", async () => {
      const store = steadfast();
      const tokens = (await createMany(50, (at) => `crowd ${at}`)).map(({ token }) => token);
      const bystander = await patient.create();
      await redis.wait(1, 10_000);
      replica.freeze();
      let over = 0;
      const revocations = tokens.map((token) => store.revoke(token).finally(() => over++));
      await allDead(tokens);
      expect(await store.get(bystander.token)).not.toBeNull();
      expect(await store.touch(bystander.token)).not.toBeNull();
      expect(over).toBe(0);
      // One that comes while the others wait is made as well.
      const late = store.revoke(bystander.token).finally(() => over++);
      await allDead([bystander.token]);
      expect(over).toBe(0);
      replica.thaw();
      expect(new Set(await Promise.all([...revocations, late]))).toEqual(new Set([true]));
    });

    it("of a user in many pages are all made before the first page is confirmed, and so is a block", async () => {
      const store = steadfast();
      const [ended, blocked] = await Promise.all([
        createMany(600, () => "paged"),
        createMany(600, () => "paged block"),
      ]);
      await redis.wait(1, 10_000);
      replica.freeze();
      let over = 0;
      const revocation = store.revokeAllForUser("paged").finally(() => over++);
      const block = store.blockUser("paged block").finally(() => over++);
      await allDead([...ended, ...blocked].map(({ token }) => token));
      expect(over).toBe(0);
      replica.thaw();
      expect(await Promise.all([revocation, block])).toEqual([600, 600]);
    });

    it("all take effect and reject, after a few WAITs that hold the connection up for less than half a deadline", async () => {
      const store = createSessionStore(redis, { prefix, replicas: { count: 1, timeout: 300 }, timeout: 200 });
      const tokens = (await createMany(50, (at) => `short ${at}`)).map(({ token }) => token);
      // From here on Redis knows the script.
      await patient.revoke(stranger().token);
      replica.freeze();
      const waits = await waitsDuring(async () => {
        const errors = await Promise.all(tokens.map((token) => rejection(store.revoke(token))));
        for (const error of errors) expect(error).toMatchObject({ code: "NOT_REPLICATED" });
      });
      await allDead(tokens);
      expect(waits[0]).toBe(20);
      expect(Math.max(...waits)).toBeLessThanOrEqual(100);
      // 20, 40, 80 and 100, and what is left of 300; fewer where Redis is busy.
      expect(waits.length).toBeLessThan(10);
    });

    it("share a WAIT, whether the replica answers or not", async () => {
      const store = open(PATIENT);
      const tokens = (await createMany(50, (at) => `shared ${at}`)).map(({ token }) => token);
      await store.revoke(stranger().token);
      const waits = await waitsDuring(async () => {
        expect(await Promise.all(tokens.map((token) => store.revoke(token)))).toEqual(tokens.map(() => true));
      });
      // A busy machine may let a first one run out.
      expect(waits.length).toBeLessThan(5);
      for (const token of tokens) expect(await afterFailover.get(token)).toBeNull();
    });

    it("do not wait any more while replicas are known to be missing, and wait again when they are back", async () => {
      const store = open({ count: 1, timeout: 400 });
      await store.revoke(stranger().token);
      replica.freeze();
      await expectNotReplicated(store.revoke(stranger().token));
      const { token } = await patient.create();
      const waits = await waitsDuring(() => expectNotReplicated(store.revoke(token)));
      expect(waits).toEqual([1]);
      expect(await observer.get(token)).toBeNull();

      replica.thaw();
      // Until the replica has caught up, and at the latest when somebody waits for it again.
      while (
        !(await store.revoke(token).then(
          () => true,
          () => false,
        ))
      );
      const again = await waitsDuring(async () => expect(await store.revoke(stranger().token)).toBe(false));
      expect(again[0]).toBe(20);
    });

    it("are made although a client never answers a WAIT, and later ones are confirmed", async () => {
      let waits = 0;
      const pipeline = () => {
        let reply: unknown;
        return {
          evalsha(...args: unknown[]) {
            reply = inReplyTo(args, ["none"]);
          },
          eval(...args: unknown[]) {
            reply = args.at(-1);
          },
          wait() {
            reply = ++waits === 1 ? undefined : 1;
          },
          exec: () => (reply === undefined ? new Promise(() => {}) : Promise.resolve([[null, reply]])),
        };
      };
      const client = { evalsha: async () => "none", eval: async () => "none", on: () => {}, pipeline };
      const store = createSessionStore(client as unknown as Redis, {
        replicas: { count: 1, timeout: 20 },
        timeout: 50,
      });
      const revocations = Array.from({ length: 8 }, () => store.revoke(stranger().token));
      for (const outcome of await settled(Promise.allSettled(revocations))) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { code: "NOT_REPLICATED" } });
      }
      expect(await store.revoke(stranger().token)).toBe(false);
    });

    it("ask again in their own time where a server answers a WAIT at once", async () => {
      let waits = 0;
      const pipeline = () => {
        let reply: unknown;
        return {
          evalsha(...args: unknown[]) {
            reply = inReplyTo(args, ["none"]);
          },
          eval(...args: unknown[]) {
            reply = args.at(-1);
          },
          wait() {
            waits++;
            reply = 0;
          },
          exec: async () => [[null, reply]],
        };
      };
      const client = { evalsha: async () => "none", eval: async () => "none", on: () => {}, pipeline };
      const store = createSessionStore(client as unknown as Redis, { replicas: { count: 1, timeout: 200 } });
      await expectNotReplicated(store.revoke(stranger().token));
      expect(waits).toBeLessThan(10);
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
    // The replica of the new primary confirms what the new primary was told, which is the second page alone.
    const pages = [
      ["more", ULID_A],
      ["done", ULID_B],
    ];
    let lose = () => {};
    const pipeline = () => {
      let reply: unknown;
      return {
        evalsha(...args: unknown[]) {
          reply = inReplyTo(args, pages.shift() ?? expect.fail("There are two pages."));
          // The connection to the old primary ends, and the second page is sent to the new one.
          if (pages.length === 0) lose();
        },
        eval(...args: unknown[]) {
          reply = args.at(-1);
        },
        wait() {
          reply = 1;
        },
        exec: async () => {
          // A WAIT is answered after the scripts that were sent before it.
          if (reply === 1) await new Promise((resolve) => setImmediate(resolve));
          return [[null, reply]];
        },
      };
    };
    const on = (event: string, listener: () => void) => {
      if (event === "close") lose = listener;
    };
    const client = { evalsha() {}, eval() {}, on, pipeline } as unknown as Redis;
    const store = createSessionStore(client, { replicas: BRIEF });
    const ended: string[] = [];
    store.events.on("revoked", ({ id }) => ended.push(id));
    await expectNotReplicated(store.blockUser("ada"));
    expect(ended).toEqual([ULID_A, ULID_B]);
  });
});

describe("with a failover after sessions that were ended one by one, because their slot is moving", () => {
  it("revokeAllForUser rejects, though the new primary's replica confirms the last page", async () => {
    let lose = () => {};
    const scripts: unknown[] = [["moving", ULID_A], ["ended", "ada", "", ULID_A], ["done"]];
    let waits = 0;
    let waited = () => {};
    const firstWait = new Promise<void>((resolve) => {
      waited = resolve;
    });
    const lost = new Promise<void>((resolve) => {
      lose = resolve;
    });
    let close = () => {};
    const pipeline = () => {
      let answer = async (): Promise<unknown> => undefined;
      return {
        evalsha(...args: unknown[]) {
          const reply = inReplyTo(args, scripts.shift());
          const isFirst = scripts.length === 2;
          if (scripts.length === 0) {
            close();
            lose();
          }
          answer = async () => {
            // What the first page wrote is confirmed before its sessions are ended.
            if (isFirst) await firstWait;
            return reply;
          };
        },
        eval(...args: unknown[]) {
          answer = async () => args.at(-1);
        },
        wait() {
          const isSecond = ++waits === 2;
          answer = async () => {
            // This one is under way when the connection ends.
            if (isSecond) await lost;
            return 1;
          };
        },
        exec: async () => {
          const reply = await answer();
          if (reply === 1) waited();
          return [[null, reply]];
        },
      };
    };
    const on = (event: string, listener: () => void) => {
      if (event === "close") close = listener;
    };
    const evalsha = async (...args: unknown[]) => inReplyTo(args, 1);
    const client = { evalsha, eval() {}, on, pipeline } as unknown as Redis;
    const store = createSessionStore(client, { replicas: BRIEF });
    const ended: string[] = [];
    store.events.on("revoked", ({ id }) => ended.push(id));
    await expectNotReplicated(store.revokeAllForUser("ada"));
    expect(ended).toEqual([ULID_A]);
    expect(scripts).toEqual([]);
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
