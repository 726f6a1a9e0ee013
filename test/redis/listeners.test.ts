/** A listener or subscriber that throws is the process's trouble, and never the verb's. */
import diagnostics from "node:diagnostics_channel";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSessionStore, type SessionEvents } from "../../src/index.js";
import { connect, guardKeyspace, lastingKeysUnder, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);

const NAMES = ["created", "rotated", "updated", "revoked", "rejected"] as const satisfies ReadonlyArray<
  keyof SessionEvents
>;

/** What reached the process as an uncaught exception. Vitest listens for those, too, and would fail the run. */
const uncaught: unknown[] = [];
let others: NodeJS.UncaughtExceptionListener[] = [];
const collect = (error: unknown) => uncaught.push(error);

beforeEach(() => {
  uncaught.length = 0;
  others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException").on("uncaughtException", collect);
});

afterEach(() => {
  process.removeAllListeners("uncaughtException");
  for (const listener of others) process.on("uncaughtException", listener);
});

/** Runs every verb that announces something, and expects the answers that it gives without listeners. */
async function expectVerbsToWork(store: ReturnType<typeof createSessionStore>): Promise<void> {
  const { token, session } = await store.create({ userId: "42", claims: { a: 1 } });
  expect(await store.updateClaims(token, { a: 2 })).toMatchObject({ id: session.id, claims: { a: 2 } });
  const rotated = await store.rotate(token);
  expect(rotated?.session.claims).toEqual({ a: 2 });
  expect(await store.get(token)).toBeNull();
  expect(await store.touch("rubbish")).toBeNull();
  expect(await store.revoke(rotated?.token)).toBe(true);
  await store.create({ userId: "42" });
  await store.create({ userId: "42" });
  expect(await store.updateClaimsForUser("42", { a: 3 })).toBe(2);
  expect(await store.revokeAllForUser("42")).toBe(2);
  expect(await lastingKeysUnder(redis, prefix)).toEqual([]);
}

/** How often the verbs above announce something. */
const ANNOUNCEMENTS = { created: 3, updated: 3, rotated: 1, rejected: 2, revoked: 3 };

function expectUncaught(): void {
  const counts = Object.fromEntries(NAMES.map((name) => [name, uncaught.filter((error) => error === name).length]));
  expect(counts).toEqual(ANNOUNCEMENTS);
}

describe("a listener that throws", () => {
  it("fails no verb, and each of its errors becomes an uncaught exception", async () => {
    const store = createSessionStore(redis, { prefix });
    for (const name of NAMES) {
      store.events.on(name, () => {
        throw name;
      });
    }
    await expectVerbsToWork(store);
    expectUncaught();
  });

  it("does not keep a diagnostics subscriber from hearing", async () => {
    const store = createSessionStore(redis, { prefix });
    store.events.on("created", () => {
      throw "created";
    });
    const heard: unknown[] = [];
    const hear = (message: unknown) => heard.push(message);
    diagnostics.subscribe("coatcheck:created", hear);
    try {
      const { session } = await store.create();
      expect(heard).toEqual([{ id: session.id, userId: null, client: {} }]);
      await store.revoke(session.id);
    } finally {
      diagnostics.unsubscribe("coatcheck:created", hear);
    }
    expect(uncaught).toEqual(["created"]);
  });
});

describe("a diagnostics subscriber that throws", () => {
  it("fails no verb, and each of its errors becomes an uncaught exception", async () => {
    const store = createSessionStore(redis, { prefix });
    const subscribers = NAMES.map((name) => {
      const subscriber = () => {
        throw name;
      };
      diagnostics.subscribe(`coatcheck:${name}`, subscriber);
      return () => diagnostics.unsubscribe(`coatcheck:${name}`, subscriber);
    });
    const heard: string[] = [];
    for (const name of NAMES) store.events.on(name, () => heard.push(name));
    try {
      await expectVerbsToWork(store);
    } finally {
      for (const unsubscribe of subscribers) unsubscribe();
    }
    expectUncaught();
    // Listeners of the store hear all the same.
    expect(heard).toHaveLength(Object.values(ANNOUNCEMENTS).reduce((sum, count) => sum + count));
  });
});

describe("an asynchronous listener that rejects", () => {
  it("fails no verb", async () => {
    const rejections: unknown[] = [];
    const before = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection").on("unhandledRejection", (error) => rejections.push(error));
    try {
      const store = createSessionStore(redis, { prefix });
      store.events.on("created", async () => {
        throw new Error("late");
      });
      const { token } = await store.create();
      expect(await store.revoke(token)).toBe(true);
      expect(rejections).toMatchObject([{ message: "late" }]);
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const listener of before) process.on("unhandledRejection", listener);
    }
  });
});
