/**
 * Endings while a slot is moving: the node that it is leaving can make no new key, so the node that it goes to gets the endings
 * of the sessions that end on either.
 */
import { describe, expect, it } from "vitest";
import type { SessionStore } from "../../src/index.js";
import { rotatedHalfway, startMoving } from "./moving.js";

const moving = await startMoving();
const { keys, open } = moving;
const store = open({ endings: 600_000 });

let friends = 0;
const halfway = (moved: Parameters<typeof rotatedHalfway>[2]) => rotatedHalfway(moving, store, moved);

type Halfway = Awaited<ReturnType<typeof halfway>>;

describe.each([
  ["nothing has moved", () => []],
  ["a session has moved", ([first]: readonly string[]) => [keys.session(first as string)]],
  ["the other one has moved", ([, second]: readonly string[]) => [keys.session(second as string)]],
  ["the index has moved", (_: unknown, index: string) => [index]],
  [
    "a session and the index have",
    ([first]: readonly string[], index: string) => [keys.session(first as string), index],
  ],
] as [string, (ids: readonly string[], index: string) => string[]][])("while a slot moves, and %s", (_, moved) => {
  it.each([
    ["revoke", "revoked", (by: SessionStore, { first }) => by.revoke(first.token, { note: "n" }), 2],
    ["revoke by id", "revoked", (by: SessionStore, { successor }) => by.revoke(successor.session.id, { note: "n" }), 2],
    ["revokeAllForUser", "user", (by: SessionStore, { userId }) => by.revokeAllForUser(userId, { note: "n" }), 3],
    ["blockUser", "blocked", (by: SessionStore, { userId }) => by.blockUser(userId, { note: "n" }), 3],
    [
      "a log-in of another user",
      "rotated",
      (by: SessionStore, { successor }) => by.rotate(successor.token, { userId: `friend ${friends++}` }),
      2,
    ],
  ] as [string, string, (by: SessionStore, scene: Halfway) => Promise<unknown>, number][])(
    "%s leaves the ending of every session that it ends",
    async (_verb, reason, end, ended) => {
      const scene = await halfway(moved);
      await end(store, scene);
      const tokens = [scene.first, scene.successor, scene.other].map(({ token }) => token);
      // At once, and when the slot has moved.
      for (const finish of [async () => {}, () => scene.move.finish()]) {
        await finish();
        const told = await Promise.all(tokens.map((token) => store.explain(token)));
        expect(told.map(({ state }) => state)).toEqual(tokens.map((_token, at) => (at < ended ? "ended" : "live")));
        for (const each of told.slice(0, ended)) {
          expect(each).toMatchObject({ reason, ...(reason === "rotated" ? {} : { note: "n" }) });
        }
      }
    },
  );
});
