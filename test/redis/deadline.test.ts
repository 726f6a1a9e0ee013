import { expect, it, vi } from "vitest";
import { z } from "zod";
import { createSessionStore } from "../../src/index.js";
import { Deadline } from "../../src/redis/calls/deadline.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);

it("runs out, and is never less than nothing", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const deadline = new Deadline(100);
    vi.advanceTimersByTime(40);
    expect(deadline.left).toBe(60);
    vi.advanceTimersByTime(100);
    expect(deadline.left).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

it("is never further off than a timer can be, which would take it for 1 ms", () => {
  // As of a revocation that may wait for its replicas for as long as can be said.
  const { left } = new Deadline(1000 + (2 ** 31 - 1));
  expect(left).toBeLessThanOrEqual(2 ** 31 - 1);
  expect(left).toBeGreaterThan(2 ** 31 - 10_000);
});

it("does not count what it excludes, also where that fails", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const deadline = new Deadline(100);
    expect(await deadline.exclude(() => Number(vi.advanceTimersByTime(500) !== null))).toBe(1);
    await expect(
      deadline.exclude(() => {
        vi.advanceTimersByTime(500);
        throw new Error("the caller's own");
      }),
    ).rejects.toThrow("the caller's own");
    expect(deadline.left).toBe(100);
  } finally {
    vi.useRealTimers();
  }
});

it("gives Redis its whole time, however long a schema or a function of the caller takes", async () => {
  const timeout = 10_000;
  let pauses = 0;
  // The clock of the deadlines stands still but for this, so a slow machine uses none of them up.
  const slow = async () => {
    pauses++;
    vi.advanceTimersByTime(2 * timeout);
  };
  const claims = z.object({ n: z.number() }).refine(async () => slow().then(() => true));
  const store = createSessionStore(redis, { prefix, timeout, claims });
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const { token } = await store.create({ claims: { n: 1 } });
    const changed = await store.updateClaims(token, async ({ n }) => slow().then(() => ({ n: n + 1 })));
    expect(changed?.claims).toEqual({ n: 2 });
    const rotated = await store.rotate(token, { claims: { n: 3 } });
    expect(rotated?.session.claims).toEqual({ n: 3 });
    const loggedIn = await store.rotate(rotated?.token, { userId: "ada", claims: { n: 4 } });
    expect(loggedIn?.session.claims).toEqual({ n: 4 });
    expect(pauses).toBeGreaterThanOrEqual(5);
  } finally {
    vi.useRealTimers();
  }
});
