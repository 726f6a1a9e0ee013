/** Races between rotations, and of rotations with whatever changes claims. */
import { describe, expect, it } from "vitest";
import { interrupt, ORDERS, race, type Side } from "../../harness/gate.js";
import { expectIndex } from "../../harness/indexes.js";
import { startOpponents } from "./opponents.js";

const { redis, prefix, here, there, store, other } = await startOpponents();
const GRACE = 60_000;
let users = 0;

async function logIn() {
  const userId = `rotations ${users++}`;
  const { token, session } = await store.create({ userId, claims: { visits: 0 } });
  return { userId, token, id: session.id };
}

describe.each(ORDERS)("a rotation that reaches Redis %s another verb", (order) => {
  it.each([0, GRACE])("is the only one that wins against a second rotation, at a grace of %d ms", async (grace) => {
    const { userId, token, id } = await logIn();
    const outcomes = await race(
      order,
      { gate: here, script: "rotate", run: () => store.rotate(token, { grace }) },
      { gate: there, script: "rotate", run: () => other.rotate(token, { grace }) },
    );
    const winners = outcomes.filter((outcome) => outcome !== null);
    expect(winners).toHaveLength(1);
    if (order !== "at once with")
      expect(outcomes.findIndex((outcome) => outcome !== null)).toBe(order === "before" ? 0 : 1);
    const winner = winners[0];
    expect(await store.get(winner?.token)).toEqual(winner?.session);
    const left = [winner?.session.id ?? "", ...(grace > 0 ? [id] : [])];
    await expectIndex(redis, prefix, userId, left);
    expect(await store.listForUser(userId)).toEqual([winner?.session]);
  });

  it("carries a patch over that it overtakes, and refuses one that comes too late", async () => {
    const { token } = await logIn();
    const [rotated, updated] = await race(
      order,
      { gate: here, script: "rotate", run: () => store.rotate(token) },
      { gate: there, script: "update", run: () => other.updateClaims(token, { role: "admin" }) },
    );
    if (order === "before") expect(updated).toBeNull();
    if (order === "after") expect(updated).not.toBeNull();
    expect((await store.get(rotated?.token))?.claims).toEqual(
      updated === null ? { visits: 0 } : { visits: 0, role: "admin" },
    );
  });

  it("loses no change during its grace, whichever token it comes by", async () => {
    const { token } = await logIn();
    const increment = (): Side<unknown> => ({
      gate: there,
      script: "update",
      run: () => other.updateClaims(token, ({ visits }) => ({ visits: Number(visits) + 1 })),
    });
    const rotation = { gate: here, script: "rotate", run: () => store.rotate(token, { grace: GRACE }) } as const;
    const [rotated, updated] = await race(order, rotation, increment());
    expect(updated).not.toBeNull();
    await store.updateClaims(rotated?.token, ({ visits }) => ({ visits: Number(visits) + 1 }));
    expect((await store.get(rotated?.token))?.claims).toEqual({ visits: 2 });
    expect((await store.get(token))?.claims).toEqual({ visits: 2 });
  });

  it("leaves nothing alive after revokeAllForUser unless it came later, and then nothing unlisted", async () => {
    const { userId, token } = await logIn();
    const [rotated, count] = await race(
      order,
      { gate: here, script: "rotate", run: () => store.rotate(token) },
      { gate: there, script: "revokeUser", run: () => other.revokeAllForUser(userId) },
    );
    if (order === "before") expect(rotated).not.toBeNull();
    if (order === "after") expect(rotated).toBeNull();
    expect(count).toBe(1);
    await expectIndex(redis, prefix, userId, []);
    expect(await store.get(rotated?.token)).toBeNull();
  });

  it("leaves nothing alive after blockUser", async () => {
    const { userId, token } = await logIn();
    const [rotated, count] = await race(
      order,
      { gate: here, script: "rotate", run: () => store.rotate(token, { grace: GRACE }) },
      { gate: there, script: "block", run: () => other.blockUser(userId, { until: Date.now() + 3_600_000 }) },
    );
    if (order === "before") expect(rotated).not.toBeNull();
    if (order === "after") expect(rotated).toBeNull();
    expect(count).toBeGreaterThan(0);
    await expectIndex(redis, prefix, userId, []);
    expect(await store.get(rotated?.token)).toBeNull();
    expect(await store.get(token)).toBeNull();
  });

  it("does not renew the old token by a touch", async () => {
    const { userId, token, id } = await logIn();
    const [rotated] = await race(
      order,
      { gate: here, script: "rotate", run: () => store.rotate(token, { grace: GRACE }) },
      { gate: there, script: "touch", run: () => other.touch(token) },
    );
    // The index knows the end of the grace, and the two must agree.
    await expectIndex(redis, prefix, userId, [id, rotated?.session.id ?? ""]);
    const old = await store.touch(token);
    expect(old?.expiresAt).toBe(old?.absoluteExpiresAt);
    expect((old?.expiresAt ?? Number.POSITIVE_INFINITY) - (rotated?.session.lastSeenAt ?? 0)).toBeLessThanOrEqual(
      GRACE,
    );
  });
});

describe("the grace of a rotation", () => {
  it("is spared as one session when all others are revoked, whichever of its tokens asks", async () => {
    for (const which of ["old", "new"] as const) {
      const { userId, token, id } = await logIn();
      const rotated = await store.rotate(token, { grace: GRACE });
      const elsewhere = await store.create({ userId });
      expect(await store.revokeAllForUser(userId, { except: which === "old" ? token : (rotated?.token ?? "") })).toBe(
        1,
      );
      expect(await store.get(elsewhere.token)).toBeNull();
      // A request under way still bears the old token: "sign out everywhere else" must not sign its own user out.
      expect(await store.get(rotated?.token)).not.toBeNull();
      expect(await store.get(token)).not.toBeNull();
      await expectIndex(redis, prefix, userId, [id, rotated?.session.id ?? ""]);
    }
  });

  it("has no chains: a second rotation ends the first one's old token", async () => {
    const { userId, token, id } = await logIn();
    const second = await store.rotate(token, { grace: GRACE });
    const stop = there.stop("rotate", "before");
    const third = other.rotate(second?.token, { grace: GRACE });
    await stop.reached;
    expect(await store.get(token)).not.toBeNull();
    stop.release();
    await third;
    expect(await store.get(token)).toBeNull();
    await expectIndex(redis, prefix, userId, [second?.session.id ?? "", (await third)?.session.id ?? ""]);
    expect(id).not.toBe(second?.session.id);
    expect(await store.revoke(second?.token)).toBe(true);
    await expectIndex(redis, prefix, userId, []);
  });

  it("ends for a function that read by the old token, when a second rotation ends that token", async () => {
    const { token } = await logIn();
    const second = await store.rotate(token, { grace: GRACE });
    const [late, third] = await interrupt(
      here,
      "update",
      "before",
      () => store.updateClaims(token, () => ({ visits: "late" })),
      () => other.rotate(second?.token, { grace: GRACE }),
    );
    expect(late).toBeNull();
    expect((await store.get(third?.token))?.claims).toEqual({ visits: 0 });
  });

  it("lets a function that read before the rotation write what was true after it", async () => {
    const { token } = await logIn();
    const seen: unknown[] = [];
    const [, rotated] = await interrupt(
      here,
      "update",
      "before",
      () =>
        store.updateClaims(token, ({ visits }) => {
          seen.push(visits);
          return { visits: Number(visits) + 1 };
        }),
      () => other.rotate(token, { grace: GRACE, claims: { visits: 10 } }),
    );
    expect((await store.get(rotated?.token))?.claims).toEqual({ visits: 11 });
    expect((await store.get(token))?.claims).toEqual({ visits: 11 });
    expect(seen).toEqual([0, 10]);
  });
});
