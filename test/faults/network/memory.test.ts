/** What an outage costs in memory, at many calls a second through clients with their defaults: nothing that grows with it. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "../../harness/dist.js";
import { afterFile } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy, type TcpProxy } from "../../harness/tcp-proxy.js";
import { FULL, faultsAtOnce, type Outcome } from "../fault.js";
import { NODE_REDIS } from "../node-redis.js";
import { type ClientName, titleOf } from "./rig.js";

const PER_SECOND = FULL ? 1000 : 500;
/** How long the outage lasts, ms. */
const LASTS = FULL ? 60_000 : 10_000;
const MEGABYTE = 2 ** 20;
/** How much more the heap may hold at the end of an outage than when the client held all that it may. */
const MOST_GROWTH = 2 * MEGABYTE;
/** How long is waited for what a busy machine does late, ms. */
const PATIENCE = 60_000;

interface Figures {
  /** Bytes in use after a collection of the garbage. */
  readonly heap: number;
  /** Commands that wait in the client. */
  readonly queued: number;
  readonly calls: number;
  readonly settled: number;
  readonly failed: number;
  readonly errors: Readonly<Record<string, number>>;
  /** When the last call rejected, epoch ms. */
  readonly lastFailure: number;
}

const server = await startRedisServer();
afterFile(() => server.stop());
await ensureBuilt();

interface Application {
  look(order?: "end"): Promise<Figures>;
  close(): void;
}

async function startApplication(module: string, proxy: TcpProxy): Promise<Application> {
  const program = fileURLToPath(new URL("./memory-client.mjs", import.meta.url));
  const child = fork(program, [module, String(proxy.port), String(PER_SECOND)], { execArgv: ["--expose-gc"] });
  const died = once(child, "exit").then(([code, signal]) => {
    throw new Error(`The application ended: ${code ?? signal}`);
  });
  // Who waits for an answer hears of it; where nobody does, its end is in order.
  died.catch(() => {});
  await Promise.race([once(child, "message"), died]);
  return {
    async look(order) {
      const answer = once(child, "message");
      child.send(order ?? "look");
      return ((await Promise.race([answer, died])) as [Figures])[0];
    },
    close: () => child.disconnect(),
  };
}

/** An outage, and what it left behind. */
async function suffer(
  module: ClientName,
  begin: (proxy: TcpProxy) => void,
  end: (proxy: TcpProxy) => unknown,
): Promise<Outcome> {
  const proxy = await startProxy(server.port);
  const application = await startApplication(module, proxy);
  try {
    const before = await when(application, ({ settled }) => settled >= 3 * PER_SECOND);
    begin(proxy);
    const begun = Date.now();
    const early = await filled(application, before);
    await sleep(LASTS - (Date.now() - begun));
    const late = await application.look();
    await end(proxy);
    const ended = Date.now();
    const after = await recovered(application, ended);
    await application.look("end");
    const last = await when(application, ({ settled, calls }) => settled === calls);

    const broken: string[] = [];
    const inMegabytes = ({ heap }: Figures) => (heap / MEGABYTE).toFixed(1);
    if (late.heap - early.heap > MOST_GROWTH) {
      broken.push(`the heap grew from ${inMegabytes(early)} to ${inMegabytes(late)} MB while the outage lasted`);
    }
    if (last.settled !== last.calls) broken.push(`P8: ${last.calls - last.settled} calls never settled`);
    if (after === null) broken.push("P8: calls still fail a minute after the end of the outage");
    if (last.heap - before.heap > MOST_GROWTH) {
      broken.push(`the heap was ${inMegabytes(before)} MB before the outage and ${inMegabytes(last)} MB after it`);
    }
    return {
      ...{ servers: titleOf(server.version, module), times: 1, operations: last.calls, errors: last.errors, broken },
      outage: (after?.lastFailure ?? Date.now()) - begun,
      recovery: Math.max(0, (after?.lastFailure ?? Date.now()) - ended),
      further: {
        "heap before, early in the outage, at its end, after it, MB": [before, early, late, last]
          .map(inMegabytes)
          .join(", "),
        "commands waiting at its end": late.queued,
      },
    };
  } finally {
    application.close();
    await proxy.close();
  }
}

/** The figures when something has come about, or when it was waited for long enough. */
async function when(application: Application, isSo: (figures: Figures) => boolean): Promise<Figures> {
  for (const begun = Date.now(); ; await sleep(250)) {
    const figures = await application.look();
    if (isSo(figures) || Date.now() - begun > PATIENCE) return figures;
  }
}

/** The figures when the client holds all that it may in an outage: calls fail, and no more of them wait than half a second ago. */
async function filled(application: Application, before: Figures): Promise<Figures> {
  let queued = 0;
  return when(application, (figures) => {
    const isFull = figures.failed - before.failed > 3 * PER_SECOND && figures.queued <= queued && queued > PER_SECOND;
    queued = figures.queued;
    return isFull;
  });
}

/** The figures when no call has failed for two seconds; `null` where that does not come. */
async function recovered(application: Application, ended: number): Promise<Figures | null> {
  for (;;) {
    const { failed } = await application.look();
    await sleep(2000);
    const figures = await application.look();
    if (figures.failed === failed) return figures;
    if (Date.now() - ended > PATIENCE) return null;
  }
}

const outages = [
  ["black hole", (proxy: TcpProxy) => proxy.blackhole(), (proxy: TcpProxy) => proxy.restore()],
  [
    "refused connections",
    (proxy: TcpProxy) => {
      proxy.refuse();
      proxy.reset();
    },
    (proxy: TcpProxy) => proxy.accept(),
  ],
] as const;
const clients = [
  { name: "ioredis 5", module: "ioredis" },
  { name: "ioredis 6", module: "ioredis6" },
  ...Object.values(NODE_REDIS),
] as const;
// All at once: each has a process of its own, and the wait is long.
const rows = outages.flatMap(([outage, begin, end]) =>
  clients.map(({ name, module }) => ({
    name: `memory, ${outage} for ${LASTS / 1000} s at ${PER_SECOND} calls/s (${name}, defaults)`,
    inject: () => suffer(module, begin, end),
  })),
);
faultsAtOnce("Networks", LASTS + 300_000, rows);
