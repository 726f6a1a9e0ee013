import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { afterFile } from "./fixtures.js";
import { startSentinel } from "./redis-sentinel.js";

const setup = await startSentinel({ replicas: 2 });
afterFile(() => setup.close());
const [first, ...others] = setup.nodes;
if (first === undefined) throw new Error("There is no master.");

const client = new Redis(setup.client);
client.on("error", () => {});
afterFile(() => client.disconnect());

it("starts a master, two replicas and three Sentinels that know each other", async () => {
  expect(setup.nodes).toHaveLength(3);
  expect(setup.sentinels).toHaveLength(3);
  expect(await setup.currentMaster()).toBe(first);
  await client.set("key", "value");
  expect(await client.wait(2, 10_000)).toBe(2);
  for (const { admin } of others) expect(await admin.get("key")).toBe("value");
});

it("is judged by check(): the master that the Sentinels name, its replicas, and the client", async () => {
  const open = (options: object) => {
    const own = new Redis({ ...setup.client, ...options });
    own.on("error", () => {});
    afterFile(() => own.disconnect());
    return createSessionStore(own, { replicas: { count: 2, timeout: 1000 }, timeout: 20_000 });
  };
  const good = await open({ socketTimeout: 1000 }).check();
  expect(good.servers).toMatchObject([{ port: first.port, role: "master", connectedReplicas: 2 }]);
  expect(good.findings.map(({ code }) => code)).toEqual(["persistence", "listpack"]);
  const bad = await open({ failoverDetector: true }).check();
  expect(bad.findings.map(({ code }) => code)).toEqual([
    ...["persistence", "listpack"],
    ...["socketTimeout", "failoverDetector"],
  ]);
});

it("fails over from a killed master, and takes it back as a replica", { timeout: 120_000 }, async () => {
  // Not before: on a busy machine a node may well be silent for so long, and nothing has failed.
  for (const { admin } of setup.sentinels) {
    await admin.call(
      "SENTINEL",
      "SET",
      setup.client.name,
      "down-after-milliseconds",
      "1500",
      "failover-timeout",
      "5000",
    );
  }
  await first.kill();
  const second = await setup.failedOver(first);
  expect(others).toContain(second);
  expect(await setup.currentMaster()).toBe(second);
  await setup.rejoin(first);
  await setup.settle();
  await second.admin.set("key", "later");
  expect(await second.admin.wait(2, 10_000)).toBe(2);
  expect(await first.admin.get("key")).toBe("later");
  // A client that asked a Sentinel for the master is with the new one.
  expect(await client.info("server")).toContain(`tcp_port:${second.port}`);
});
