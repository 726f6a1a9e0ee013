/** A process that watches ends when its application has closed its client, whether or not it has closed the store. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, inject, it } from "vitest";
import { ensureBuilt } from "../../harness/dist.js";
import { uniquePrefix } from "../../harness/fixtures.js";

it.each([
  ["after store.close()", "await store.close(); await redis.quit();"],
  ["without store.close()", "await redis.quit();"],
  ["while a watch begins", "store.watch(token).catch(() => {}); redis.disconnect();"],
])("ends %s", { timeout: 120_000 }, async (_, act) => {
  await ensureBuilt();
  const program = `
    import { createSessionStore } from "coatcheck";
    import { Redis } from "ioredis";
    const redis = new Redis(${JSON.stringify(inject("redisUrl"))});
    const store = createSessionStore(redis, { prefix: ${JSON.stringify(uniquePrefix())}, timeout: 10_000 });
    const { token } = await store.create({ userId: "ada" });
    const watch = await store.watch(token, { unsureAfter: 5000 });
    console.log(watch.session.userId);
    ${act}
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const patience = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const [code, signal] = await closed;
  clearTimeout(patience);
  expect([output.trim(), code, signal]).toEqual(["ada", 0, null]);
});
