/** The option `near`: what is refused, and how the error says it. */
import { Cluster, Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createSessionStore } from "../../../src/index.js";

const options = { lazyConnect: true, retryStrategy: null };
const redis = new Redis(options);
const make =
  (near: unknown, client: unknown = redis) =>
  () =>
    createSessionStore(client as Redis, { near: near as never });

describe("the option near", () => {
  it.each<[string, unknown, RegExp]>([
    ["a number", 1000, /^near must be true or an object with its options, got 1000$/],
    ["a text", "on", /near must be true or an object/],
    ["null", null, /near must be true or an object/],
    ["a list", [], /near must be true or an object/],
    [
      "an option that it has not",
      { leas: 1000 },
      /near: there is no option "leas"; did you mean "lease"\? The options are subscriber, lease, maxEntries/,
    ],
    ["a lease that is no number", { lease: "1s" }, /^near\.lease \(ms\) must be a number, got "1s"$/],
    ["a number of entries that is none", { maxEntries: "many" }, /^near\.maxEntries must be a number/],
    [
      "a pool as the subscriber",
      { subscriber: { execute() {} } },
      /^near\.subscriber must be a client of one connection/,
    ],
    ["a subscriber that is none", { subscriber: {} }, /^near\.subscriber must be a client of its own/],
    ["the options of a subscriber", { subscriber: { host: "localhost" } }, /^near\.subscriber must be a client/],
    ["the client of the store as the subscriber", { subscriber: redis }, /this one is the store's client/],
  ])("throws a TypeError for %s", (_, near, message) => {
    expect(make(near)).toThrow(TypeError);
    expect(make(near)).toThrow(message);
  });

  it.each<[string, unknown, RegExp]>([
    ["seconds", { lease: 1 }, /^near\.lease \(ms\) must be at least 100, got 1; 1 seconds are 1000$/],
    ["a lease that is too short", { lease: 99 }, /^near\.lease \(ms\) must be at least 100, got 99$/],
    ["a lease of nothing", { lease: 0 }, /near\.lease/],
    ["a negative lease", { lease: -1000 }, /near\.lease/],
    ["a lease that is no integer", { lease: 1000.5 }, /near\.lease/],
    ["a lease of NaN", { lease: Number.NaN }, /near\.lease/],
    ["a lease without end", { lease: Number.POSITIVE_INFINITY }, /near\.lease/],
    ["a lease of minutes", { lease: 60_001 }, /near\.lease \(ms\) must be an integer from 100 to 60000, got 60001/],
    ["no entries", { maxEntries: 0 }, /near\.maxEntries must be an integer from 1/],
    ["part of an entry", { maxEntries: 1.5 }, /near\.maxEntries/],
    ["entries without end", { maxEntries: Number.POSITIVE_INFINITY }, /near\.maxEntries/],
  ])("throws a RangeError for %s", (_, near, message) => {
    expect(make(near)).toThrow(RangeError);
    expect(make(near)).toThrow(message);
  });

  it("refuses the client of a Cluster, and one of several connections, and says why", () => {
    const cluster = new Cluster([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true });
    expect(make(true, cluster)).toThrow(TypeError);
    expect(make(true, cluster)).toThrow(
      /near does not work with the client of a Cluster: a beat proves the one connection/,
    );
    cluster.disconnect();
    const pool = { evalSha() {}, eval() {}, on() {}, execute() {}, options: {} };
    expect(make(true, pool)).toThrow(TypeError);
    expect(make(true, pool)).toThrow(/near does not work with a client of several connections/);
  });

  it("refuses a subscriber that has been closed", () => {
    const subscriber = new Redis({ ...options });
    subscriber.disconnect();
    expect(make({ subscriber })).toThrow(TypeError);
    expect(make({ subscriber })).toThrow("near.subscriber has been closed");
  });

  it.each([undefined, false])("is off for %s", (near) => {
    expect(make(near)().near.state).toBe("off");
  });

  it.each([true, {}, { lease: 100, maxEntries: 1 }, { lease: 60_000 }, { subscriber: new Redis(options) }])(
    "is on for %j, without a connection as long as nobody looks anything up",
    (near) => {
      expect(make(near)().near.state).toBe("lapsed");
      expect(redis.status).toBe("wait");
    },
  );
});
