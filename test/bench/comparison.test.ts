/** What `npm run bench -- --compare` calls slower. */
import { describe, expect, it } from "vitest";
import { compare } from "../../bench/compare.js";
import { type Figure, keyOf, type Metric } from "../../bench/figures.js";
import { terminalComparison } from "../../bench/report/terminal.js";
import { spreadOf } from "../../bench/statistics.js";
import { everything, figure } from "./made-up-run.js";

describe("a comparison", () => {
  const run = (value: number, mad: number, rest: Partial<Figure> = {}) => [
    figure({ metric: "throughput", value, mad, ...rest }),
  ];
  const compareFigures = (before: Figure[], after: Figure[]) =>
    compare({ ...everything(), figures: before }, { ...everything(), figures: after });
  const verdictOf = (before: Figure[], after: Figure[]) => compareFigures(before, after).changes[0]?.verdict;

  it("calls slower what lies beyond the spread of the rounds", () => {
    expect(verdictOf(run(100, 1), run(80, 1))).toBe("slower");
    expect(verdictOf(run(100, 1), run(120, 1))).toBe("faster");
    expect(verdictOf(run(100, 10), run(80, 10))).toBe("same");
  });

  it("knows which direction is worse", () => {
    const latency = (value: number) => [figure({ metric: "p99", value })];
    expect(verdictOf(latency(100), latency(150))).toBe("slower");
    expect(verdictOf(latency(150), latency(100))).toBe("faster");
    expect(compareFigures(latency(100), latency(150)).changes[0]?.worse).toBe(1.5);
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
    const found = compareFigures([...run(100, 1), theirs], [figure({ metric: "p50", value: 1 })]);
    expect(found).toMatchObject({ changes: [], missing: [keyOf(run(1, 1)[0] as Figure)] });
    expect(found.added).toEqual([keyOf(figure({ metric: "p50", value: 1 }))]);
  });

  it("takes off what became of the others where the baseline is one of ours", () => {
    const peers = (own: number, theirs: number[], metric: Metric = "throughput") => {
      const rest = { scenario: "peers", metric, ratio: { to: "touch", ...spreadOf([1, 1]) } };
      return [
        figure({ ...rest, contender: "touch", value: own }),
        ...theirs.map((value, at) => figure({ ...rest, contender: `peer ${at}`, value, ours: false })),
      ];
    };
    // Its ratio to itself is 1 for ever.
    expect(verdictOf(peers(100, [50, 20, 10]), peers(50, [50, 20, 10]))).toBe("slower");
    expect(verdictOf(peers(100, [50, 20, 10]), peers(50, [25, 10, 5]))).toBe("same");
    // One that has changed is not the machine.
    expect(verdictOf(peers(100, [50, 20, 10]), peers(100, [50, 20, 100]))).toBe("same");
    expect(verdictOf(peers(100, [50, 20], "p50"), peers(100, [25, 10], "p50"))).toBe("slower");
    // Bytes do not depend on the machine.
    expect(verdictOf(peers(100, [50, 20], "network"), peers(100, [25, 10], "network"))).toBe("same");
  });

  it("says nothing of times that stand alone where the machine is another, and names the differences", () => {
    const ratio = { to: "base", ...spreadOf([2, 2]) };
    const figures = [
      figure({ metric: "throughput", contender: "alone", value: 1 }),
      figure({ metric: "throughput", contender: "beside", value: 1, ratio }),
      figure({ metric: "memory", contender: "weight", value: 1 }),
    ];
    const here = { ...everything(), figures };
    const machine = { ...here.machine, cores: 64 };
    const settings = { ...here.settings, quick: false };
    const there = { ...here, machine, settings, versions: { ...here.versions, node: "24.0.0" } };
    const { changes, incomparable, differences } = compare(here, there);
    expect(changes.map(({ key }) => key.split(" · ")[2])).toEqual(["beside", "weight"]);
    expect(incomparable.map((key) => key.split(" · ")[2])).toEqual(["alone"]);
    expect(differences).toEqual([
      "The machines differ: a <processor>, 2 cores; and a <processor>, 64 cores.",
      "The versions of node differ: 20.20.0 and 24.0.0.",
      "One is a quick run: it weighs fewer sessions, and its spreads are wide.",
    ]);
    const printed = terminalComparison(compare(here, there), { colour: false });
    for (const sentence of [...differences, "1 have nothing beside them"]) expect(printed).toContain(sentence);
    expect(compare(here, here)).toMatchObject({ incomparable: [], differences: [] });
  });
});
