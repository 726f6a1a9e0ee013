/** One run: its scenarios one after another, whatever becomes of each, and everything cleaned up behind them. */
import { findRedisBinary } from "../test/harness/redis-binary.ts";
import { calmDown, forecast, glance } from "./calm-down.ts";
import type { Figure } from "./figures.ts";
import { commit, machine, versions } from "./machine.ts";
import { calmOver, type Look, Watch } from "./neighbours.ts";
import type { Progress } from "./progress.ts";
import { openShared, type RedisUnderTest, type ServerWish, startPrivate } from "./redis-under-test.ts";
import { FORMAT, type Results, type ScenarioResult } from "./results.ts";
import type { Bench, Scenario } from "./scenario.ts";
import type { Settings } from "./settings.ts";

export interface RunRequest {
  readonly scenarios: readonly Scenario[];
  readonly settings: Settings;
  /** A server of the user's. */
  readonly redis: string | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** What the report is to say that this run goes without. */
  readonly leftOut: readonly string[];
  /** Whether to wait before each scenario until the machine is calm. */
  readonly wait?: boolean;
  /** How long such a run takes on a calm machine; `undefined` where nobody has measured that. */
  readonly usualSeconds?: number | undefined;
}

/** Runs the scenarios. Rejects with the signal's reason when it is aborted, after everything has been cleaned up. */
export async function run(request: RunRequest): Promise<Results> {
  const { scenarios, settings, redis, progress, signal, leftOut } = request;
  const startedAt = new Date();
  const began = performance.now();
  const machineFacts = machine();
  // A server that is not there should be known before anything else.
  const shared = redis === undefined ? undefined : await openShared(redis);
  const figures: Figure[] = [];
  const results: ScenarioResult[] = [];
  const used: Record<string, string> = {};
  let corners = 0;
  const server = async (wish?: ServerWish): Promise<RedisUnderTest> => {
    if (shared === undefined) return startPrivate(wish);
    const prefix = `${shared.prefix}${corners++}:`;
    return { ...shared, prefix, close: () => shared.sweep(prefix) };
  };
  const serverVersion = shared?.version ?? (await findRedisBinary()).version.replace(/ server v=/, " ");
  const roots = [process.pid, ...(shared?.pid === undefined ? [] : [shared.pid])];
  const look = () => glance(roots, signal);
  try {
    if (!request.wait) for (const line of forecast(await look(), request.usualSeconds)) progress.say(line);
    for (const scenario of scenarios) {
      signal.throwIfAborted();
      if (request.wait) await calmDown({ look, say: progress.say, signal });
      results.push(
        await runScenario(scenario, {
          settings,
          progress,
          signal,
          server,
          figures,
          used,
          sharedServer: shared !== undefined,
          roots,
        }),
      );
    }
  } finally {
    progress.end();
    await shared?.close();
  }
  // Ctrl-C may have come when the last scenario was over.
  signal.throwIfAborted();
  return {
    format: FORMAT,
    startedAt: startedAt.toISOString(),
    seconds: Math.round((performance.now() - began) / 1000),
    settings,
    machine: machineFacts,
    versions: { server: serverVersion, ...used, ...(await versions()) },
    commit: await commit(),
    ...(leftOut.length > 0 && { leftOut }),
    scenarios: results,
    figures,
  };
}

interface Surroundings extends Pick<Bench, "settings" | "progress" | "signal" | "sharedServer" | "server"> {
  readonly figures: Figure[];
  readonly used: Record<string, string>;
  /** The processes of this run. */
  readonly roots: readonly number[];
}

async function runScenario(
  scenario: Scenario,
  { figures, used, server, roots, ...rest }: Surroundings,
): Promise<ScenarioResult> {
  const { progress, signal } = rest;
  const cleanUps: (() => unknown)[] = [];
  const failures: { what: string; reason: string }[] = [];
  const skipped: { what: string; reason: string }[] = [];
  const watch = await Watch.begin(roots);
  const looks: Look[] = [];
  const look = async () => void looks.push(await watch.look());
  const bench: Bench = {
    ...rest,
    figures,
    async server(wish) {
      const opened = await server(wish);
      cleanUps.push(() => opened.close());
      return opened;
    },
    defer: (cleanUp) => void cleanUps.push(cleanUp),
    uses(name, version) {
      used[name] = version;
    },
    look,
    record: (more) => void figures.push(...more),
    fail(what, error) {
      failures.push({ what, reason: reasonOf(error) });
      progress.say(`  failed: ${what}: ${reasonOf(error)}`);
    },
    skip(what, reason) {
      skipped.push({ what, reason });
      progress.say(`  left out: ${what}: ${reason}`);
    },
  };
  progress.say(`${scenario.name}: ${scenario.shows}`);
  try {
    await scenario.run(bench);
  } catch (error) {
    // Ctrl-C ends the run; anything else ends this scenario only.
    if (signal.aborted) throw signal.reason;
    bench.fail(scenario.name, error);
  } finally {
    progress.end();
    await look();
    for (const cleanUp of cleanUps.reverse()) {
      await Promise.resolve()
        .then(cleanUp)
        .catch((error: unknown) => bench.fail(`${scenario.name}, cleaning up`, error));
    }
  }
  const { name, shows, method, limits } = scenario;
  const contenders = scenario.contenders.map(({ name, does, givesUp, ours, stateless }) => {
    return {
      name,
      does,
      ...(givesUp !== undefined && { givesUp }),
      ...(ours && { ours }),
      ...(stateless && { stateless }),
    };
  });
  return { name, shows, method, limits, contenders, failures, skipped, calm: calmOver(looks) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
