/** What the project has promised itself, and the page that computes from what was measured. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fasterThanOurs } from "../../bench/faster.js";
import { type Figure, figuresOf, type Metric } from "../../bench/figures.js";
import type { Calm } from "../../bench/neighbours.js";
import { between } from "../../bench/report/markdown.js";
import { blocksOf } from "../../bench/report/publish.js";
import { scalePage } from "../../bench/report/scale-page.js";
import { ASSUMPTIONS, type Measured, requestsPerNode, sizeFor } from "../../bench/report/sizing.js";
import { readResults } from "../../bench/results.js";
import { FLOOR } from "../../bench/scenarios/memory.js";
import { SCENARIOS } from "../../bench/scenarios.js";
import { judge } from "../../bench/targets.js";
import { everything, figure } from "./made-up-run.js";

const root = new URL("../../", import.meta.url);

describe("the targets", () => {
  const CALM: Calm = { cores: 2, others: 0.1, stolen: 0, waiting: 1.05 };
  const judgeFigures = (figures: readonly Figure[], calm = CALM) =>
    judge({ figures, scenarios: everything().scenarios.map((scenario) => ({ ...scenario, calm })) });
  const verdict = (figures: Figure[], start: string, calm?: Calm) =>
    judgeFigures(figures, calm).find(({ target }) => target.startsWith(start));
  /** A figure of get as a multiple of the floor's. */
  const ratio = (metric: Metric, at: Figure["at"], value: number, mad = 0, rounds = 7) =>
    figure({
      ...{ metric, at, value: value * 100 },
      ratio: { to: "HGETALL of a flat record", value, low: value, high: value, mad, rounds },
    });

  it("are judged by the worst of the figures they speak of, and by the floor of the same run", () => {
    const p50 = (sessions: number, value: number) => ratio("p50", { sessions, inFlight: 16 }, value);
    expect(verdict([p50(1000, 0.7), p50(100_000, 0.84)], "get: p50 at 16")).toMatchObject({
      measured: "0.84 ×",
      reached: true,
      withheld: null,
    });
    expect(verdict([p50(1000, 0.7), p50(100_000, 0.9)], "get: p50 at 16")).toMatchObject({
      measured: "0.90 ×",
      reached: false,
      withheld: null,
    });
    const p99 = (value: number) => ratio("p99", { sessions: 1000, inFlight: 16 }, value);
    expect([1.2, 1.21].map((value) => verdict([p99(value)], "get: p99 at 16")?.reached)).toEqual([true, false]);
    // An absolute figure alone says nothing of a slow machine.
    expect(verdict([figure({ metric: "p50", value: 1, at: { inFlight: 16 } })], "get: p50 at 16")?.measured).toBeNull();
  });

  it("hold revokeAll to what a PING takes without it, by the crowd that it takes longest with", () => {
    const wait = (contender: string, value: number) =>
      figure({ scenario: "revocation", metric: "stall", contender, value, at: { sessions: 100_000 } });
    const idle = wait("nothing at all", 3);
    const waits = (guests: number) => [
      wait("revokeAll, one user", 8),
      wait("revokeAll, three each", 2),
      wait("revokeAll, guests", guests),
    ];
    const judged = (guests: number) => verdict([idle, ...waits(guests)], "revokeAll of 100 000");
    expect(judged(13)).toMatchObject({ measured: "10.0 ms", reached: true });
    expect(judged(13.5)).toMatchObject({ measured: "10.5 ms", reached: false });
    expect(judged(13)?.beside).toContain("revokeAll, guests: 13.0 ms.");
    expect(verdict([idle, ...waits(13).slice(1)], "revokeAll of 100 000")?.measured).toBeNull();
  });

  it("get no verdict where the rounds do not tell on which side of the limit the figure is", () => {
    const p50 = (mad: number, rounds = 7) => ratio("p50", { sessions: 1000, inFlight: 16 }, 0.8, mad, rounds);
    expect(verdict([p50(0.01)], "get: p50 at 16")?.reached).toBe(true);
    expect(verdict([p50(0.1)], "get: p50 at 16")).toMatchObject({
      measured: "0.80 ×",
      reached: null,
      withheld: "its rounds differ too much: it may be anything from 0.66 × to 0.94 ×",
    });
    // More rounds tell more.
    expect(verdict([p50(0.1, 100)], "get: p50 at 16")?.reached).toBe(true);
    expect(verdict([p50(0, 1)], "get: p50 at 16")?.withheld).toBe("one round has no spread to judge by");
  });

  it("get no verdict on a busy machine, whatever the figures, except for what no neighbour changes", () => {
    const fine = ratio("throughput", { sessions: 1000, inFlight: 128 }, 1.5);
    const weight = figure({
      scenario: "memory",
      metric: "memory",
      contender: "coatcheck",
      value: 463,
      at: { perUser: 3 },
    });
    expect(verdict([fine], "get: at least 1.15", CALM)?.reached).toBe(true);
    const busy: [Partial<Calm>, string][] = [
      [{ others: 0.9 }, "other processes took 0.9 of 2 cores"],
      [{ stolen: 0.3 }, "other guests of the host took 0.3 of 2 cores"],
      [{ waiting: 1.5 }, "work of ours waited for a core: it took 1.50 × its CPU time"],
    ];
    for (const [rest, withheld] of busy) {
      const calm = { ...CALM, ...rest };
      expect(verdict([fine], "get: at least 1.15", calm)).toMatchObject({
        measured: "1.50 ×",
        reached: null,
        withheld,
      });
      expect(verdict([weight], "memory", calm)).toMatchObject({ reached: false, withheld: null });
    }
    // A system that does not tell is no busy one.
    expect(verdict([fine], "get: at least 1.15", { ...CALM, others: null, stolen: null })?.reached).toBe(true);
  });

  it("lose contender and floor alike: what halves both changes no verdict", () => {
    const rounds = (speed: number[], times: number) =>
      figuresOf(
        "lookup",
        { sessions: 1000, inFlight: 128 },
        [
          { contender: "HGETALL of a flat record", ours: false, values: { throughput: speed } },
          { contender: "get", ours: true, values: { throughput: speed.map((one) => one * times) } },
        ],
        "HGETALL of a flat record",
      );
    const [calm, halved] = [rounds([100, 101, 100, 99, 100], 1.5), rounds([100, 50, 51, 49, 50], 1.5)];
    for (const figures of [calm, halved]) {
      expect(verdict(figures, "get: at least 1.15", CALM)).toMatchObject({ measured: "1.50 ×", reached: true });
    }
    // The neighbour of whom only one of the two lost: seen in the spread, even where nobody looked at the machine.
    const unlike = figuresOf(
      "lookup",
      { sessions: 1000, inFlight: 128 },
      [
        { contender: "HGETALL of a flat record", ours: false, values: { throughput: [100, 100, 100, 60, 60] } },
        { contender: "get", ours: true, values: { throughput: [150, 103, 150, 62, 110] } },
      ],
      "HGETALL of a flat record",
    );
    expect(verdict(unlike, "get: at least 1.15")?.withheld).toMatch(/^its rounds differ too much/);
  });

  it("of the near cache are judged round by round, by what peek takes in each", () => {
    const rounds = (contender: string, time: number[]) => ({ contender, ours: false, values: { time } });
    const near = (factor: number[]) =>
      figuresOf(
        "near",
        { sessions: 200 },
        [
          rounds(
            "peek",
            factor.map((one) => one * 900),
          ),
          rounds(
            "touch, from memory",
            factor.map((one) => one * 1200),
          ),
          rounds(
            "fast-jwt HS256, cached",
            factor.map((one) => one * 3060),
          ),
        ],
        "peek",
      );
    const calm = near([1, 1, 1.01, 1, 1]);
    expect(verdict(calm, "peek: at most 1 000 ns")).toMatchObject({ measured: "900 ns", reached: true });
    expect(verdict(calm, "peek: at least 3.4 ×")).toMatchObject({ measured: "3.40 ×", reached: true });
    expect(verdict(calm, "touch from memory")).toMatchObject({ measured: "2.55 ×", reached: false });
    // Each round took twice as long as the one before: the multiple is the same, and the time is not.
    const busy = near([1, 2, 4, 8, 16]);
    expect(verdict(busy, "peek: at least 3.4 ×")).toMatchObject({ measured: "3.40 ×", reached: true });
    expect(verdict(busy, "peek: at most 1 000 ns")?.reached).not.toBe(true);
    expect(verdict(calm, "peek among 10 000")?.measured).toBeNull();
  });

  it("are not judged where nothing was measured, and the growth only with a million sessions", () => {
    expect(judgeFigures([]).every(({ reached, measured }) => reached === null && measured === null)).toBe(true);
    const p50 = (sessions: number, value: number, times: number) => ({
      ...ratio("p50", { sessions, inFlight: 1 }, times),
      value,
    });
    const start = "get: p50 among a million";
    expect(verdict([p50(1000, 30, 1), p50(100_000, 60, 2)], start)?.reached).toBeNull();
    // It has grown by a fifth, and so has the floor.
    expect(verdict([p50(1000, 30, 0.9), p50(1_000_000, 36, 0.9)], start)).toMatchObject({
      measured: "1.00 ×",
      reached: true,
      beside: null,
    });
    expect(verdict([p50(1000, 30, 0.9), p50(1_000_000, 36, 0.99)], start)).toMatchObject({
      measured: "1.10 ×",
      reached: false,
    });
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
    // As the tables have it: of the rounds, side by side, and not of two medians.
    const ratio = { to: "coatcheck touch", value: 2.5, low: 2, high: 3, mad: 0.1, rounds: 7 };
    const inRounds = figures.map((one) => (one.contender === "fast-jwt HS256" ? { ...one, ratio } : one));
    expect(fasterThanOurs(inRounds, contenders, 128)).toMatchObject([{ contender: "fast-jwt HS256", times: 2.5 }]);
    const slower = inRounds.map((one) => (one.ratio === undefined ? one : { ...one, ratio: { ...ratio, value: 0.9 } }));
    expect(fasterThanOurs(slower, contenders, 128)).toEqual([]);
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
      withheld: null,
      beside:
        "An empty hash with a TTL and its index entry take 287 bytes, so the record is 176 bytes of it. " +
        "Valkey 8.1.1: 380 bytes, of which 204 bytes are the empty one.",
    });
    expect(verdict([weigh("coatcheck", 320)], "memory")).toMatchObject({ reached: true, beside: null });
    expect(verdict(newer, "memory")).toMatchObject({ measured: null });
    const p99 = ratio("p99", { sessions: 1000, inFlight: 16 }, 4);
    const open = (contender: string, value: number) =>
      figure({ metric: "p99", value, contender, at: { sessions: 1000, perSecond: 5000 } });
    expect(verdict([p99], "get: p99")?.beside).toBeNull();
    expect(verdict([p99, open("get", 700), open("HGETALL of a flat record", 800)], "get: p99")?.beside).toContain(
      "on a timetable of 5 000 calls a second: get 0.700 ms, HGETALL 0.800 ms.",
    );
  });

  it("are all put beside something where everything was measured", () => {
    const judged = judge(everything()).filter(({ measured }) => measured !== null);
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
    bytesPerSlide: 100,
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
      streamPerNode: 2e6,
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
      // So are the figures in the other documents; what the run has not measured is as it was.
      for (const [name, figures] of blocksOf(results, `../${from}`)) {
        const document = readFileSync(new URL(name, root), "utf8");
        if (figures !== null) expect(document, name).toBe(between(document, figures));
      }
    },
  );
});
