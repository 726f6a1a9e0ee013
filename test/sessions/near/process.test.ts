/** The near cache of a process of its own: it is frozen, and its memory is searched for tokens. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, inject, it } from "vitest";
import { createSessionStore } from "../../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import type { Order } from "./application.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "coatcheck-near-"));
afterFile(() => rmSync(folder, { recursive: true, force: true }));

interface Application {
  readonly child: ChildProcess;
  ask(order: Order): Promise<unknown>;
}

async function start(prefix: string, lease: number): Promise<Application> {
  const { port } = new URL(inject("redisUrl"));
  const child = fork(join(root, "test/sessions/near/application.ts"), [port, prefix, String(lease)], {
    cwd: root,
    execArgv: ["--import", "tsx", "--import", "./tools/lua-as-text.mjs"],
    env: { ...process.env, TSX_TSCONFIG_PATH: join(root, "tsconfig.json") },
  });
  afterFile(() => child.kill("SIGKILL"));
  const died = once(child, "exit").then(([code, signal]) => {
    throw new Error(`The application ended: ${code ?? signal}`);
  });
  died.catch(() => {});
  await Promise.race([once(child, "message"), died]);
  return {
    child,
    async ask(order) {
      const answer = once(child, "message");
      child.send(order);
      const [value] = await Promise.race([answer, died]);
      return value;
    },
  };
}

it("keeps no token in the heap, with a thousand sessions in memory", { timeout: 120_000 }, async () => {
  const application = await start(uniquePrefix(), 10_000);
  const file = join(folder, "tokens");
  expect(await application.ask({ kind: "fill", count: 1000, file })).toBe(1000);
  // One that it still uses, by which the search is judged.
  const kept = (await createSessionStore(connect(), { prefix: uniquePrefix() }).create()).token;
  await application.ask({ kind: "serve", token: kept });
  const snapshot = join(folder, "heap");
  await application.ask({ kind: "snapshot", file: snapshot });
  const heap = readFileSync(snapshot, "latin1");
  expect(heap.includes(kept.slice(27))).toBe(true);
  const tokens = readFileSync(file, "utf8").trim().split("\n");
  expect(tokens.length).toBe(1000);
  expect(tokens.filter((token) => heap.includes(token.slice(0, 26))).length).toBe(1000);
  // The last one may still be in a register or a buffer.
  expect(tokens.slice(0, -1).filter((token) => heap.includes(token.slice(27)))).toEqual([]);
});

it("serves nothing from before when a frozen process goes on", { timeout: 60_000 }, async () => {
  const prefix = uniquePrefix();
  const elsewhere = createSessionStore(connect(), { prefix });
  const application = await start(prefix, 500);
  const { token } = await elsewhere.create();
  await application.ask({ kind: "serve", token });
  const [before] = (await application.ask({ kind: "look" })) as [number, number];
  await expect.poll(async () => ((await application.ask({ kind: "look" })) as [number])[0]).toBeGreaterThan(before);
  application.child.kill("SIGSTOP");
  await elsewhere.revoke(token);
  const revokedAt = Date.now();
  await sleep(2000);
  application.child.kill("SIGCONT");
  const [, asked] = (await application.ask({ kind: "look" })) as [number, number];
  await expect
    .poll(async () => ((await application.ask({ kind: "look" })) as [number, number])[1])
    .toBeGreaterThan(asked + 100);
  const [servedAt] = (await application.ask({ kind: "look" })) as [number, number];
  // It served until it was frozen, and never again.
  expect(servedAt).toBeGreaterThan(before);
  expect(servedAt).toBeLessThanOrEqual(revokedAt);
});
