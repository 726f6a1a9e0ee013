/** Races between changes of claims: of one session, and of all that a user has. */
import { describe, expect, it } from "vitest";
import { PAGE } from "../../../src/sessions/context.js";
import { interrupt, ORDERS, race } from "../../harness/gate.js";
import { expectIndex, indexedIds } from "../../harness/indexes.js";
import { startOpponents } from "./opponents.js";

// Thousands of log-ins at once take their time; the deadline is not what is tested here.
const { redis, prefix, here, there, store, other } = await startOpponents({ timeout: 30_000 });
const increment = (claims: Readonly<Record<string, unknown>>) => ({ visits: Number(claims["visits"]) + 1 });
let users = 0;

async function logIn(claims: Record<string, unknown> = { visits: 0 }) {
  const userId = `claims ${users++}`;
  const { token, session } = await store.create({ userId, claims });
  return { userId, token, id: session.id };
}

describe.each(ORDERS)("a change of claims that reaches Redis %s another", (order) => {
  it("survives with it when they are of different claims", async () => {
    const { token } = await logIn({ removed: true });
    const outcomes = await race(
      order,
      { gate: here, script: "update", run: () => store.updateClaims(token, { a: 1, removed: undefined }) },
      { gate: there, script: "update", run: () => other.updateClaims(token, { b: 2 }) },
    );
    expect((await store.get(token))?.claims).toEqual({ a: 1, b: 2 });
    // Each sees what came before it, and the later one sees it all.
    expect(outcomes.map((session) => session?.claims)).toContainEqual({ a: 1, b: 2 });
  });

  it("is followed by the later one when they are of the same claim", async () => {
    const { token } = await logIn({});
    await race(
      order,
      { gate: here, script: "update", run: () => store.updateClaims(token, { theme: "first" }) },
      { gate: there, script: "update", run: () => other.updateClaims(token, { theme: "second" }) },
    );
    const expected = { before: ["second"], after: ["first"], "at once with": ["first", "second"] };
    expect(expected[order]).toContain((await store.get(token))?.claims["theme"]);
  });

  it("counts exactly, function against function", async () => {
    const { token } = await logIn();
    await race(
      order,
      { gate: here, script: "update", run: () => store.updateClaims(token, increment) },
      { gate: there, script: "update", run: () => other.updateClaims(token, increment) },
    );
    expect((await store.get(token))?.claims).toEqual({ visits: 2 });
  });

  it("counts exactly, a function against a patch and against one for the whole user", async () => {
    const { token, userId } = await logIn();
    await race(
      order,
      { gate: here, script: "update", run: () => store.updateClaims(token, increment) },
      { gate: there, script: "update", run: () => other.updateClaims(token, { theme: "dark" }) },
    );
    await race(
      order,
      { gate: here, script: "update", run: () => store.updateClaims(token, increment) },
      { gate: there, script: "updateUser", run: () => other.updateClaimsForUser(userId, { visits: 10 }) },
    );
    const visits = (await store.get(token))?.claims["visits"];
    // Ten for all, and one more if the function ran after that.
    const expected = { before: [10], after: [11], "at once with": [10, 11] };
    expect(expected[order]).toContain(visits);
    expect((await store.get(token))?.claims["theme"]).toBe("dark");
  });
});

describe("many changes at once", () => {
  it("count exactly, twenty functions from two processes, beside patches, touches and lookups", async () => {
    const { token, userId } = await logIn();
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => {
        const by = at % 2 === 0 ? store : other;
        return Promise.all([
          by.updateClaims(token, increment),
          by.updateClaims(token, { [`own ${at}`]: at }),
          by.updateClaimsForUser(userId, { [`all ${at}`]: at }),
          by.touch(token),
          by.get(token),
        ]);
      }),
    );
    const claims = (await store.get(token))?.claims ?? {};
    expect(claims["visits"]).toBe(20);
    expect(Object.keys(claims)).toHaveLength(41);
  });

  it("run a function again for each time that somebody else was faster, on what is there now", async () => {
    const { token } = await logIn();
    const seen: unknown[] = [];
    const first = here.stop("update", "before");
    const second = here.stop("update", "before");
    const result = store.updateClaims(token, (claims) => {
      seen.push(claims["visits"]);
      return increment(claims);
    });
    for (const stop of [first, second]) {
      await stop.reached;
      await other.updateClaims(token, increment);
      stop.release();
    }
    expect((await result)?.claims).toEqual({ visits: 3 });
    expect(seen).toEqual([0, 1, 2]);
  });
});

describe("updateClaimsForUser on a user with more sessions than one step takes", () => {
  const COUNT = PAGE + 500;

  async function logInOften() {
    const userId = `claims ${users++}`;
    const issued = await Promise.all(
      Array.from({ length: COUNT }, () => other.create({ userId, claims: { visits: 0 } })),
    );
    const tokens = new Map(issued.map(({ token, session }) => [session.id, token]));
    const order = (await indexedIds(redis, prefix, userId)).map((id) => tokens.get(id) as string);
    return { userId, order };
  }

  /** What happens between the first step and the second to the session that the second step begins after. */
  it.each([
    ["touched", (token: string) => other.touch(token)],
    ["rotated", (token: string) => other.rotate(token)],
    ["rotated with a grace", (token: string) => other.rotate(token, { grace: 60_000 })],
    ["revoked", (token: string) => other.revoke(token)],
  ])("reaches every session that lives at its end, the last of the first step being %s", async (_, move) => {
    const { userId, order } = await logInOften();
    const [count] = await interrupt(
      here,
      "updateUser",
      "after",
      () => store.updateClaimsForUser(userId, { role: "admin" }),
      async () => {
        await move(order[PAGE - 1] as string);
        // It ends before all others, and so comes before them, where the first step has passed already.
        await other.create({ userId, idleTimeout: 120_000 });
        // Some that were visited and some that were not move behind everything, or give way to another.
        for (const from of [0, PAGE]) {
          await Promise.all([
            ...order.slice(from, from + 60).map((token) => other.touch(token)),
            ...order.slice(from + 60, from + 100).map((token) => other.rotate(token)),
            ...order.slice(from + 100, from + 140).map((token) => other.rotate(token, { grace: 60_000 })),
            ...order.slice(from + 140, from + 180).map((token) => other.revoke(token)),
          ]);
        }
      },
    );
    const sessions = await store.listForUser(userId);
    expect(sessions.filter(({ claims }) => claims["role"] !== "admin")).toEqual([]);
    expect(sessions.length).toBeGreaterThanOrEqual(COUNT - 80);
    expect(count).toBeGreaterThanOrEqual(sessions.length);
    await expectIndex(redis, prefix, userId, await indexedIds(redis, prefix, userId));
    await store.revokeAllForUser(userId);
  });

  it("does not bring back what is revoked between two steps", async () => {
    const { userId, order } = await logInOften();
    await interrupt(
      here,
      "updateUser",
      "after",
      () => store.updateClaimsForUser(userId, { role: "admin" }),
      () => other.revokeAllForUser(userId),
    );
    await expectIndex(redis, prefix, userId, []);
    expect(await store.get(order[0])).toBeNull();
    expect(await store.get(order.at(-1))).toBeNull();
  });

  it("is seen whole by a listing that moves between its steps: each live session once", async () => {
    const { userId, order } = await logInOften();
    const [listed] = await interrupt(
      here,
      "list",
      "after",
      () => store.listForUser(userId),
      async () => {
        await Promise.all(order.slice(PAGE - 100, PAGE + 100).map((token) => other.touch(token)));
        await Promise.all(order.slice(PAGE + 100, PAGE + 150).map((token) => other.revoke(token)));
      },
    );
    const ids = listed.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.sort()).toEqual((await indexedIds(redis, prefix, userId)).sort());
  });
});
