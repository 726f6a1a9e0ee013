/** The contract of `revokeAll`, and what happens while it goes through the keys. */
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore, StoreUnavailableError } from "../../../src/index.js";
import { Keys } from "../../../src/sessions/keys.js";
import { rejection } from "../../fixtures/every-verb.js";
import { commandsDuring } from "../../harness/commandstats.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../../harness/fixtures.js";
import { passThrough } from "../../harness/pass-through.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { describeOnRedisAndMock } from "../contract/on-redis-and-mock.js";
import { describeRevokeAll } from "../contract/revoke-all.js";
import { present } from "../contract/rig.js";

describeOnRedisAndMock(describeRevokeAll);

// A server of its own: what other test files do would be counted, and gone through, as well.
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const base = uniquePrefix();
guardKeyspace(redis, base);
let count = 0;

/** A store under a new prefix, and another one on the same keys whose client has methods of the test's own. */
function open(own: (store: SessionStore, prefix: string) => object) {
  const prefix = `${base}${count++}:`;
  const store = createSessionStore(redis, { prefix, timeout: 10_000 });
  return {
    store,
    prefix,
    held: createSessionStore(passThrough(redis, own(store, prefix)), { prefix, timeout: 10_000 }),
  };
}

type Scan = [cursor: string, match: "MATCH", pattern: string, count: "COUNT", about: number];

describe("revokeAll", () => {
  it("ends what was created in the ms of the call, and not what was created in the next", async () => {
    let instant = 0;
    const { store, held } = open(() => ({
      time: async () => [String(Math.floor(instant / 1000)), String((instant % 1000) * 1000)],
    }));
    for (const userId of ["ada", undefined]) {
      const { token, session } = await store.create({ userId });
      instant = session.createdAt - 1;
      expect(await held.revokeAll()).toBe(0);
      expect(await store.get(token)).not.toBeNull();
      instant = session.createdAt;
      expect(await held.revokeAll()).toBe(1);
      expect(await store.get(token)).toBeNull();
    }
  });

  it("ends a user's session that is rotated behind every page, although no page ever has its key", async () => {
    let token = "";
    const { store, held } = open((store) => ({
      async scan(...args: Scan) {
        const [cursor, keys] = await redis.scan(...args);
        token = (await store.rotate(token))?.token ?? token;
        return [cursor, keys.filter((key) => !key.includes(":s:"))];
      },
    }));
    ({ token } = await store.create({ userId: "ada" }));
    expect(await held.revokeAll()).toBe(1);
    expect(await store.get(token)).toBeNull();
    expect(await store.listForUser("ada")).toEqual([]);
  });

  it("ends a guest's session that is rotated between the page and its script, by another pass", async () => {
    let token = "";
    let rotations = 0;
    const { store, held } = open((store) => ({
      async scan(...args: Scan) {
        const reply = await redis.scan(...args);
        if (rotations++ === 0) token = present(await store.rotate(token)).token;
        return reply;
      },
    }));
    ({ token } = await store.create());
    expect(await held.revokeAll()).toBe(1);
    expect(await store.get(token)).toBeNull();
  });

  it("ends a guest's session that is rotated behind every page, although no page ever has its key", async () => {
    let token = "";
    let rotations = 0;
    const { store, held } = open((store) => ({
      async scan(...args: Scan) {
        const [cursor, keys] = await redis.scan(...args);
        const rotated = await store.rotate(token, { grace: rotations % 2 });
        if (rotated !== null) rotations++;
        token = rotated?.token ?? token;
        return [cursor, keys.filter((key) => !key.includes(":s:"))];
      },
    }));
    ({ token } = await store.create());
    expect(await held.revokeAll()).toBe(1);
    expect(await store.get(token)).toBeNull();
    // By the first page none had been, and none was after the page that named the whereabouts.
    expect(rotations).toBe(2);
  });

  it("ends a guest's session that is rotated between every page and its script, and before the pages of each pass", async () => {
    let token = "";
    const { store, held } = open((store) => ({
      async scan(...args: Scan) {
        const reply = await redis.scan(...args);
        token = (await store.rotate(token))?.token ?? token;
        return reply;
      },
    }));
    ({ token } = await store.create({ claims: { cart: ["hat"] } }));
    for (let rotated = 0; rotated < 3; rotated++) token = present(await store.rotate(token)).token;
    expect(await held.revokeAll()).toBe(1);
    expect(await store.get(token)).toBeNull();
  });

  it("tells of a guest who has rotated where their latest session is, and ends none that is younger", async () => {
    let instant = 0;
    const { store, prefix, held } = open(() => ({
      time: async () => [String(Math.floor(instant / 1000)), String((instant % 1000) * 1000)],
    }));
    const first = await store.create();
    const second = present(await store.rotate(first.token));
    const third = present(await store.rotate(second.token));
    const whereabouts = new Keys(prefix).whereabouts(first.session.id);
    expect(await redis.get(whereabouts)).toBe(third.session.id);
    expect(await redis.keys(`${prefix}*:g:*`)).toEqual([whereabouts]);
    const left = await redis.pttl(whereabouts);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(300_000);

    instant = first.session.createdAt - 1;
    expect(await held.revokeAll()).toBe(0);
    expect(await store.get(third.token)).toEqual(third.session);

    // A log-in does not carry them on, and nobody's whereabouts lead to a user's session.
    const user = present(await store.rotate(third.token, { userId: "ada" }));
    expect(await redis.get(whereabouts)).toBe(third.session.id);
    await redis.set(whereabouts, user.session.id, "PX", 1000);
    expect(await store.revokeAll()).toBe(1);
    expect(await store.get(user.token)).toBeNull();
  });

  it("leaves nothing of the whereabouts of users", async () => {
    const { store, prefix } = open(() => ({}));
    present(await store.rotate((await store.create({ userId: "ada" })).token));
    expect(await redis.keys(`${prefix}*:g:*`)).toEqual([]);
    await store.revokeAll();
  });

  it("begins again after a connection was lost, which may lead to another server now", async () => {
    const spare = connect({ port: server.port });
    let pages = 0;
    let lost = false;
    const prefix = `${base}${count++}:`;
    const client = passThrough(spare, {
      async scan(...args: Scan) {
        pages++;
        if (pages === 2 && !lost) {
          lost = true;
          spare.disconnect(true);
        }
        return spare.scan(...args);
      },
    });
    const store = createSessionStore(client, { prefix, timeout: 10_000 });
    await store.create();
    expect(await store.revokeAll()).toBe(1);
    // One that ends the session, one during which the connection is lost, and two that find nothing.
    expect(pages).toBe(4);
  });

  it("stops at once when it is aborted, and tells how many have ended", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let scripts = 0;
    const { store, held } = open(() => ({
      async evalsha(sha: string, keys: number, ...args: (string | number)[]) {
        const reply = await redis.evalsha(sha, keys, ...args);
        if (++scripts === 3) controller.abort(reason);
        return reply;
      },
    }));
    const issued = await Promise.all(Array.from({ length: 200 }, () => store.create()));
    const told: number[] = [];
    const onProgress = ({ ended }: { ended: number }) => told.push(ended);
    expect(await rejection(held.revokeAll({ signal: controller.signal, onProgress }))).toBe(reason);
    const live = await Promise.all(issued.map(({ token }) => store.get(token)));
    const ended = live.filter((session) => session === null).length;
    expect(ended).toBeGreaterThanOrEqual(3);
    // Those that were under way.
    expect(ended).toBeLessThanOrEqual(3 + 8);
    expect(told.at(-1)).toBe(ended);
    expect(await store.revokeAll()).toBe(200 - ended);
  });

  it("says in an outage how many have ended, and that it is safe to repeat", async () => {
    let scripts = 0;
    const { store, held } = open(() => ({
      async evalsha(sha: string, keys: number, ...args: (string | number)[]) {
        if (++scripts > 5) throw Object.assign(new Error("OOM command not allowed"), { name: "ReplyError" });
        return redis.evalsha(sha, keys, ...args);
      },
    }));
    await Promise.all(Array.from({ length: 50 }, () => store.create()));
    const error = await rejection(held.revokeAll());
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.message).toBe(
      "Redis cannot serve (OOM); 5 sessions have ended so far. It is safe to call revokeAll again: it ends the others",
    );
    expect(await store.revokeAll()).toBe(45);
  });

  it("rejects with what onProgress throws", async () => {
    const { store } = open(() => ({}));
    const mistake = new Error("a mistake");
    const onProgress = () => {
      throw mistake;
    };
    expect(await rejection(store.revokeAll({ onProgress }))).toBe(mistake);
  });

  it("ends many sessions in steps that are bounded, one script for fifty of a user", async () => {
    const { store } = open(() => ({}));
    await Promise.all(Array.from({ length: 2000 }, () => store.create({ userId: "many" })));
    const commands = await commandsDuring(redis, async () => expect(await store.revokeAll()).toBe(2000));
    // Where SCAN meets a session before the index of its user, the session ends by itself.
    expect(commands["scan"]).toBeLessThan(30);
    expect(commands["zrange"]).toBeGreaterThanOrEqual(1);
    expect(await store.listForUser("many")).toEqual([]);
  });
});
