import { expect, it, vi } from "vitest";
import { z } from "zod";
import { Deadline } from "../src/deadline.js";
import { createSessionStore } from "../src/index.js";
import { connect, guardKeyspace, uniquePrefix } from "./harness/fixtures.js";

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
  const timeout = 150;
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 2 * timeout));
  const claims = z.object({ n: z.number() }).refine(async () => slow().then(() => true));
  const store = createSessionStore(redis, { prefix, timeout, claims });
  const { token } = await store.create({ claims: { n: 1 } });
  const changed = await store.updateClaims(token, async ({ n }) => slow().then(() => ({ n: n + 1 })));
  expect(changed?.claims).toEqual({ n: 2 });
  const rotated = await store.rotate(token, { claims: { n: 3 } });
  expect(rotated?.session.claims).toEqual({ n: 3 });
  const loggedIn = await store.rotate(rotated?.token, { userId: "ada", claims: { n: 4 } });
  expect(loggedIn?.session.claims).toEqual({ n: 4 });
});
