/** The benchmark as a user starts it, with tiny numbers: what it measures, what it leaves behind, and how it is interrupted. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { select } from "../../bench/figures.js";
import type { Results } from "../../bench/results.js";
import { ensureBuilt } from "../harness/dist.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "coatcheck-bench-"));
afterFile(() => rmSync(folder, { recursive: true }));

// Somebody's server, with something of theirs on it.
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
await redis.set("coatcheck:theirs", "1");
await ensureBuilt();

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { bench: string } };

/** Starts what `npm run bench` starts, in a shell and a group of processes as npm and a terminal do. */
function start(...args: string[]) {
  const child = spawn("/bin/sh", ["-c", `${scripts.bench} "$@"`, "npm", ...args], {
    cwd: root,
    env: { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"]}` },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const group = -(child.pid as number);
  let text = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      for (const listener of listeners) listener();
    });
  }
  const exited = once(child, "close").then(([code]) => code as number | null);
  return {
    child,
    exited,
    text: () => text,
    /** Ctrl-C in the terminal. */
    interrupt: () => process.kill(group, "SIGINT"),
    /** The process that measures, whatever was started before it. */
    async process(): Promise<number> {
      const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,pgid=,args="]);
      const own = stdout.split("\n").map((line) => line.trim().split(/\s+/));
      const found = own.filter(([, pgid, ...words]) => Number(pgid) === -group && words.includes("bench/start.ts"));
      return Number(found.at(-1)?.[0]);
    },
    says: (part: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => text.includes(part) && resolve();
        listeners.add(look);
        look();
        void exited.then(() => reject(new Error(`It ended without "${part}":\n${text}`)));
      }),
  };
}

const TINY = ["--rounds", "1", "--round-ms", "20", "--sessions", "150", "--redis", server.url];

it("measures, reports, writes what it is told to, and leaves a server as it was", { timeout: 300_000 }, async () => {
  const file = join(folder, "run.json");
  const run = start("--quick", "--only", "lookup", ...TINY, "--json", file);
  expect(await run.exited, run.text()).toBe(0);
  expect(run.text()).toMatch(/▸ get +│/);
  expect(run.text()).toContain("get: p99 at 16 in flight at most 1.2 ×");

  const results = JSON.parse(readFileSync(file, "utf8")) as Results;
  expect(results.scenarios.map(({ name, failures }) => [name, failures])).toEqual([["lookup", []]]);
  for (const contender of ["GET of JSON", "HGETALL of a flat record", "get", "touch", "touch, write due"]) {
    const [throughput] = select(results.figures, {
      contender,
      metric: "throughput",
      at: { inFlight: 16, sessions: 150 },
    });
    expect(throughput?.value, contender).toBeGreaterThan(0);
    expect(throughput?.ratio?.to).toBe("HGETALL of a flat record");
    expect(select(results.figures, { contender, metric: "server CPU" }).length).toBeGreaterThan(0);
  }
  expect(results.versions["ioredis"]).toMatch(/^\d+\./);
  expect(results.leftOut?.join("; ")).toBe(
    "lookup: a million sessions, and 64 and 256 in flight; 1 rounds of 20 ms in place of 7 of 160 ms: expect wide spreads",
  );
  expect(run.text()).toMatch(/^Left out\n {2}lookup: a million sessions/m);
  expect(await redis.keys("*")).toEqual(["coatcheck:theirs"]);

  // The same file twice is no change, and one that is twice as slow is.
  const slower = join(folder, "slower.json");
  const figures = results.figures.map((figure) => {
    const by = (ratio: NonNullable<typeof figure.ratio>) => ({ ...ratio, value: ratio.value / 2 });
    return figure.metric === "throughput" && figure.ratio ? { ...figure, ratio: by(figure.ratio) } : figure;
  });
  writeFileSync(slower, JSON.stringify({ ...results, figures }));
  const same = start("--compare", file, file);
  const worse = start("--compare", file, slower);
  expect([await same.exited, await worse.exited]).toEqual([0, 1]);
  expect(worse.text()).toMatch(/slower +│/);
});

it("looks up from memory, hears of revocations in other processes, and counts what goes to Redis", {
  timeout: 300_000,
}, async () => {
  const file = join(folder, "near.json");
  const run = start("--quick", "--only", "near", ...TINY, "--json", file);
  expect(await run.exited, run.text()).toBe(0);
  const { figures, scenarios } = JSON.parse(readFileSync(file, "utf8")) as Results;
  expect(scenarios.map(({ failures, skipped }) => [failures, skipped])).toEqual([[[], []]]);
  const time = (contender: string) => select(figures, { contender, metric: "time", at: { sessions: 150 } })[0];
  const names = scenarios[0]?.contenders.map(({ name }) => name) ?? [];
  expect(names.filter((name) => time(name) !== undefined)).toHaveLength(7);
  expect(time("jose HS256")?.ratio?.to).toBe("peek");
  // Milliseconds at the most on any machine, where the others take microseconds.
  expect(time("peek")?.value).toBeLessThan(1e6);
  expect(select(figures, { metric: "p99", at: { processes: 4 } })).toHaveLength(1);
  const shares = select(figures, { contender: "requests without a call to Redis" });
  expect(shares.map(({ at }) => at["perInterval"])).toEqual([0.375, 1, 6]);
  for (const { value } of shares) expect(value).toBeGreaterThan(0);
  expect(await redis.keys("*")).toEqual(["coatcheck:theirs"]);
});

it("puts our store beside connect-redis on the same client, and JWTs beside a lookup", {
  timeout: 300_000,
}, async () => {
  const file = join(folder, "stores.json");
  const run = start("--quick", "--only", "drop-in", "--only", "jwt", ...TINY, "--json", file);
  expect(await run.exited, run.text()).toBe(0);
  const { figures, scenarios } = JSON.parse(readFileSync(file, "utf8")) as Results;
  expect(scenarios.map(({ name, failures }) => [name, failures])).toEqual([
    ["drop-in", []],
    ["jwt", []],
  ]);
  expect(scenarios.map(({ skipped }) => skipped.map(({ what }) => what))).toEqual([
    [],
    ["verifyService, RS256; verifyService, EdDSA"],
  ]);
  for (const { name, contenders } of scenarios) {
    for (const { name: contender } of contenders) {
      if (/RS256|EdDSA/.test(contender)) continue;
      const [throughput] = select(figures, { scenario: name, contender, metric: "throughput", at: { inFlight: 1 } });
      expect(throughput?.value, contender).toBeGreaterThan(0);
      const client = contender.split(":")[0];
      expect(throughput?.ratio?.to, contender).toMatch(name === "jwt" ? "store.get" : `${client}: connect-redis`);
    }
  }
  // A service token of a revoked session is accepted until it expires.
  const [outlived] = select(figures, { scenario: "jwt", metric: "still accepted", at: { ttl: 1, clockTolerance: 0 } });
  expect(outlived?.value).toBeGreaterThan(0);
  const bytesOf = (contender: string) =>
    select(figures, { scenario: "jwt", contender, metric: "network", at: { inFlight: 128 } })[0]?.value ?? 0;
  expect(bytesOf("store.get")).toBeGreaterThan(100);
  expect(await redis.keys("*")).toEqual(["coatcheck:theirs"]);
});

it("gives no verdict on speed beside neighbours that take half of the machine, and says why", {
  timeout: 300_000,
}, async () => {
  const file = join(folder, "beside.json");
  const spinners = Array.from({ length: Math.ceil(availableParallelism() / 2) }, () =>
    spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }),
  );
  afterFile(() => spinners.forEach((spinner) => void spinner.kill("SIGKILL")));
  const run = start("--quick", "--only", "lookup", ...TINY, "--rounds", "3", "--json", file);
  expect(await run.exited, run.text()).toBe(0);
  expect(run.text()).toMatch(
    /The machine is busy: other processes took [\d.]+ of \d+ cores?\. .*--wait waits until it is calm/,
  );
  expect(run.text()).toMatch(
    /No verdict on "get: at least 1\.15 × [^"]*": (?:other processes took|work of ours waited)/,
  );
  expect(run.text()).not.toMatch(/│ +(?:pass|MISS) +│/);
  const [scenario] = (JSON.parse(readFileSync(file, "utf8")) as Results).scenarios;
  expect(scenario?.calm?.others).toBeGreaterThan(0.1 * availableParallelism());
});

it("reports a contender that fails, goes on with the others, and says so in its exit code", {
  timeout: 300_000,
}, async () => {
  const file = join(folder, "failed.json");
  // A command that this contender alone uses.
  const poor = await startRedisServer({ args: ["--rename-command", "PSETEX", ""] });
  afterFile(() => poor.stop());
  const run = start("--quick", "--only", "lookup", ...TINY.slice(0, -1), poor.url, "--json", file);
  expect(await run.exited, run.text()).toBe(1);
  const [scenario] = (JSON.parse(readFileSync(file, "utf8")) as Results).scenarios;
  expect(scenario?.failures.map(({ what }) => what)).toEqual(["GET of JSON"]);
  expect(run.text()).toMatch(/FAILED in lookup: GET of JSON: ERR unknown command/);
  expect(run.text()).toMatch(/▸ get +│/);
});

it("tidies up when it is interrupted, and exits with 130", { timeout: 300_000 }, async () => {
  const run = start("--quick", "--only", "lookup", ...TINY, "--rounds", "500", "--json", join(folder, "none.json"));
  await run.says("lookup: start");
  expect((await redis.keys("*")).length).toBeGreaterThan(100);
  // It has no ear for a signal while it is busy, and nobody may end it for that before it has tidied up.
  const measuring = await run.process();
  process.kill(measuring, "SIGSTOP");
  run.interrupt();
  await sleep(500);
  process.kill(measuring, "SIGCONT");
  expect(await run.exited, run.text()).toBe(130);
  expect(run.text()).toContain("Interrupted");
  expect(await redis.keys("*")).toEqual(["coatcheck:theirs"]);
});

it("says in a sentence what is wrong with a server or a file, before it measures anything", {
  timeout: 300_000,
}, async () => {
  const guarded = await startRedisServer({ args: ["--requirepass", "right"] });
  afterFile(() => guarded.stop());
  const at = `redis://:wrong@127.0.0.1:${guarded.port}`;
  const ended = startRedisServer();
  const nobody = await ended.then(async (server) => {
    await server.stop();
    return server.url;
  });
  const folderOfNobody = join(folder, "run.json", "results.json");
  writeFileSync(join(folder, "run.json"), "");
  const wrong: [args: string[], sentence: RegExp][] = [
    [["--redis", at], /^The Redis at redis:\/\/:\*\*\*@127\.0\.0\.1:\d+ refuses this run \(WRONGPASS [^\n]*\)\.\n$/],
    [["--redis", nobody], /^No Redis answers at redis:\/\/127\.0\.0\.1:\d+ \([^\n]*ECONNREFUSED[^\n]*\)\.\n$/],
    [["--json", folderOfNobody], /results\.json cannot be written \((?:ENOTDIR|EEXIST)\)\.\n$/],
    [["--json", folder], /cannot be written \(EISDIR\)\.\n$/],
    [["--compare", join(folder, "no.json"), folder], /no\.json cannot be read \(ENOENT\)\.\n$/],
    [
      ["--compare", join(root, "package.json"), folder],
      /^[^\n]* (?:is not the results of a run|cannot be read)[^\n]*\n$/,
    ],
  ];
  await Promise.all(
    wrong.map(async ([args, sentence]) => {
      const run = start("--only", "lookup", ...args);
      expect(await run.exited, run.text()).toBe(1);
      expect(run.text()).toMatch(sentence);
    }),
  );
});
