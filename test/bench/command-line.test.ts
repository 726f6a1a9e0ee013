/** What the benchmark's command line takes and refuses, and how large a run it makes of it. */
import { describe, expect, it } from "vitest";
import { parseOptions, UsageError } from "../../bench/options.js";
import { NOT_IN_QUICK, settingsFor } from "../../bench/settings.js";
import { NAMES } from "./made-up-run.js";

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
    [["--only", "lokup"], 'There is no scenario "lokup" (did you mean lookup?); there are lookup, '],
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
    expect(NOT_IN_QUICK["revocation"]).toBe("revocation: 10 and 10 000 sessions, and nine in ten of everybody's");
  });
});
