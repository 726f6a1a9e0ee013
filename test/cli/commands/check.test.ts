/** `coatcheck check`: it reports the servers, and not the client that the program itself has made. */
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { check } from "../../../src/cli/commands/check.js";
import { DONE, NOTHING_FOUND } from "../../../src/cli/failure.js";
import { Terminal } from "../../../src/cli/terminal.js";
import type { Work } from "../../../src/cli/work.js";
import { ioredisFindings } from "../../../src/redis/clients/ioredis/findings.js";
import { nodeRedisFindings, untoldFindings } from "../../../src/redis/clients/node-redis/findings.js";
import type { CheckFinding } from "../../../src/sessions/check.js";

const eviction: CheckFinding = {
  code: "eviction",
  level: "danger",
  found: "maxmemory-policy is allkeys-lru",
  consequence: "sessions are lost",
  mend: "CONFIG SET",
};

async function checked(findings: readonly CheckFinding[]) {
  const output = new PassThrough().setEncoding("utf8");
  const terminal = new Terminal({ input: new PassThrough(), output, errors: new PassThrough() }, true);
  const store = { check: async () => ({ ok: false, servers: [], findings }) } as unknown as Work["store"];
  const status = await check({ store, terminal, signal: new AbortController().signal } as Work);
  return { status, report: JSON.parse(String(output.read())) as { ok: boolean; findings: CheckFinding[] } };
}

it("says nothing of its own client, of whichever family, and what it finds there is no danger", async () => {
  const own = [
    ...ioredisFindings({ connectTimeout: 1, sentinels: [], failoverDetector: true }),
    ...nodeRedisFindings({ socket: { reconnectStrategy: false } }),
    ...nodeRedisFindings({ socket: { socketTimeout: 1000 } }),
    ...untoldFindings("sentinel"),
  ];
  expect(new Set(own.map(({ code }) => code)).size).toBe(5);
  expect(await checked(own)).toEqual({ status: DONE, report: { ok: true, servers: [], findings: [] } });
  const { status, report } = await checked([...own, eviction]);
  expect([status, report.ok, report.findings]).toEqual([NOTHING_FOUND, false, [eviction]]);
});
