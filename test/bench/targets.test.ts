/** What the project has promised itself, and the page that computes from what was measured. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Figure } from "../../bench/figures.js";
import { scalePage } from "../../bench/report/scale-page.js";
import { ASSUMPTIONS, type Measured, requestsPerNode, sizeFor } from "../../bench/report/sizing.js";
import { readResults } from "../../bench/results.js";
import { FLOOR } from "../../bench/scenarios/memory.js";
import { SCENARIOS } from "../../bench/scenarios.js";
import { fasterThanOurs, judge } from "../../bench/targets.js";
import { everything, figure } from "./made-up-run.js";

const root = new URL("../../", import.meta.url);

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
    },
  );
});
