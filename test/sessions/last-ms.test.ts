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

/** Holds the server until its clock shows this many µs of this ms, and gives the ms that it shows then. */
const HOLD = `
local now, micros
repeat
  local time = redis.call('TIME')
  now, micros = time[1] * 1000 + math.floor(time[2] / 1000), time[2] % 1000
until now > tonumber(ARGV[1]) or now == tonumber(ARGV[1]) and micros >= tonumber(ARGV[2])
return now`;

/** Lets what was called go as far as to its next command. */
const sent = async () => {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
};

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
  await warm.revoke((await warm.create({ userId })).token);
  await warm.revokeAllForUser(userId);
}

interface Subject {
  readonly store: ReturnType<typeof open>;
  readonly token: string;
  readonly id: string;
  readonly userId: string;
}

/** What `act` comes to in the last ms of a session, or `after` ms later. It sends its commands at once. */
async function inLastMs<T>(
  options: SessionStoreOptions<Record<string, unknown>>,
  act: (subject: Subject) => Promise<T>,
  after = 0,
  prepare: (userId: string) => Promise<unknown> = async () => {},
): Promise<{ outcome: T; userId: string; id: string }> {
  for (let attempt = 1; ; attempt++) {
    const store = open({ idleTimeout: LIFE, absoluteTimeout: LIFE, ...options });
    const userId = `user ${Math.random()}`;
    await prepare(userId);
    const { token, session } = await store.create({ userId });
    const held = redis.eval(HOLD, 0, session.expiresAt + after, 0);
    const outcome = act({ store, token, id: session.id, userId });
    await sent();
    await sent();
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
      await sent();
      return Promise.all([store.get(token), store.listForUser(userId), created]);
    });
    const [found, listed, { session }] = outcome;
    expect(found).toMatchObject({ id });
    expect(listed.map((each) => each.id).toSorted()).toEqual([id, session.id].toSorted());
  });

  it("a revocation of another does not take the index away from it", async () => {
    let another = "";
    const { outcome, id } = await inLastMs(
      options,
      async ({ store, token, userId }) => {
        const revoked = store.revoke(another);
        await sent();
        return Promise.all([revoked, store.listForUser(userId), store.get(token)]);
      },
      0,
      async (userId) => {
        // Its bound is later, so the index ends sooner without it: now.
        another = (await open({}).create({ userId })).session.id;
      },
    );
    expect(outcome[0]).toBe(true);
    expect(outcome[2]).toMatchObject({ id });
    expect(outcome[1]).toEqual([outcome[2]]);
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

it("a touch that moves the end to an absolute deadline that passes meanwhile leaves no key without an end", async () => {
  // The deadline is the ms after the last one, so PEXPIREAT deletes the key where the clock goes on within the script.
  const brief = open({ idleTimeout: 20, absoluteTimeout: 21 });
  for (let micros = 900; micros < 1000; micros++) {
    const { token, session } = await brief.create();
    const held = redis.eval(HOLD, 0, session.expiresAt, micros);
    await brief.touch(token);
    await held;
    const left = await keysUnder(looker, prefix);
    const ends = await Promise.all(left.map((key) => looker.pexpiretime(key)));
    expect(left.filter((_, at) => ends[at] === -1)).toEqual([]);
  }
});
