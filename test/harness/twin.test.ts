/** On which client the stores of a test run are. */
import { expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { clientUnderTest } from "./client-under-test.js";
import { afterFile, connect } from "./fixtures.js";
import { startRedisServer } from "./redis-server.js";

it("gives a store the client that the run asks for", async () => {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  const redis = connect({ port: server.port });
  const store = createSessionStore(redis);
  await store.create();
  const id = await redis.client("ID");
  const list = String(await redis.client("LIST", "TYPE", "NORMAL"))
    .trim()
    .split("\n");
  const others = list.filter((line) => !line.startsWith(`id=${id} `));
  expect(others).toHaveLength(clientUnderTest().isNodeRedis ? 1 : 0);
  for (const other of others) expect(other).toMatch(/ cmd=eval(sha)? /);
});
