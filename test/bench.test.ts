/** The benchmark's pure parts, and one tiny run of it: figures that are wrong are worse than none. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { compare } from "../bench/compare.js";
import { type Figure, figuresOf, keyOf, type Metric, select } from "../bench/figures.js";
import { type Load, latenciesOf, putLoad, type Round } from "../bench/load.js";
import { parseOptions, UsageError } from "../bench/options.js";
import { sampleOf, tokenOf } from "../bench/population.js";
import { COLOURS, chartsOf, withVariables } from "../bench/report/charts.js";
import { htmlReport, PALETTE } from "../bench/report/html.js";
import { BEGIN, between, dropInOf, END, serviceTokensOf, summaryOf } from "../bench/report/markdown.js";
import { bytes, digits, multiple } from "../bench/report/numbers.js";
import { scalePage } from "../bench/report/scale-page.js";
import { ASSUMPTIONS, type Measured, requestsPerNode, sizeFor } from "../bench/report/sizing.js";
import { overviewOf } from "../bench/report/tables.js";
import { terminalReport } from "../bench/report/terminal.js";
import { METHOD, type Results, readResults } from "../bench/results.js";
import { FLOOR } from "../bench/scenarios/memory.js";
import { SCENARIOS } from "../bench/scenarios.js";
import { NOT_IN_QUICK, settingsFor } from "../bench/settings.js";
import { median, ratioOf, spreadOf } from "../bench/statistics.js";
import { fasterThanOurs, judge } from "../bench/targets.js";
import { bucketOfId, bucketOfUser, parseToken } from "../src/token.js";

const root = new URL("../", import.meta.url);
const NAMES = SCENARIOS.map(({ name }) => name);

function figure(of: Partial<Figure> & { metric: Metric; value: number }): Figure {
  const { value } = of;
  return {
    scenario: "lookup",
    at: { inFlight: 128 },
    contender: "get",
    ours: true,
    low: value,
    high: value,
    mad: 0,
    rounds: 5,
    ...of,
  };
}

describe("the statistics", () => {
  it("take the middle round, and the mean of two where there is no middle", () => {
    expect(median([3, 1, 100])).toBe(3);
    expect(median([4, 1, 2, 100])).toBe(3);
    expect(() => median([])).toThrow("no median of nothing");
  });

  it("say how far rounds lie apart, and are not moved by one that is far off", () => {
    expect(spreadOf([10, 12, 11, 500, 9])).toEqual({ value: 11, low: 9, high: 500, mad: 1, rounds: 5 });
  });

  it("take ratios round by round, so that a slow moment of the machine cancels out", () => {
    expect(ratioOf([20, 2, 20], [10, 1, 10]).mad).toBe(0);
    expect(ratioOf([20, 2, 20], [10, 1, 10]).value).toBe(2);
  });
});

describe("figures", () => {
  const series = [
    { contender: "base", ours: false, values: { throughput: [10, 20, 30], stall: [0, 1, 2] } },
    { contender: "get", ours: true, values: { throughput: [20, 40, 60], stall: [1, 1, 1], p50: [] } },
  ];
  const figures = figuresOf("lookup", { inFlight: 1 }, series, "base");

  it("carry their ratio to the baseline, unless that is zero in a round", () => {
    expect(select(figures, { contender: "get", metric: "throughput" })[0]).toMatchObject({
      value: 40,
      ratio: { to: "base", value: 2, mad: 0 },
    });
    expect(select(figures, { contender: "get", metric: "stall" })[0]?.ratio).toBeUndefined();
  });

  it("are put beside whom they name, where that is not the baseline of all", () => {
    const third = { contender: "third", ours: true, values: { throughput: [5, 10, 30] }, against: "get" };
    const nobody = { ...third, contender: "fourth", against: "somebody who has left" };
    const [figure, lonely] = figuresOf("lookup", {}, [...series, third, nobody], "base").slice(-2);
    expect(figure?.ratio).toMatchObject({ to: "get", value: 0.25 });
    expect(lonely?.ratio).toBeUndefined();
  });

  it("are there only for what was measured", () => {
    expect(select(figures, { metric: "p50" })).toEqual([]);
    expect(select(figures, { at: { inFlight: 2 } })).toEqual([]);
    expect(figures).toHaveLength(4);
  });
});

describe("load", () => {
  const closed = (inFlight: number): Load => ({ kind: "closed", inFlight, milliseconds: 40 });
  const immediately = () => new Promise<true>((resolve) => setImmediate(() => resolve(true)));

  it("keeps exactly so many calls in flight", async () => {
    let now = 0;
    let most = 0;
    const call = async () => {
      most = Math.max(most, ++now);
      await immediately();
      now--;
      return true;
    };
    const round = await putLoad(call, closed(7));
    expect(most).toBe(7);
    expect(now).toBe(0);
    expect(round.calls).toBeGreaterThanOrEqual(7);
  });

  it.each([null, undefined, false])(
    "fails where a call answers %s: a contender that finds nothing is not fast",
    async (answer) => {
      await expect(putLoad(async () => answer, closed(2))).rejects.toThrow("a live session was not found");
      await expect(putLoad(async () => answer, { kind: "open", perSecond: 1000, milliseconds: 5 })).rejects.toThrow(
        "a live session was not found",
      );
    },
  );

  it("counts a stall for every call that was due in it, when it goes by a timetable", async () => {
    // The first call blocks everything for 60 ms; of the calls due meanwhile, a closed loop of one would see none.
    const blocking = (turn: number) => {
      const end = performance.now() + (turn === 0 ? 60 : 0);
      while (performance.now() < end);
      return true;
    };
    const timetable = await putLoad(async (turn) => blocking(turn), {
      kind: "open",
      perSecond: 1000,
      milliseconds: 80,
    });
    expect(timetable.calls).toBe(80);
    const { p50 } = latenciesOf([timetable]);
    expect(p50[0]).toBeGreaterThan(5_000);
    const loop = await putLoad(async (turn) => blocking(turn), { kind: "closed", inFlight: 1, milliseconds: 80 });
    expect(latenciesOf([loop]).p50[0]).toBeLessThan(5_000);
  });

  it("takes the rare quantiles over all rounds together", async () => {
    const rounds: Round[] = [];
    for (const wait of [0, 30]) {
      rounds.push(
        await putLoad(
          (turn) => (turn === 0 ? new Promise((resolve) => setTimeout(resolve, wait, true)) : immediately()),
          closed(1),
        ),
      );
    }
    const { p50, max } = latenciesOf(rounds);
    expect(p50).toHaveLength(2);
    expect(max).toHaveLength(1);
    expect(max[0]).toBeGreaterThan(25_000);
  });
});

describe("the command line", () => {
  const parse = (...args: string[]) => parseOptions(args, NAMES);

  it("takes what the help names", () => {
    expect(parse()).toMatchObject({ command: "run", quick: false, only: [], redis: undefined });
    expect(parse("--quick", "--only", "lookup", "--only", "peers", "--only", "lookup")).toMatchObject({
      quick: true,
      only: ["lookup", "peers"],
    });
    expect(parse("--redis", "rediss://user:secret@example.com:6380/2")).toMatchObject({ command: "run" });
    expect(parse("--compare", "a.json", "b.json")).toEqual({ command: "compare", before: "a.json", after: "b.json" });
    expect(parse("--publish", "a.json")).toEqual({ command: "publish", results: "a.json" });
    expect(parse("--publish")).toMatchObject({ command: "run", publish: true });
    expect(parse("--list").command).toBe("list");
    expect(parse("-h").command).toBe("help");
  });

  it.each<[args: string[], sentence: string]>([
    [["--quik"], "There is no option --quik (did you mean --quick?). --help lists them all."],
    [
      ["--only", "lokup"],
      'There is no scenario "lokup" (did you mean lookup?); there are lookup, peers, drop-in, jwt, http',
    ],
    [["--only", "everything"], 'There is no scenario "everything"; there are lookup'],
    [["--only"], "--only needs a value"],
    [["--quick=yes"], "--quick takes no value"],
    [["lookup"], '"lookup" is not an option. For one scenario: --only <scenario>.'],
    [["--compare", "a.json"], "--compare takes two files of results"],
    [["--compare", "a.json", "b.json", "c.json"], "--compare takes two files of results"],
    [["--publish", "a.json", "b.json"], "--publish takes one file of results"],
    [["--redis", "localhost:6379"], "--redis must be a URL such as redis://127.0.0.1:6379"],
    [["--redis", "http://localhost"], "--redis must be a URL such as redis://127.0.0.1:6379"],
    [["--redis", "ioredis-mock"], "its times say nothing about Redis"],
    [["--rounds", "0"], '--rounds must be a whole number from 1 on, not "0"'],
    [["--sessions", "many"], '--sessions must be a whole number from 1 on, not "many"'],
  ])("answers %j with a sentence", (args, sentence) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(sentence);
  });

  it("makes no more sessions than it is told to, and measures no number twice", () => {
    const settings = settingsFor({ quick: false, mostSessions: 500 });
    expect(settings).toMatchObject({ populations: [500], weighed: 500, revoked: [1, 10, 100, 500] });
    expect(settingsFor({ quick: false }).populations).toEqual([1_000, 100_000, 1_000_000]);
  });

  it("measures less of the same in a quick run, and says what", () => {
    const [quick, full] = [true, false].map((is) => settingsFor({ quick: is }));
    const goesWithout = (name: "populations" | "inFlight" | "perUser" | "revoked") => {
      expect(full?.[name], name).toEqual(expect.arrayContaining([...(quick?.[name] ?? [])]));
      return full?.[name].filter((number) => !quick?.[name].includes(number));
    };
    expect(goesWithout("populations")).toEqual([1_000_000]);
    expect(goesWithout("inFlight")).toEqual([64, 256]);
    expect(NOT_IN_QUICK["lookup"]).toBe("lookup: a million sessions, and 64 and 256 in flight");
    expect(goesWithout("perUser")).toEqual([1, 100]);
    expect(NOT_IN_QUICK["memory"]).toContain("memory: 1 and 100 sessions per user, newer servers");
    expect([quick?.newerServers, full?.newerServers]).toEqual([false, true]);
    expect(goesWithout("revoked")).toEqual([10, 10_000]);
    expect(NOT_IN_QUICK["revocation"]).toBe("revocation: 10 and 10 000 sessions");
  });
});

describe("a population", () => {
  const population = { prefix: "p:", sessions: 1000, perUser: 2, time: "01M815G9BA" };

  it("has tokens that are well formed, all different, in the bucket of their user", () => {
    const tokens = Array.from({ length: 1000 }, (_, at) => tokenOf(population, at));
    expect(new Set(tokens).size).toBe(1000);
    for (const [at, token] of tokens.entries()) {
      expect(bucketOfId(parseToken(token)?.id ?? "")).toBe(bucketOfUser(`user${Math.floor(at / 2)}`));
    }
  });

  it("is sampled from end to end, no session twice", () => {
    const sample = sampleOf(population, 300);
    expect(new Set(sample).size).toBe(300);
    const tenths = new Set(sample.map((at) => Math.floor(at / 100)));
    expect(tenths.size).toBe(10);
    expect(sampleOf(population, 5000)).toHaveLength(1000);
  });
});

describe("a comparison", () => {
  const run = (value: number, mad: number, rest: Partial<Figure> = {}) => [
    figure({ metric: "throughput", value, mad, ...rest }),
  ];
  const verdictOf = (before: Figure[], after: Figure[]) => compare(before, after).changes[0]?.verdict;

  it("calls slower what lies beyond the spread of the rounds", () => {
    expect(verdictOf(run(100, 1), run(80, 1))).toBe("slower");
    expect(verdictOf(run(100, 1), run(120, 1))).toBe("faster");
    expect(verdictOf(run(100, 10), run(80, 10))).toBe("same");
  });

  it("knows which direction is worse", () => {
    const latency = (value: number) => [figure({ metric: "p99", value })];
    expect(verdictOf(latency(100), latency(150))).toBe("slower");
    expect(verdictOf(latency(150), latency(100))).toBe("faster");
    expect(compare(latency(100), latency(150)).changes[0]?.worse).toBe(1.5);
  });

  it("says nothing of a few percent, however steady", () => {
    expect(verdictOf(run(100, 0), run(96, 0))).toBe("same");
  });

  it("goes by the ratio where there is a baseline: a slower machine is not slower code", () => {
    const ratio = (value: number) => ({ to: "base", ...spreadOf([value, value, value]) });
    expect(verdictOf(run(100, 1, { ratio: ratio(1.2) }), run(50, 1, { ratio: ratio(1.2) }))).toBe("same");
    expect(verdictOf(run(100, 1, { ratio: ratio(1.2) }), run(100, 1, { ratio: ratio(0.9) }))).toBe("slower");
    expect(verdictOf(run(100, 1, { ratio: ratio(1.2) }), run(50, 1))).toBe("slower");
  });

  it("is about our own figures, and tells which only one run has", () => {
    const theirs = figure({ metric: "throughput", value: 1, ours: false, contender: "HGETALL" });
    const found = compare([...run(100, 1), theirs], [figure({ metric: "p50", value: 1 })]);
    expect(found).toMatchObject({ changes: [], missing: [keyOf(run(1, 1)[0] as Figure)] });
    expect(found.added).toEqual([keyOf(figure({ metric: "p50", value: 1 }))]);
  });
});

describe("the targets", () => {
  const verdict = (figures: Figure[], start: string) => judge(figures).find(({ target }) => target.startsWith(start));

  it("are judged by the worst of the figures they speak of", () => {
    const p99 = (sessions: number, value: number) => figure({ metric: "p99", value, at: { sessions, inFlight: 16 } });
    expect(verdict([p99(1000, 400), p99(100_000, 900)], "get: p99")).toMatchObject({
      measured: "0.900 ms",
      reached: true,
    });
    expect(verdict([p99(1000, 400), p99(100_000, 1000)], "get: p99")).toMatchObject({
      measured: "1.000 ms",
      reached: false,
    });
  });

  it("are not judged where nothing was measured, and the growth only with a million sessions", () => {
    expect(judge([]).every(({ reached, measured }) => reached === null && measured === null)).toBe(true);
    const p50 = (sessions: number, value: number) => figure({ metric: "p50", value, at: { sessions, inFlight: 1 } });
    expect(verdict([p50(1000, 30), p50(100_000, 60)], "get: p50 among a million")?.reached).toBeNull();
    expect(verdict([p50(1000, 30), p50(1_000_000, 34)], "get: p50 among a million")).toMatchObject({
      measured: "1.13 ×",
      reached: false,
    });
    expect(verdict([p50(1000, 30), p50(1_000_000, 32)], "get: p50 among a million")?.reached).toBe(true);
  });

  it("compare touch with the peers at 16 and at 128 in flight, and count the worse", () => {
    const peer = (contender: string, inFlight: number, value: number) =>
      figure({
        scenario: "peers",
        metric: "throughput",
        contender,
        at: { inFlight },
        value,
        ours: contender.startsWith("coat"),
      });
    const figures = [
      ...[peer("coatcheck touch", 16, 100), peer("coatcheck touch", 128, 300)],
      ...[peer("connect-redis get + touch", 16, 60), peer("connect-redis get + touch", 128, 100)],
      peer("fast-jwt HS256", 128, 900),
    ];
    expect(verdict(figures, "touch: at least 2")).toMatchObject({ measured: "1.67 ×", reached: false });
    const contenders = [{ name: "fast-jwt HS256", givesUp: "revocation" }];
    expect(fasterThanOurs(figures, contenders, 128)).toEqual([
      { contender: "fast-jwt HS256", times: 3, givesUp: "revocation" },
    ]);
  });

  it("say what stands beside them in the same run, and nothing of what was not measured", () => {
    const weigh = (contender: string, value: number, server?: string) =>
      figure({
        scenario: "memory",
        metric: "memory",
        contender,
        value,
        at: { perUser: 3, ...(server && { server }) },
      });
    const newer = [weigh("coatcheck", 380, "Valkey 8.1.1"), weigh(FLOOR, 204, "Valkey 8.1.1")];
    // In any order: the aim is about the machine's own server.
    expect(verdict([...newer, weigh("coatcheck", 463), weigh(FLOOR, 287)], "memory")).toEqual({
      target: "memory: at most 330 bytes for a session with three claims, at three sessions per user",
      measured: "463 bytes",
      reached: false,
      beside:
        "An empty hash with a TTL and its index entry take 287 bytes, so the record is 176 bytes of it. " +
        "Valkey 8.1.1: 380 bytes, of which 204 bytes are the empty one.",
    });
    expect(verdict([weigh("coatcheck", 320)], "memory")).toMatchObject({ reached: true, beside: null });
    expect(verdict(newer, "memory")).toMatchObject({ measured: null });
    const p99 = figure({ metric: "p99", value: 400, at: { sessions: 1000, inFlight: 16 } });
    const open = figure({ metric: "p99", value: 700, at: { sessions: 1000, perSecond: 5000 } });
    expect(verdict([p99], "get: p99")?.beside).toBeNull();
    expect(verdict([p99, open], "get: p99")?.beside).toContain("on a timetable of 5 000 calls a second: 0.700 ms.");
  });

  it("are all put beside something where everything was measured", () => {
    const { figures } = everything();
    const judged = judge(figures).filter(({ measured }) => measured !== null);
    expect(judged.length).toBeGreaterThan(6);
    expect(judged.filter(({ beside }) => beside === null)).toEqual([]);
  });

  it("name what every contender that is none of ours gives up, so that none can be faster without a word", () => {
    const peers = SCENARIOS.find(({ name }) => name === "peers");
    expect(peers?.contenders.filter(({ ours, givesUp }) => !ours && !givesUp)).toEqual([]);
    for (const { contenders } of SCENARIOS) {
      const names = contenders.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      // Whom a ratio is to has to be there.
      expect(names).toEqual(expect.arrayContaining(contenders.flatMap(({ against = [] }) => against)));
    }
  });
});

describe("the sizing", () => {
  const measured: Measured = {
    bytesPerSession: 500,
    bytesWithClient: 600,
    readCpu: 10,
    writeCpu: 30,
    bytesPerCall: 400,
  };

  it("is the arithmetic that the page states", () => {
    // A request every two minutes and a slide a minute: every touch writes.
    expect(requestsPerNode(measured, ASSUMPTIONS)).toBe(20_000);
    // Two requests a minute: every second one does, so 20 µs each.
    expect(requestsPerNode(measured, { ...ASSUMPTIONS, requestsPerMinute: 2 })).toBe(30_000);
    expect(sizeFor(6e6, measured, ASSUMPTIONS)).toMatchObject({
      memory: 3e9,
      requestsPerSecond: 100_000,
      forMemory: 1,
      forCpu: 5,
      primaries: 5,
      nodes: 10,
      networkPerNode: 8e6,
    });
    expect(sizeFor(1e9, { ...measured, readCpu: 0.01, writeCpu: 0.01 }, ASSUMPTIONS)).toMatchObject({
      forMemory: 27,
      primaries: 27,
    });
  });

  it("has one primary or at least three", () => {
    const few = (sessions: number) => sizeFor(sessions, measured, ASSUMPTIONS).primaries;
    expect([few(1e6), few(2e6)]).toEqual([1, 3]);
  });

  it.runIf(existsSync(new URL("docs/scale.md", root)))(
    "is the page in docs/, figure by figure, of the run it names",
    async () => {
      const page = readFileSync(new URL("docs/scale.md", root), "utf8");
      const from = /npm run bench -- --publish (\S+)`/.exec(page)?.[1] ?? "";
      const results = await readResults(fileURLToPath(new URL(from, root)));
      expect(page).toBe(scalePage(results, `../${from}`));
    },
  );
});

describe("numbers", () => {
  it("have three significant digits", () => {
    expect([0, 0.0123456, 1.2345, 12.345, 123.45, 1234.5, 1234567].map(digits)).toEqual([
      ...["0", "0.0123", "1.23", "12.3", "123", "1 230", "1 230 000"],
    ]);
    expect([multiple(0.975), multiple(1.149), multiple(12.34)]).toEqual(["0.97 ×", "1.15 ×", "12.3 ×"]);
    expect([bytes(999), bytes(458_000_000), bytes(5e11)]).toEqual(["999 B", "458 MB", "500 GB"]);
  });
});

/** A run with a figure for every chart. */
function everything(): Results {
  const scenarios = SCENARIOS.map(({ name, shows, method, limits, contenders }) => {
    return { name, shows, method, limits, contenders, failures: [], skipped: [] };
  });
  const values = (size: number) => [size, size * 1.1, size * 1.2];
  const figures = SCENARIOS.flatMap(({ name, contenders }) => {
    const measure = (at: Figure["at"], metrics: readonly Metric[], named = contenders) =>
      figuresOf(
        name,
        at,
        named.map(({ name: contender, ours = false }, nth) => ({
          contender,
          ours,
          values: Object.fromEntries(metrics.map((metric) => [metric, values(10 ** (nth % 5) * 7)])),
        })),
        named[0]?.name,
      );
    const load: Metric[] = ["throughput", "p50", "p90", "p99", "p99.9", "max", "client CPU", "server CPU", "network"];
    if (name === "lookup")
      return [1000, 100_000].flatMap((sessions) => [
        ...[1, 16, 128].flatMap((inFlight) => measure({ sessions, inFlight }, load)),
        ...measure({ sessions, perSecond: 5000 }, load),
      ]);
    if (name === "scale")
      return [1, 3].flatMap((nodes) => [1, 16, 128].flatMap((inFlight) => measure({ nodes, inFlight }, load)));
    if (name === "peers" || name === "drop-in") return [1, 16, 128].flatMap((inFlight) => measure({ inFlight }, load));
    if (name === "jwt")
      return [
        ...[1, 128].flatMap((inFlight) => measure({ inFlight }, load)),
        ...measure({ ttl: 5, clockTolerance: 0 }, ["still accepted"], contenders.slice(0, 1)),
      ];
    if (name === "http")
      return ["Express", "Fastify", "Koa"].flatMap((framework) =>
        measure(
          { framework },
          ["requests", "p50", "p99"],
          contenders.filter((one) => one.name.startsWith(framework)),
        ),
      );
    if (name === "memory")
      return [1, 3, 100].flatMap((perUser) => [
        ...measure({ perUser }, ["memory"]),
        ...measure({ perUser, server: "Valkey 8.1.1" }, ["memory"]),
      ]);
    const isDoor = (one: { name: string }) => /JWT|session \+|coatcheck$/.test(one.name);
    return [
      ...[1, 1000].flatMap((sessions) =>
        measure(
          { sessions },
          ["duration", "stall"],
          contenders.filter((one) => !isDoor(one)),
        ),
      ),
      ...measure({ event: "log-out", watched: 10 }, ["still accepted"], contenders.filter(isDoor)),
    ];
  });
  return {
    format: 1,
    startedAt: "2026-01-02T03:04:05.000Z",
    seconds: 1,
    settings: settingsFor({ quick: true }),
    machine: { cpu: "a <processor>", cores: 2, memoryGiB: 1, os: "linux", load: 0 },
    versions: { server: "Redis 7.0.15", node: "20.20.0", ioredis: "5.0.0" },
    commit: { id: "0123456789", dirty: false },
    scenarios,
    figures,
  };
}

describe("the report", () => {
  it("has an overview of every scenario, with our rows marked", () => {
    const results = everything();
    for (const name of NAMES) {
      const tables = overviewOf(results, name);
      expect(tables.length, name).toBeGreaterThan(0);
      expect(tables.flatMap(({ rows }) => rows).filter(({ ours }) => ours).length, name).toBeGreaterThan(0);
    }
  });

  it("has a chart for every scenario, drawn without a complaint, in colours of the page alone", async () => {
    const complaints = vi.spyOn(console, "warn").mockImplementation(() => {});
    const charts = await chartsOf(everything());
    expect(complaints.mock.calls).toEqual([]);
    complaints.mockRestore();
    expect([...new Set(charts.map(({ scenario }) => scenario))].toSorted()).toEqual(NAMES.toSorted());
    for (const { id, wide, narrow } of charts) {
      for (const svg of [wide, narrow]) {
        expect(svg, id).toContain('role="img"');
        // What is not a variable would be the same in light and in dark.
        const fixed = [...svg.matchAll(/(?:fill|stroke)="(?!none|transparent|var\(|url\()([^"]*)"/g)].map(
          ([, colour]) => colour,
        );
        expect(fixed, id).toEqual([]);
        expect(svg, id).not.toMatch(/NaN|undefined/);
      }
      const width = Number(/width="([\d.]+)"/.exec(narrow)?.[1]);
      expect(width, `${id} on a narrow page`).toBeLessThanOrEqual(375);
    }
  });

  it("knows every colour of the drawings in light and in dark", () => {
    for (const variable of Object.values(COLOURS)) {
      expect(Object.keys(PALETTE.light)).toContain(variable);
      expect(Object.keys(PALETTE.dark)).toContain(variable);
    }
    expect(withVariables('<svg ><path fill="#040404"/></svg>', "x", 'a "b"')).toBe(
      '<svg role="img" aria-label="a &quot;b&quot;" ><path fill="var(--ours)"/></svg>',
    );
  });

  it("puts the summary between the markers of a document, again and again", () => {
    const document = `before\n${BEGIN}\nold\n${END}\nafter\n`;
    const once = between(document, "new\n");
    expect(once).toBe(`before\n${BEGIN}\nnew\n${END}\nafter\n`);
    expect(between(once, "new")).toBe(once);
    for (const wrong of ["", BEGIN, `${END}\n${BEGIN}`, `${BEGIN}${BEGIN}${END}`]) {
      expect(() => between(wrong, "new")).toThrow("it needs the line");
    }
  });

  it("keeps the weights of one server apart from those of another", async () => {
    const weigh = (value: number, rest: Figure["at"] = {}) =>
      figure({ scenario: "memory", metric: "memory", contender: "coatcheck", value, at: { perUser: 3, ...rest } });
    const figures = [weigh(380, { server: "Valkey 8.1.1" }), weigh(463)];
    const results = { ...everything(), figures };
    expect(overviewOf(results, "memory").map(({ title, rows }) => [title, rows.map(({ cells }) => cells)])).toEqual([
      ["Bytes per session", [["coatcheck", "463"]]],
      ["Bytes per session, Valkey 8.1.1", [["coatcheck", "380"]]],
    ]);
    expect(summaryOf(results, "a.json")).toContain(
      [
        ...["| *Valkey 8.1.1* | | | |", "| **coatcheck** | – | 380 | – |"],
        ...["| *Redis 7.0.15* | | | |", "| **coatcheck** | – | 463 | – |"],
      ].join("\n"),
    );
    const chart = (await chartsOf(results)).find(({ id }) => id === "memory");
    expect(chart?.wide).toContain(">463<");
    expect(chart?.wide).not.toContain(">380<");
  });

  it("has tables for the documents on service tokens and on drop-in stores, where a run measured them", () => {
    const results = everything();
    const life = (ttl: number, clockTolerance: number, value: number) =>
      figure({
        scenario: "jwt",
        metric: "still accepted",
        contender: "service token",
        at: { ttl, clockTolerance },
        value,
      });
    const figures = [
      ...results.figures.filter(({ scenario, metric }) => scenario !== "jwt" || metric !== "still accepted"),
      ...[life(1, 0, 0.7), life(1, 5, 5.7), life(5, 5, 9.7)],
    ];
    const tokens = serviceTokensOf({ ...results, figures }, "a.json");
    expect(tokens).toContain(
      "| | with `clockTolerance: 0` | with `clockTolerance: 5000` |\n|---|---|---|\n" +
        "| `ttl` of 1 s | 0.7 s | 5.7 s |\n| `ttl` of 5 s | – | 9.7 s |",
    );
    expect(tokens).toContain("| | one at a time | 128 in flight |\n|---|---|---|\n| **store.get** | 1.00 × | 1.00 × |");
    const stores = dropInOf(results, "a.json");
    expect(stores).toMatch(/\| \*\*ioredis: coatcheck, get \+ touch\*\* \| [\d. ]+ × \| [\d. ]+ × \| [\d. ]+ × \|/);
    expect(stores).not.toContain("| ioredis: connect-redis");
    const without = { ...results, figures: select(results.figures, { scenario: "peers" }) };
    expect([serviceTokensOf(without, "a.json"), dropInOf(without, "a.json")]).toEqual([null, null]);
  });

  it("says what a quick run left out, on the page and on a terminal", async () => {
    const results = { ...everything(), leftOut: ["the scenario <b>"] };
    expect(await htmlReport(results)).toContain("<li>the scenario &lt;b&gt;</li>");
    expect(terminalReport(results, { colour: false })).toContain("Left out\n  the scenario <b>");
    expect(await htmlReport(everything())).not.toContain("left-out");
  });

  it("has every target on the page and in the summary, with what stands beside it", async () => {
    const results = everything();
    const page = await htmlReport(results);
    const [summary, terminal] = [summaryOf(results, "a.json"), terminalReport(results, { colour: false })];
    const judged = judge(results.figures).filter(({ measured }) => measured !== null);
    expect(judged.some(({ reached }) => !reached)).toBe(true);
    for (const { target, measured, reached, beside } of judged) {
      expect(page).toContain(
        `${beside?.replaceAll('"', "&quot;")}</small></th><td>${measured}</td><td>${reached ? "reached" : "missed"}`,
      );
      expect(summary).toContain(`| ${target} | ${measured} | ${reached ? "reached" : "**missed**"} | ${beside} |`);
      if (!reached) expect(terminal).toContain(`MISS ${target}\n     ${beside}`);
    }
  });

  it("says how coordinated omission is treated", () => {
    expect(METHOD.join(" ")).toMatch(/coordinated omission/);
  });
});
