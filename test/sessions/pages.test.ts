/** Users with more sessions than one page of a script holds: too many for ioredis-mock. */
import { describe, expect, it } from "vitest";
import { createSessionStore, SessionLimitError } from "../../src/index.js";
import { PAGE } from "../../src/sessions/context.js";
import { connect, guardKeyspace, lastingKeysUnder, uniquePrefix } from "../harness/fixtures.js";
import { present } from "./contract/rig.js";

describe("a user with more sessions than one page holds", () => {
  const redis = connect();
  const prefix = uniquePrefix();
  guardKeyspace(redis, prefix);
  // A call that goes through pages has this long for each.
  const store = createSessionStore(redis, { prefix, timeout: 5000 });
  const create = async (count: number) => {
    const ids: string[] = [];
    for (let left = count; left > 0; left -= 100) {
      const issued = await Promise.all(
        Array.from({ length: Math.min(left, 100) }, () => store.create({ userId: "ada" })),
      );
      ids.push(...issued.map(({ session }) => session.id));
    }
    return ids.sort();
  };

  // One less than a page, a page, one more, and so on: where a loop by pages goes wrong.
  it.each([PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 1])(
    "lists, changes and ends all %i, each once",
    async (count) => {
      const ids = await create(count);
      expect((await store.listForUser("ada")).map(({ id }) => id).sort()).toEqual(ids);
      expect(await store.updateClaimsForUser("ada", { role: "admin" })).toBe(count);
      const claims = (await store.listForUser("ada")).map((session) => session.claims["role"]);
      expect(claims).toEqual(Array.from({ length: count }, () => "admin"));

      const spared = present(ids[Math.floor(count / 2)]);
      expect(await store.revokeAllForUser("ada", { except: spared })).toBe(count - 1);
      expect((await store.listForUser("ada")).map(({ id }) => id)).toEqual([spared]);
      expect(await store.blockUser("ada")).toBe(1);
      expect(await store.unblockUser("ada")).toBe(true);
      expect(await lastingKeysUnder(redis, prefix)).toEqual([]);
    },
  );

  it("is refused another session by a new limit with reject, and keeps all that there are", async () => {
    const ids = await create(1100);
    const strict = createSessionStore(redis, {
      ...{ prefix, timeout: 5000 },
      ...{ maxSessionsPerUser: 10, onSessionLimit: "reject" as const },
    });
    await expect(strict.create({ userId: "ada" })).rejects.toThrow(SessionLimitError);
    expect((await store.listForUser("ada")).map(({ id }) => id).sort()).toEqual(ids);
    expect(await store.revokeAllForUser("ada")).toBe(1100);
  });

  it("ends all of them by a block, and a new limit evicts all above it", async () => {
    await create(2500);
    const limited = createSessionStore(redis, { prefix, timeout: 5000, maxSessionsPerUser: 2 });
    const { session } = await limited.create({ userId: "ada" });
    const listed = await store.listForUser("ada");
    expect(listed).toHaveLength(2);
    expect(listed).toContainEqual(session);
    await create(1500);
    expect(await store.blockUser("ada")).toBe(1502);
    expect(await store.unblockUser("ada")).toBe(true);
    expect(await lastingKeysUnder(redis, prefix)).toEqual([]);
  });
});
