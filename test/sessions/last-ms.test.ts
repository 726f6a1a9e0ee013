/**
 * The last ms of a session. Redis keeps a key through the whole of it, so the session is live for every verb, and dead for
 * every verb in the ms after. A script holds the server until that ms has come; what was sent behind it then runs in it.
 */
import { describe, expect, it } from "vitest";
import { createSessionStore, SessionLimitError, type SessionStoreOptions } from "../../src/index.js";
import { afterFile, connect, guardKeyspace, keysUnder, uniquePrefix } from "../harness/fixtures.js";
import { indexedIds } from "../harness/indexes.js";
import { startRedisServer } from "../harness/redis-server.js";

// A server of its own: it is held up again and again.
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const looker = connect({ port: server.port });
const prefix = uniquePrefix();
guardKeyspace(looker, prefix);

const LIFE = 60;

/** Holds the server until its clock shows this ms, and gives what it shows then. */
const HOLD = `
local now
repeat
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
until now >= tonumber(ARGV[1])
return now`;

const open = (options: SessionStoreOptions<Record<string, unknown>>) =>
  createSessionStore(redis, { prefix, timeout: 10_000, touchInterval: 0, ...options });

/** Once every script is known, one call of a verb is one command. */
const warm = open({ maxSessionsPerUser: 5 });
for (const userId of ["warm", "up"]) {
  const { token } = await warm.create({ userId });
  await warm.touch(token);
  await warm.get(token);
  await warm.listForUser(userId);
  await warm.updateClaims(token, { a: 1 });
  await warm.updateClaimsForUser(userId, { a: 1 });
  await warm.rotate((await warm.create({ userId })).token);
  await warm.revokeAllForUser(userId);
}

/** What `act` comes to in the last ms of a session, or `after` ms later. It sends its commands at once. */
async function inLastMs<T>(
  options: SessionStoreOptions<Record<string, unknown>>,
  act: (subject: { store: ReturnType<typeof open>; token: string; id: string; userId: string }) => Promise<T>,
  after = 0,
): Promise<{ outcome: T; userId: string; id: string }> {
  for (let attempt = 1; ; attempt++) {
    const store = open({ idleTimeout: LIFE, absoluteTimeout: LIFE, ...options });
    const userId = `user ${Math.random()}`;
    const { token, session } = await store.create({ userId });
    const held = redis.eval(HOLD, 0, session.expiresAt + after);
    const outcome = act({ store, token, id: session.id, userId });
    // Sent behind what `act` has sent, since that waits for nothing but its own reply.
    await new Promise((resolve) => setImmediate(resolve));
    const time = redis.time();
    const begun = Number(await held);
    const result = await outcome;
    const [seconds = 0, micros = 0] = (await time).map(Number);
    const ended = seconds * 1000 + Math.floor(micros / 1000);
    // Where the machine stood still, another session is tried.
    if (begun === session.expiresAt + after && ended === begun) return { outcome: result, userId, id: session.id };
    if (attempt === 200) throw new Error("The machine is too slow to do anything within one ms.");
  }
}

describe.each([
  ["whose timeouts are one", {}],
  ["whose idle timeout ends it", { absoluteTimeout: 100 * LIFE }],
])("in the last ms of a session %s", (_, options) => {
  it("get finds it, and listForUser names it", async () => {
    const { outcome, id } = await inLastMs(options, ({ store, token, userId }) =>
      Promise.all([store.listForUser(userId), store.get(token)]),
    );
    expect(outcome[1]).toMatchObject({ id });
    expect(outcome[0]).toEqual([outcome[1]]);
  });

  it("revokeAllForUser ends it", async () => {
    const { outcome } = await inLastMs(options, ({ store, token, userId }) =>
      Promise.all([store.revokeAllForUser(userId), store.get(token)]),
    );
    expect(outcome).toEqual([1, null]);
  });

  it("updateClaimsForUser changes it", async () => {
    const { outcome } = await inLastMs(options, ({ store, token, userId }) =>
      Promise.all([store.updateClaimsForUser(userId, { role: "admin" }), store.get(token)]),
    );
    expect(outcome[0]).toBe(1);
    expect(outcome[1]?.claims).toEqual({ role: "admin" });
  });

  it("it counts for the limit of sessions", async () => {
    const limits = { maxSessionsPerUser: 1, onSessionLimit: "reject" } as const;
    const { outcome } = await inLastMs({ ...options, ...limits }, ({ store, userId }) =>
      store.create({ userId }).catch((error: unknown) => error),
    );
    expect(outcome).toBeInstanceOf(SessionLimitError);
  });

  it("a log-in does not sweep it out of the index", async () => {
    const { outcome, id } = await inLastMs(options, async ({ store, token, userId }) => {
      const created = store.create({ userId, idleTimeout: 10_000, absoluteTimeout: 10_000 });
      await new Promise((resolve) => setImmediate(resolve));
      return Promise.all([store.get(token), store.listForUser(userId), created]);
    });
    const [found, listed, { session }] = outcome;
    expect(found).toMatchObject({ id });
    expect(listed.map((each) => each.id).toSorted()).toEqual([id, session.id].toSorted());
  });

  it("a revocation of another does not take the index away from it", async () => {
    const { outcome, id } = await inLastMs(options, async ({ store, token, userId }) => {
      // Held up with the rest: by the time that it runs, the first one is in its last ms.
      const created = store.create({ userId, idleTimeout: 10_000, absoluteTimeout: 10_000 });
      const revoked = created.then((other) => store.revoke(other.session.id));
      return [await revoked, await store.get(token), await store.listForUser(userId)] as const;
    });
    expect(outcome[0]).toBe(true);
    // Where get still finds it, so does the list.
    if (outcome[1] !== null) expect(outcome[2].map((each) => each.id)).toContain(id);
  });
});

it("a session that slides in its last ms lives on, and is listed", async () => {
  const { outcome, userId, id } = await inLastMs({ absoluteTimeout: 10_000 }, ({ store, token }) => store.touch(token));
  expect(outcome).toMatchObject({ id });
  expect(await indexedIds(looker, prefix, userId)).toEqual([id]);
});

it("one ms later it is dead for every verb", async () => {
  const { outcome } = await inLastMs(
    {},
    ({ store, token, userId }) =>
      Promise.all([
        store.get(token),
        store.touch(token),
        store.listForUser(userId),
        store.updateClaimsForUser(userId, { a: 1 }),
        store.revokeAllForUser(userId),
      ]),
    1,
  );
  expect(outcome).toEqual([null, null, [], 0, 0]);
});

describe("a touch that comes when the deadline cuts the session short in that very ms", () => {
  it("leaves no key without an end", async () => {
    // The end moves to the absolute deadline, which may pass between two commands of the script: PEXPIREAT then deletes the key.
    const brief = open({ idleTimeout: 3, absoluteTimeout: 4 });
    for (let round = 0; round < 40; round++) {
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const { token } = await brief.create();
          while ((await brief.touch(token)) !== null);
        }),
      );
    }
    const left = await keysUnder(looker, prefix);
    const ends = await Promise.all(left.map((key) => looker.pexpiretime(key)));
    expect(left.filter((_, at) => ends[at] === -1)).toEqual([]);
  });
});
