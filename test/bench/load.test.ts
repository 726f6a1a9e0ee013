/** How load is put on a contender, and how contenders and workers take turns. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Load, latenciesOf, putLoad, type Round } from "../../bench/load.js";
import { putTight } from "../../bench/tight.js";
import { turnOf } from "../../bench/turns.js";
import { share } from "../../bench/workers.js";

describe("load", () => {
  // A clock of its own, which goes on a little with every look at it: a machine that is busy elsewhere decides nothing here.
  let clock = 0;
  beforeEach(() => {
    vi.spyOn(performance, "now").mockImplementation(() => {
      clock += 0.05;
      return clock;
    });
  });
  afterEach(() => vi.restoreAllMocks());

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
      if (turn === 0) clock += 60;
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
        await putLoad((turn) => {
          if (turn === 0) clock += wait;
          return immediately();
        }, closed(1)),
      );
    }
    const { p50, max } = latenciesOf(rounds);
    expect(p50).toHaveLength(2);
    expect(max).toHaveLength(1);
    expect(max[0]).toBeGreaterThan(25_000);
  });
});

describe("tight load", () => {
  let clock = 0;
  beforeEach(() => {
    vi.spyOn(performance, "now").mockImplementation(() => clock);
  });
  afterEach(() => vi.restoreAllMocks());

  /** Texts that take a thousand times as long as the lookup of one, ms. */
  const tight = (takes: number, isAwaited: boolean) => {
    const asked: number[] = [];
    const present = (session: number) => {
      clock += takes * 1000;
      return String(session);
    };
    const answer = (text: string): unknown => {
      asked.push(Number(text));
      if (!isAwaited) clock += takes;
      return isAwaited ? Promise.resolve().then(() => (clock += takes)) : true;
    };
    return { asked, tight: { present, answer, isAwaited } };
  };

  it.each([true, false])(
    "times the calls alone, and not the making of what they get (awaited: %s)",
    async (isAwaited) => {
      const { tight: one, asked } = tight(0.001, isAwaited);
      const { calls, seconds, histogram } = await putTight(one, { kind: "tight", milliseconds: 500, sessions: 10 });
      expect(calls).toBe(asked.length);
      expect(calls).toBeGreaterThan(400);
      expect((seconds * 1000) / calls).toBeCloseTo(0.001, 6);
      expect(histogram).toBeUndefined();
    },
  );

  it("asks for each session once before the first one comes again, in no order", async () => {
    const { tight: one, asked } = tight(0.001, false);
    await putTight(one, { kind: "tight", milliseconds: 500, sessions: 100 });
    const [first, second] = [asked.slice(0, 100), asked.slice(100, 200)];
    expect(first.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at));
    expect(second).toEqual(first);
    expect(first).not.toEqual(first.toSorted((a, b) => a - b));
  });

  it.each([true, false])("fails where nothing is found (awaited: %s)", async (isAwaited) => {
    const answer = () => (isAwaited ? Promise.resolve(null) : undefined);
    const load = { kind: "tight", milliseconds: 5, sessions: 3 } as const;
    await expect(putTight({ present: String, answer, isAwaited }, load)).rejects.toThrow(
      "a live session was not found",
    );
  });
});

describe("turns", () => {
  it.each([2, 6, 24])("bring each of %i contenders to every place, and right after every other, once", (number) => {
    const contenders = Array.from({ length: number }, (_, at) => at);
    const turns = contenders.map((turn) => turnOf(contenders, turn));
    const pairs = turns.flatMap((order) => order.slice(1).map((one, at) => `${order[at]} before ${one}`));
    expect(new Set(pairs).size).toBe(number * (number - 1));
    for (const place of contenders) expect(new Set(turns.map((order) => order[place])).size).toBe(number);
  });

  it.each([0, 1, 7])("leave nobody of %i out, however many there have been", (number) => {
    const contenders = Array.from({ length: number }, (_, at) => at);
    for (const turn of [0, 3, 100]) expect(turnOf(contenders, turn).toSorted()).toEqual(contenders);
  });
});

describe("workers", () => {
  it("take every piece once, so many at a time", async () => {
    let now = 0;
    let most = 0;
    const done: number[] = [];
    await share([1, 2, 3, 4, 5], { workers: 2 }, async (piece) => {
      most = Math.max(most, ++now);
      await new Promise(setImmediate);
      done.push(piece);
      now--;
    });
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it("finish what they have in hand when one of them fails, and take no more", async () => {
    let finish = () => {};
    const inHand = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const events: string[] = [];
    const shared = share(["slow", "wrong", "never"], { workers: 2 }, async (piece) => {
      events.push(piece);
      if (piece === "wrong") throw new Error("wrong");
      await inHand;
      events.push(`${piece} is done`);
    }).catch((error: Error) => events.push(error.message));
    await new Promise(setImmediate);
    expect(events).toEqual(["slow", "wrong"]);
    finish();
    await shared;
    expect(events).toEqual(["slow", "wrong", "slow is done", "wrong"]);
  });
});
