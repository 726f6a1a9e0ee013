/**
 * The feed in a Cluster: heard on any node, and complete also while a slot is moving, when a script for each session ends what
 * no script can end together.
 */
import { describe, expect, it } from "vitest";
import type { FeedMessage } from "../../src/sessions/feed.js";
import { type FeedEar, listenToFeed } from "../harness/feed.js";
import { connect } from "../harness/fixtures.js";
import { rotatedHalfway, startMoving } from "./moving.js";

const moving = await startMoving();
const { cluster, keys, prefix, open } = moving;
const store = open();
const nodes = cluster.masters.map(({ port }) => connect({ port }));
/** One that listens on each node. */
const ears: FeedEar[] = [];
for (const { port } of cluster.masters) ears.push(await listenToFeed(connect({ port }), nodes, prefix));

const sorted = (messages: readonly FeedMessage[]) => messages.flatMap(({ ids }) => ids).toSorted();

let friends = 0;
const halfway = (moved: Parameters<typeof rotatedHalfway>[2]) => rotatedHalfway(moving, store, moved);

describe.each(ears.map((ear, node) => ({ node, ear })))("heard on node $node", ({ ear }) => {
  describe.each([
    ["nothing has moved", () => []],
    ["a session has moved", ([first]: readonly string[]) => [keys.session(first as string)]],
    ["the index has moved", (_: unknown, index: string) => [index]],
    [
      "a session and the index have",
      ([first]: readonly string[], index: string) => [keys.session(first as string), index],
    ],
  ] as [string, (ids: readonly string[], index: string) => string[]][])("while a slot moves, and %s", (_, moved) => {
    it("tells of both sessions that a revocation ends", async () => {
      const { first, successor, other, move } = await halfway(moved);
      const messages = await ear.during(() => store.revoke(successor.token));
      expect(sorted(messages)).toEqual([first.session.id, successor.session.id].sort());
      for (const message of messages) expect(message).toMatchObject({ kind: "ended", reason: "revoked" });
      expect(await store.get(other.token)).not.toBeNull();
      await move.finish();
    });

    it.each([
      ["revokeAllForUser", "user", (userId: string) => store.revokeAllForUser(userId)],
      ["blockUser", "blocked", (userId: string) => store.blockUser(userId)],
    ])("tells of every session that %s ends", async (_verb, reason, act) => {
      const { userId, ids, move } = await halfway(moved);
      const messages = await ear.during(() => act(userId));
      expect(sorted(messages)).toEqual(ids.toSorted());
      for (const message of messages) expect(message).toMatchObject({ kind: "ended", reason });
      await move.finish();
    });

    it("tells of every session that updateClaimsForUser changes", async () => {
      // A session and its partner can only change together: they lie on one node, and the index on the other.
      const { userId, ids, move } = await halfway((all, index) => {
        const isMoved = moved(all, index).includes(index);
        return isMoved ? [index] : all.map((id) => keys.session(id));
      });
      const messages = await ear.during(() => store.updateClaimsForUser(userId, { role: "root" }));
      expect([...new Set(sorted(messages))]).toEqual(ids.toSorted());
      for (const message of messages) expect(message.kind).toBe("changed");
      await move.finish();
    });

    it("tells of the session that a log-in of another user ends", async () => {
      const { first, successor, move } = await halfway(moved);
      const friend = `friend ${friends++}`;
      const messages = await ear.during(() => store.rotate(successor.token, { userId: friend }));
      expect(sorted(messages)).toEqual([first.session.id, successor.session.id].sort());
      for (const message of messages) expect(message).toMatchObject({ kind: "ended", reason: "rotated" });
      await move.finish();
    });
  });
});
