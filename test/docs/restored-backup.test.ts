/** A backup that is restored, as docs/operations.md tells of it: what comes back, and that the steps there put it right. */
import { expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { createOneTimeTokens } from "../../src/one-time.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const store = createSessionStore(redis);
const resets = createOneTimeTokens(redis, { purpose: "password-reset", ttl: 600_000 });

/** What a snapshot holds: each key with its value and the instant at which it ends. */
async function backUp() {
  const keys = await redis.keys("*");
  return Promise.all(
    keys.map(async (key) => [key, await redis.dumpBuffer(key), await redis.pexpiretime(key)] as const),
  );
}

async function restore(backup: Awaited<ReturnType<typeof backUp>>) {
  await redis.flushall();
  for (const [key, value, end] of backup) await redis.restore(key, Math.max(end, 0), value as Buffer, "ABSTTL");
}

/** What the command of the runbook deletes, by the pattern that stands there. */
async function deleteAsDocumented() {
  const page = new MarkdownDocument(new URL("../../docs/operations.md", import.meta.url));
  const section = page.text.slice(page.text.indexOf("### After a backup was restored"));
  const [, pattern = ""] = /redis-cli --scan --pattern '([^']+)'/.exec(section) ?? [];
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", pattern);
    for (const key of keys) await redis.del(key);
    cursor = next;
  } while (cursor !== "0");
}

it("brings back what was revoked and consumed, loses blocks, and is put right by the runbook", async () => {
  const stolen = await store.create({ userId: "ada" });
  const guest = await store.create();
  const rotated = await store.create({ userId: "eve" });
  const { token: link } = await resets.issue({ subject: "ada" });
  const used = await resets.issue({ subject: "eve" });
  await store.blockUser("mallory", { reason: "fraud" });
  const backup = await backUp();

  await store.revoke(stolen.token);
  await store.rotate(rotated.token);
  await resets.consume(link);
  await store.blockUser("trudy");
  await restore(backup);
  // What the page warns of.
  expect(await store.get(stolen.token)).not.toBeNull();
  expect(await store.get(rotated.token)).not.toBeNull();
  expect(await resets.peek(link)).not.toBeNull();
  expect(await store.getBlock("trudy")).toBeNull();

  await deleteAsDocumented();
  for (const { token } of [stolen, guest, rotated]) expect(await store.get(token)).toBeNull();
  for (const token of [link, used.token]) expect(await resets.consume(token)).toBeNull();
  expect(await store.listForUser("ada")).toEqual([]);
  expect(await store.getBlock("mallory")).toMatchObject({ reason: "fraud" });
  expect(await redis.keys("*")).toEqual([expect.stringContaining(":b:mallory")]);
  await store.blockUser("trudy");
  await expect(store.create({ userId: "trudy" })).rejects.toThrow();
});
