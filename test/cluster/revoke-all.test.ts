/** `revokeAll` on a Cluster: on every master, while slots move, and with clocks that differ. */
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createSessionStore, type RedisClient } from "../../src/index.js";
import { commandsDuring } from "../harness/commandstats.js";
import { passThrough } from "../harness/pass-through.js";
import { present } from "../sessions/contract/rig.js";
import { startMoving } from "./moving.js";

const { cluster, redis, keys, prefix, open, begin, expectSessions } = await startMoving();
const store = open();
let count = 0;
const newUser = () => `user ${count++}`;

type Scan = [cursor: string, match: "MATCH", pattern: string, count: "COUNT", about: number];

/** The client with methods of the test's own on each of its masters. */
function withNodes(own: (node: Redis) => object): RedisClient {
  const wrapped = new Map<Redis, RedisClient>();
  return passThrough(redis, {
    nodes: (role: "master" | "all") =>
      redis.nodes(role).map((node) => {
        const known = wrapped.get(node) ?? passThrough(node, own(node));
        wrapped.set(node, known);
        return known;
      }),
  }) as unknown as RedisClient;
}

const portOf = (node: Redis) => node.options.port;

describe("revokeAll on a Cluster", () => {
  it("ends the sessions on every master, and asks each", async () => {
    const issued = await Promise.all(
      Array.from({ length: 60 }, (_, at) => store.create(at % 3 === 0 ? {} : { userId: newUser() })),
    );
    expect(await store.revokeAll()).toBe(60);
    for (const { token } of issued) expect(await store.get(token)).toBeNull();
    for (const { admin } of cluster.masters) {
      const commands = await commandsDuring(admin, async () => expect(await store.revokeAll()).toBe(0));
      expect(commands["scan"]).toBe(3);
    }
  });

  it.each(["nothing", "the session", "the index", "the session and the index"])(
    "ends them while a slot is moving, and %s has",
    async (moved) => {
      const userId = newUser();
      const issued = [];
      for (let at = 0; at < 3; at++) issued.push(await store.create({ userId }));
      const first = keys.session(present(issued[0]).session.id);
      const carried = [
        moved.includes("session") ? [first] : [],
        moved.includes("index") ? [keys.user(userId).index] : [],
      ];
      const move = await begin(userId, ...carried.flat());
      expect(await store.revokeAll()).toBe(3);
      for (const { token } of issued) expect(await store.get(token)).toBeNull();
      expect(await redis.zrange(keys.user(userId).index, 0, -1)).toEqual([]);
      await move.finish();
      await expectSessions(userId, []);
    },
  );

  it.each(["nothing", "the session", "the whereabouts", "the session and the whereabouts"])(
    "ends the session of a guest whom only their whereabouts name, while their slot is moving, and %s has",
    async (moved) => {
      const first = await store.create();
      const rotated = present(await store.rotate(first.token));
      const [key, whereabouts] = [keys.session(rotated.session.id), keys.whereabouts(first.session.id)];
      const slot = await cluster.slotOf(key);
      const owner = await cluster.ownerOf(slot);
      const move = await cluster.beginMove(slot, present(cluster.masters.find((node) => node !== owner)));
      if (moved.includes("session")) await move.carry(key);
      if (moved.includes("whereabouts")) await move.carry(whereabouts);
      // As if the session was made behind every page.
      const client = withNodes((node) => ({
        async scan(...args: Scan) {
          const [cursor, found] = await node.scan(...args);
          return [cursor, found.filter((name) => !name.includes(":s:"))];
        },
      }));
      expect(await createSessionStore(client, { prefix, timeout: 15_000 }).revokeAll()).toBe(1);
      expect(await store.get(rotated.token)).toBeNull();
      await move.finish();
    },
  );

  it("ends a session that goes from a master that was not read yet to one that was", async () => {
    const guest = await store.create();
    const key = keys.session(guest.session.id);
    const slot = await cluster.slotOf(key);
    const from = await cluster.ownerOf(slot);
    const to = present(cluster.masters.find((node) => node !== from));
    const move = await cluster.beginMove(slot, to);
    let arrived = () => {};
    const carried = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let pages = 0;
    const client = withNodes((node) => ({
      async scan(...args: Scan) {
        pages++;
        if (portOf(node) === from.port) {
          await carried;
          return node.scan(...args);
        }
        const reply = await node.scan(...args);
        if (pages <= 2) await move.carry(key);
        arrived();
        return reply;
      },
    }));
    expect(await createSessionStore(client, { prefix, timeout: 15_000 }).revokeAll()).toBe(1);
    expect(await store.get(guest.token)).toBeNull();
    await move.finish();
  });

  it("makes other passes when a slot has moved meanwhile", async () => {
    const slot = await cluster.slotOf(keys.user(newUser()).index);
    const from = await cluster.ownerOf(slot);
    let pages = 0;
    const client = withNodes((node) => ({
      async scan(...args: Scan) {
        pages++;
        // In the last of the three passes that find nothing.
        if (pages === 5) await cluster.moveSlot(slot, present(cluster.masters.find((one) => one !== from)));
        return node.scan(...args);
      },
    }));
    expect(await createSessionStore(client, { prefix, timeout: 15_000 }).revokeAll()).toBe(0);
    expect(pages).toBe(12);
  });

  it("ends the session of a guest that is rotated behind the pages of one pass, and whose keys move behind those of the next", async () => {
    const first = await store.create();
    const key = keys.session(first.session.id);
    const slot = await cluster.slotOf(key);
    const from = await cluster.ownerOf(slot);
    const to = present(cluster.masters.find((node) => node !== from));
    let rotated: string | undefined;
    let [pass, passOfOther] = [0, 0];
    let read = () => {};
    /** The other master has been read in the second pass. */
    const isRead = new Promise<void>((resolve) => {
      read = resolve;
    });
    let move: Awaited<ReturnType<typeof cluster.beginMove>> | undefined;
    const client = withNodes((node) => ({
      async scan(...args: Scan) {
        if (portOf(node) !== from.port) {
          const reply = await node.scan(...args);
          if (++passOfOther === 2) read();
          return reply;
        }
        pass++;
        if (pass === 2) {
          // Now what names the session goes there.
          await isRead;
          move = await cluster.beginMove(slot, to);
          await move.carry(...(await move.waiting()));
          return node.scan(...args);
        }
        const [cursor, found] = await node.scan(...args);
        if (pass !== 1) return [cursor, found];
        // As if the page had been read before the guest came to be there: the rotation leaves its keys behind it.
        rotated = present(await store.rotate(first.token)).token;
        return [cursor, found.filter((name) => name !== key)];
      },
    }));
    expect(await createSessionStore(client, { prefix, timeout: 15_000 }).revokeAll()).toBe(1);
    expect(await store.get(rotated)).toBeNull();
    await move?.finish();
  });

  it("judges each session by the clock of its master, and one within two seconds by the fastest", async () => {
    const [slow, fast] = cluster.masters;
    /** How far the clock of one master is behind, ms. */
    let behind = 0;
    const client = withNodes((node) => ({
      async time() {
        const [seconds, micros] = await node.time();
        return [Number(seconds) - (portOf(node) === present(slow).port ? behind / 1000 : 0), micros];
      },
    }));
    const late = createSessionStore(client, { prefix, timeout: 15_000 });
    const guestOn = async (node: typeof slow) => {
      for (;;) {
        const issued = await store.create();
        if ((await cluster.ownerOf(await cluster.slotOf(keys.session(issued.session.id)))) === node) return issued;
        await store.revoke(issued.token);
      }
    };
    // To the master whose clock is ten seconds behind, the session is from the future.
    behind = 10_000;
    const young = await guestOn(slow);
    const old = await guestOn(fast);
    expect(await late.revokeAll()).toBe(1);
    expect(await store.get(old.token)).toBeNull();
    expect(await store.get(young.token)).not.toBeNull();
    behind = 2000;
    expect(await late.revokeAll()).toBe(1);
    expect(await store.get(young.token)).toBeNull();
  });

  it("resolves while log-ins go on and slots move, and what was there before has ended", {
    timeout: 120_000,
  }, async () => {
    const before = await Promise.all(
      Array.from({ length: 300 }, (_, at) => store.create(at % 2 === 0 ? {} : { userId: newUser() })),
    );
    // Their ms must be over.
    await new Promise((resolve) => setTimeout(resolve, 5));
    let goesOn = true;
    const during: string[] = [];
    const logIns = (async () => {
      while (goesOn) during.push((await store.create({ userId: newUser() })).token);
    })();
    const moves = (async () => {
      for (let at = 0; at < 6; at++) {
        const slot = await cluster.slotOf(keys.session(present(before[at]).session.id));
        const owner = await cluster.ownerOf(slot);
        await cluster.moveSlot(slot, present(cluster.masters.find((node) => node !== owner)));
      }
    })();
    const ended = await store.revokeAll();
    goesOn = false;
    await Promise.all([logIns, moves]);
    expect(ended).toBeGreaterThanOrEqual(300);
    for (const { token } of before) expect(await store.get(token)).toBeNull();
    expect(during.length).toBeGreaterThan(0);
    await store.revokeAll();
  });
});
