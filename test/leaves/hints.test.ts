/** Hints at options that are allowed and nearly surely a mistake: a process warning each, once for each option. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { RedisStoreOptions } from "../../src/express-session.js";
import { untouchable } from "../harness/untouchable.js";

const emitWarning = vi.hoisted(() => vi.fn());
vi.mock("node:process", async (original) => ({ ...(await original<typeof import("node:process")>()), emitWarning }));

/** The package as a process has it that has not given a hint yet. */
async function fresh() {
  vi.resetModules();
  const [core, oneTime, http, express, koa, jwt] = await Promise.all([
    import("../../src/index.js"),
    import("../../src/one-time.js"),
    import("../../src/http.js"),
    import("../../src/express-session.js"),
    import("../../src/koa-session.js"),
    import("../../src/jwt.js"),
  ]);
  return { ...core, ...oneTime, ...http, ExpressStore: express.RedisStore, KoaStore: koa.RedisStore, ...jwt };
}
type Package = Awaited<ReturnType<typeof fresh>>;

const call = () => {};
const client = { evalsha: call, eval: call, get: call, scan: call, zscan: call, on: call };
const dropIn = { client: client as unknown as RedisStoreOptions["client"] };
const names = { issuer: "i", audience: "a" };
const key = { kid: "k", alg: "HS256", key: new Uint8Array(32) } as const;
const token = `01M813ANQEZQQF0E0QPV2PHR92.${"A".repeat(43)}`;

const hints = () => emitWarning.mock.calls.map(([message, { code }]) => `${code}: ${message}`);

beforeEach(() => {
  emitWarning.mockClear();
});

/** Every option that is a duration, and how it is given. */
const LONG: Record<string, (coatcheck: Package, ms: number) => unknown> = {
  idleTimeout: ({ createSessionStore }, ms) =>
    createSessionStore(untouchable, { idleTimeout: ms, absoluteTimeout: 10 ** 10 }),
  absoluteTimeout: ({ createSessionStore }, ms) => createSessionStore(untouchable, { absoluteTimeout: ms }),
  touchInterval: ({ createSessionStore }, ms) =>
    createSessionStore(untouchable, { idleTimeout: 10 ** 10, absoluteTimeout: 10 ** 10, touchInterval: ms }),
  ttl: ({ createOneTimeTokens }, ms) => createOneTimeTokens(untouchable, { purpose: "x", ttl: ms }),
  freshWithin: ({ checkRequirement }, ms) => checkRequirement({ freshWithin: ms }),
};
const OF_ONE_SESSION: typeof LONG = {
  // Redis is not reached: the client refuses to be called, after the options are read.
  idleTimeout: ({ createSessionStore }, ms) =>
    createSessionStore(untouchable)
      .create({ idleTimeout: ms })
      .catch(() => {}),
  absoluteTimeout: ({ createSessionStore }, ms) =>
    createSessionStore(untouchable)
      .create({ idleTimeout: 1, absoluteTimeout: ms })
      .catch(() => {}),
};
const OF_A_DROP_IN: typeof LONG = {
  touchInterval: ({ ExpressStore }, ms) => new ExpressStore({ ...dropIn, touchInterval: ms }),
};
const SHORT: typeof LONG = {
  timeout: ({ createSessionStore }, ms) => createSessionStore(untouchable, { timeout: ms }),
  "replicas.timeout": ({ createSessionStore }, ms) =>
    createSessionStore(untouchable, { replicas: { count: 1, timeout: ms } }),
  grace: ({ createSessionStore }, ms) =>
    createSessionStore(untouchable)
      .rotate(token, { grace: ms })
      .catch(() => {}),
  clockTolerance: ({ createJwtSessions, createSessionStore }, ms) =>
    createJwtSessions(createSessionStore(untouchable), { ...names, key, clockTolerance: ms }),
};
const SHORT_ELSEWHERE: typeof LONG = {
  timeout: ({ createOneTimeTokens }, ms) =>
    createOneTimeTokens(untouchable, { purpose: "x", ttl: 10 ** 6, timeout: ms }),
};
const SHORT_OF_A_DROP_IN: typeof LONG = { timeout: ({ KoaStore }, ms) => new KoaStore({ ...dropIn, timeout: ms }) };
const cases = (...groups: (typeof LONG)[]) => groups.flatMap((group) => Object.entries(group));

describe("how long something lives", () => {
  it.each(cases(LONG, OF_ONE_SESSION, OF_A_DROP_IN))("in seconds, for %s", async (name, give) => {
    for (const seconds of [60, 300, 600, 900, 1800, 3600, 28_800, 43_200, 86_400, 604_800, 2_592_000]) {
      emitWarning.mockClear();
      await give(await fresh(), seconds);
      expect(hints()).toContain(`COATCHECK_UNIT: ${name} is ${seconds} ms; ${seconds} seconds are ${seconds * 1000}`);
      expect(hints()).toHaveLength(1);
    }
  });

  it.each(cases(LONG))("in minutes or hours, for %s", async (name, give) => {
    for (const n of [8, 12, 15, 24, 30]) {
      emitWarning.mockClear();
      give(await fresh(), n);
      const meant = `${n} seconds are ${n * 1000}, ${n} minutes are ${n * 60_000}`;
      expect(hints()).toEqual([`COATCHECK_UNIT: ${name} is ${n} ms; ${meant}`]);
    }
  });

  it.each(cases(LONG, OF_ONE_SESSION, OF_A_DROP_IN))("of a test or in ms is no mistake, for %s", async (_, give) => {
    const coatcheck = await fresh();
    for (const ms of [1, 2, 10, 20, 50, 100, 200, 250, 500, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000]) {
      await give(coatcheck, ms);
    }
    for (const minutes of [1, 2, 5, 10, 15, 30, 60, 90, 8 * 60, 12 * 60, 24 * 60, 7 * 24 * 60, 30 * 24 * 60]) {
      await give(coatcheck, minutes * 60_000);
    }
    expect(hints()).toEqual([]);
  });
});

describe("how long a call or a grace takes", () => {
  it.each(cases(SHORT, SHORT_ELSEWHERE, SHORT_OF_A_DROP_IN))("in seconds, for %s", async (name, give) => {
    for (const seconds of [1, 2, 5, 10, 30, 60]) {
      emitWarning.mockClear();
      await give(await fresh(), seconds);
      const meant = `${seconds} seconds are ${seconds * 1000}`;
      expect(hints()).toHaveLength(1);
      expect(hints()[0]).toContain(`COATCHECK_UNIT: ${name} is ${seconds} ms; ${meant}`);
    }
  });

  it.each(cases(SHORT, SHORT_ELSEWHERE, SHORT_OF_A_DROP_IN))("in ms is no mistake, for %s", async (_, give) => {
    const coatcheck = await fresh();
    for (const ms of [50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 30_000]) await give(coatcheck, ms);
    expect(hints()).toEqual([]);
  });
});

it("a time to live in ms where a drop-in store takes seconds, as connect-redis and koa-redis do", async () => {
  for (const ms of [600_000, 1_800_000, 3_600_000, 86_400_000, 2_592_000_000]) {
    for (const store of ["ExpressStore", "KoaStore"] as const) {
      emitWarning.mockClear();
      new (await fresh())[store]({ ...dropIn, ttl: ms });
      expect(hints()).toEqual([`COATCHECK_UNIT: ttl is ${ms} seconds, not ms; ${ms} ms are ${ms / 1000}`]);
    }
  }
  emitWarning.mockClear();
  const { ExpressStore } = await fresh();
  for (const days of [0.5, 1, 7, 10, 14, 30, 90, 180, 365, 400]) new ExpressStore({ ...dropIn, ttl: days * 86_400 });
  for (const seconds of [1, 60, 900, 3600]) new ExpressStore({ ...dropIn, ttl: seconds });
  expect(hints()).toEqual([]);
});

it("the defaults are no mistake, also those that follow from another option", async () => {
  const { createSessionStore, createOneTimeTokens, ExpressStore, KoaStore } = await fresh();
  createSessionStore(untouchable);
  createOneTimeTokens(untouchable, { purpose: "x", ttl: 600_000 });
  new ExpressStore(dropIn);
  new KoaStore(dropIn);
  expect(hints()).toEqual([]);
});

describe("an option without effect", () => {
  it("is onSessionLimit where a user may have any number of sessions", async () => {
    const { createSessionStore } = await fresh();
    createSessionStore(untouchable, { maxSessionsPerUser: 3, onSessionLimit: "reject" });
    createSessionStore(untouchable, { onSessionLimit: undefined });
    expect(hints()).toEqual([]);
    createSessionStore(untouchable, { onSessionLimit: "reject" });
    createSessionStore(untouchable, { onSessionLimit: "evict-oldest" });
    expect(hints()).toEqual([
      "COATCHECK_NO_EFFECT: onSessionLimit does nothing without maxSessionsPerUser: a user may have any number of sessions",
    ]);
  });

  it.each(["disableTouch", "disableTTL"])("is touchInterval beside %s", async (other) => {
    const { ExpressStore } = await fresh();
    new ExpressStore({ ...dropIn, touchInterval: 60_000 });
    expect(hints()).toEqual([]);
    new ExpressStore({ ...dropIn, touchInterval: 60_000, [other]: true });
    expect(hints()).toEqual([
      `COATCHECK_NO_EFFECT: touchInterval does nothing beside ${other}: no touch is sent at all`,
    ]);
  });
});

describe("a subscriber of near that nobody has connected", () => {
  const subscriber = (isOpen: boolean) =>
    ({
      evalSha: call,
      eval: call,
      on: call,
      off: call,
      subscribe: call,
      unsubscribe: call,
      connect: call,
      destroy: call,
      isOpen,
    }) as never;

  it("is told when the first session is looked up, because lookups work without it", async () => {
    const { createSessionStore } = await fresh();
    const store = createSessionStore(untouchable, { near: { subscriber: subscriber(false) } });
    expect(hints()).toEqual([]);
    store.peek(token);
    expect(hints()).toEqual([
      "COATCHECK_SUBSCRIBER: The subscriber is not connected, so nothing is heard: call its connect(), and close it after the store",
    ]);
    await store.close();
  });

  it("is none if it is connecting", async () => {
    const { createSessionStore } = await fresh();
    const store = createSessionStore(untouchable, { near: { subscriber: subscriber(true) } });
    store.peek(token);
    await store.close();
    expect(hints()).toEqual([]);
  });
});

it("tells that find was given a token, which is no id, and does not show it", async () => {
  const { createSessionStore } = await fresh();
  const store = createSessionStore(untouchable);
  expect(await store.find(token.slice(1))).toBeNull();
  expect(hints()).toEqual([]);
  expect(await store.find(token)).toBeNull();
  expect(hints()).toEqual([
    "COATCHECK_ID: find was given a token, and gives null: it takes the id of a session, and get takes a token",
  ]);
});

it("is given once in a process, however many stores have the option", async () => {
  const { createSessionStore } = await fresh();
  for (const idleTimeout of [900, 900, 1800]) createSessionStore(untouchable, { idleTimeout });
  expect(hints()).toEqual(["COATCHECK_UNIT: idleTimeout is 900 ms; 900 seconds are 900000"]);
  expect(emitWarning).toHaveBeenCalledWith(expect.any(String), { type: "CoatcheckWarning", code: "COATCHECK_UNIT" });
});
