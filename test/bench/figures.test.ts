/** The benchmark's arithmetic: figures that are wrong are worse than none. */
import { describe, expect, it } from "vitest";
import { figuresOf, select } from "../../bench/figures.js";
import { sampleOf, tokenOf } from "../../bench/population.js";
import { bytes, digits, multiple } from "../../bench/report/numbers.js";
import { ratioOf, spreadOf } from "../../bench/statistics.js";
import { bucketOfId, bucketOfUser, parseToken } from "../../src/leaves/token.js";

describe("the statistics", () => {
  it("take the middle round, and the mean of two where there is no middle", () => {
    expect(spreadOf([3, 1, 100]).value).toBe(3);
    expect(spreadOf([4, 1, 2, 100]).value).toBe(3);
    expect(() => spreadOf([])).toThrow();
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

describe("numbers", () => {
  it("have three significant digits", () => {
    expect([0, 0.0123456, 1.2345, 12.345, 123.45, 1234.5, 1234567].map(digits)).toEqual([
      ...["0", "0.0123", "1.23", "12.3", "123", "1 230", "1 230 000"],
    ]);
    expect([multiple(0.975), multiple(1.149), multiple(12.34)]).toEqual(["0.97 ×", "1.15 ×", "12.3 ×"]);
    expect([bytes(999), bytes(458_000_000), bytes(5e11)]).toEqual(["999 B", "458 MB", "500 GB"]);
  });
});
