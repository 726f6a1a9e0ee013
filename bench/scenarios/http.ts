/** Whole requests: what is left of the difference when a framework, HTTP and cookies are around the lookup. */
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import autocannon from "autocannon";
import { figuresOf, type Series } from "../figures.ts";
import { newHistogram } from "../load.ts";
import { endProcess, nextMessage, STARTERS, startProcess } from "../processes.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import { turnOf } from "../turns.ts";
import { share } from "../workers.ts";
import { FRAMEWORKS, type HttpContender } from "./http-servers/login.ts";
import { HTTP_CONTENDERS } from "./http-servers.ts";

const CONNECTIONS = 50;
const PROGRAM = fileURLToPath(new URL("./http-process.ts", import.meta.url));
const START_TIMEOUT = 30_000;
/** A server that has never answered needs so many seconds for its first answers, however short the rounds are. */
const LEAST_WARM_UP = 0.25;

interface Server {
  readonly contender: HttpContender;
  readonly child: ChildProcess;
  readonly port: number;
  readonly headers: Record<string, string>;
  readonly rounds: { requests: number; p50: number; p90: number; p99: number }[];
}

const contenders: readonly Contender[] = HTTP_CONTENDERS;

export const http: Scenario = {
  name: "http",
  shows:
    "What is left of the difference in whole requests to Express, Fastify, Koa, Hono, and Request and Response alone.",
  method: [
    `autocannon, ${CONNECTIONS} connections without pipelining, each server in a process of its own, one at a time.`,
    "Every handler answers with the user and the claims that it found, as JSON; NODE_ENV is production.",
    "A closed loop: a connection asks again when it has its answer, so p99 leaves out whom a stall would have kept waiting (coordinated omission): it tells the contenders apart, and not what users would see under a load that does not wait.",
    "A private Redis writes an append-only file, flushed every second. Keys of JWTs are imported once.",
  ],
  limits: ["autocannon has the other core of a small machine; handlers of real applications do more than this one."],
  contenders,

  async run(bench) {
    const { httpRounds, httpSeconds } = bench.settings;
    const redis = await bench.server({ durable: true });
    const servers: Server[] = [];
    bench.defer(() => Promise.all(servers.map(({ child }) => endProcess(child))));
    const left = HTTP_CONTENDERS.filter(({ notInQuick }) => bench.settings.quick && notInQuick);
    if (left.length > 0) {
      const names = left.map(({ name }) => name).join("; ");
      bench.skip(names, "this is a quick run, and these are variants of others");
    }
    const chosen = HTTP_CONTENDERS.filter((one) => !left.includes(one));
    bench.progress.begin("http: start", chosen.length);
    await share(chosen.entries(), { workers: STARTERS }, async ([number, contender]) => {
      const server = await start(bench, contender, redis.url, `${redis.prefix}http${number}:`);
      if (server !== null) servers.push(server);
      bench.progress.step(contender.name);
    });
    servers.sort((a, b) => HTTP_CONTENDERS.indexOf(a.contender) - HTTP_CONTENDERS.indexOf(b.contender));
    bench.progress.begin("http", (httpRounds + 1) * servers.length);
    for (let round = 0; round <= httpRounds; round++) {
      for (const server of turnOf(servers, round)) {
        bench.signal.throwIfAborted();
        try {
          const result = await shoot(
            server,
            round === 0 ? Math.max(httpSeconds / 2, LEAST_WARM_UP) : httpSeconds,
            bench.signal,
          );
          if (round > 0) server.rounds.push(result);
        } catch (error) {
          bench.signal.throwIfAborted();
          bench.fail(server.contender.name, error);
          servers.splice(servers.indexOf(server), 1);
          await endProcess(server.child);
        }
        bench.progress.step(server.contender.name);
      }
    }
    bench.progress.end();
    for (const framework of FRAMEWORKS) {
      const series = servers.filter(({ contender }) => contender.framework === framework).map(seriesOf);
      bench.record(figuresOf("http", { framework }, series, `${framework}: no authentication`));
    }
  },
};

async function start(bench: Bench, contender: HttpContender, url: string, prefix: string): Promise<Server | null> {
  bench.signal.throwIfAborted();
  const child = startProcess(PROGRAM, [contender.name, url, prefix]);
  let reason: string;
  try {
    const message = (await nextMessage(child, { within: START_TIMEOUT, signal: bench.signal })) as
      | { readonly failed: string }
      | Pick<Server, "port" | "headers">;
    if ("port" in message) return { contender, child, ...message, rounds: [] };
    reason = message.failed;
  } catch (error) {
    reason = (error as Error).message;
  }
  await endProcess(child);
  bench.signal.throwIfAborted();
  bench.fail(contender.name, reason);
  return null;
}

/** One round of load on one server, times in µs. */
async function shoot({ contender, port, headers }: Server, seconds: number, signal: AbortSignal) {
  const histogram = newHistogram();
  // It is a promise and an emitter at once, which its types do not say.
  const instance = autocannon({
    url: `http://127.0.0.1:${port}/`,
    headers,
    connections: CONNECTIONS,
    // autocannon takes whole seconds where a duration is given; fractions are reached by ending it.
    duration: Math.max(1, Math.ceil(seconds)) + 5,
    // It looks this often whether it has been ended, ms; by default it is a second late.
    sampleInt: 100,
  }) as Promise<autocannon.Result> & autocannon.Instance;
  // autocannon's own histogram has whole ms; its events have fractions.
  instance.on("response", (_client, _status, _bytes, milliseconds) => {
    histogram.recordValue(Math.max(1, Math.round(milliseconds * 1e6)));
  });
  const began = performance.now();
  const interrupt = () => instance.stop();
  signal.addEventListener("abort", interrupt, { once: true });
  const timer = setTimeout(interrupt, seconds * 1000);
  let elapsed: number;
  let result: autocannon.Result;
  try {
    result = await instance;
    elapsed = (performance.now() - began) / 1000;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", interrupt);
  }
  const answered = result["2xx"];
  if (result.non2xx > 0 || result.errors > 0 || answered === 0) {
    throw new Error(`${contender.name}: ${answered} answers, ${result.non2xx} refusals, ${result.errors} errors`);
  }
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1000;
  return { requests: answered / elapsed, p50: at(50), p90: at(90), p99: at(99) };
}

function seriesOf({ contender, rounds }: Server): Series {
  return {
    contender: contender.name,
    ours: contender.ours ?? false,
    values: {
      requests: rounds.map(({ requests }) => requests),
      p50: rounds.map(({ p50 }) => p50),
      p90: rounds.map(({ p90 }) => p90),
      p99: rounds.map(({ p99 }) => p99),
    },
  };
}
