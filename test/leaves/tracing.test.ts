/** The tracing channel: what it tells of a call, what it never tells, and what a call costs that nobody hears. */
import { AsyncLocalStorage } from "node:async_hooks";
import { type TracingChannelSubscribers, tracingChannel } from "node:diagnostics_channel";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ClaimsError, StoreUnavailableError } from "../../src/leaves/errors.js";
import { type Failures, type TracedCall, traced } from "../../src/leaves/tracing.js";

const channel = tracingChannel<unknown, TracedCall>("coatcheck:call");
const MESSAGES = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

/** Listens to all messages. Gives them as they were when they came, and the objects that came. */
function listen() {
  const told: [message: string, call: Omit<TracedCall, "startedAt">][] = [];
  const objects = new Set<TracedCall>();
  const note = (message: string) => (call: TracedCall) => {
    const { startedAt, ...rest } = call;
    expect(startedAt).toBeGreaterThan(performance.now() - 60_000);
    expect(startedAt).toBeLessThanOrEqual(performance.now());
    told.push([message, rest]);
    objects.add(call);
  };
  const subscribers = Object.fromEntries(
    MESSAGES.map((message) => [message, note(message)]),
  ) as unknown as TracingChannelSubscribers<TracedCall>;
  channel.subscribe(subscribers);
  onTestFinished(() => void channel.unsubscribe(subscribers));
  return { told, objects };
}

/** A verb that comes to `value`, traced. */
const verbOf = (value: unknown) => traced({ of: "sessions" }, { touch: async () => value }).touch;
const failing = (error: unknown) => traced({ of: "one-time" }, { issue: () => Promise.reject(error) }).issue;

describe("a traced verb", () => {
  it("is told when it begins and when it has ended, in one object", async () => {
    const { told, objects } = listen();
    await verbOf({ token: "secret" })();
    const begun = { of: "sessions", verb: "touch" };
    expect(told).toEqual([
      ["start", begun],
      ["end", begun],
      ["asyncStart", { ...begun, result: "ok" }],
      ["asyncEnd", { ...begun, result: "ok" }],
    ]);
    expect(objects.size).toBe(1);
  });

  it.each([
    [{ id: "x" }, "ok"],
    [[], "ok"],
    [true, "ok"],
    [0, "ok"],
    [250, "ok"],
    [undefined, "ok"],
    [null, "absent"],
    [false, "absent"],
  ])("that comes to %j is %j, and comes to the same", async (value, result) => {
    const { told } = listen();
    expect(await verbOf(value)()).toBe(value);
    expect(told.at(-1)).toEqual(["asyncEnd", { of: "sessions", verb: "touch", result }]);
  });

  it("gets both of its arguments", async () => {
    const verb = vi.fn(async (_first: string, _second: string) => null);
    const { update } = traced({ of: "sessions" }, { update: verb });
    await update("a", "b");
    listen();
    await update("c", "d");
    expect(verb.mock.calls).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  it.each([
    [new StoreUnavailableError("late", new Error("cause")), "StoreUnavailableError", "STORE_UNAVAILABLE"],
    [new ClaimsError("refused", [{ message: "dear diary", path: [] }]), "ClaimsError", "CLAIMS"],
    [new TypeError("dear diary"), "TypeError", null],
    [new RangeError("dear diary"), "RangeError", null],
    [Object.assign(new Error("dear diary"), { name: "dear diary", code: "dear diary" }), "Error", null],
    ["dear diary", "Error", null],
    [undefined, "Error", null],
  ])("that rejects with %o tells the class and the code alone", async (error, name, code) => {
    const { told } = listen();
    await expect(failing(error)()).rejects.toBe(error);
    expect(told.map(([message]) => message)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(told.at(-1)?.[1]).toEqual({ of: "one-time", verb: "issue", result: "error", failure: { name, code } });
  });

  it("that throws before it returns a promise rejects, and tells no more", async () => {
    const { told } = listen();
    const { get } = traced(
      { of: "sessions" },
      {
        get: (): Promise<never> => {
          throw new Error("dear diary");
        },
      },
    );
    await expect(get()).rejects.toThrow("dear diary");
    expect(JSON.stringify(told)).not.toContain("diary");
    expect(told.at(-1)?.[1].failure).toEqual({ name: "Error", code: null });
  });

  it("is told before its caller goes on", async () => {
    const { told } = listen();
    let ended = 0;
    await verbOf(null)().then(() => {
      ended = told.filter(([message]) => message === "asyncEnd").length;
    });
    expect(ended).toBe(1);
  });

  it("that rejects and is awaited by nobody is still an unhandled rejection", async () => {
    const listeners = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    onTestFinished(() => {
      process.removeAllListeners("unhandledRejection");
      for (const listener of listeners) process.on("unhandledRejection", listener);
    });
    const reasons: unknown[] = [];
    process.on("unhandledRejection", (reason) => reasons.push(reason));
    listen();
    const error = new Error("nobody heard this");
    void failing(error)();
    await turn();
    await turn();
    expect(reasons).toEqual([error]);
  });

  it("runs in the context that a subscriber has bound to it, and leaves that of its caller as it is", async () => {
    const context = new AsyncLocalStorage<string>();
    channel.start.bindStore(context, ({ verb }) => `${context.getStore()} > ${verb}`);
    onTestFinished(() => void channel.start.unbindStore(context));
    const { touch } = traced(
      { of: "sessions" },
      {
        touch: async () => {
          await turn();
          return context.getStore();
        },
      },
    );
    await context.run("GET /", async () => {
      expect(await touch()).toBe("GET / > touch");
      expect(context.getStore()).toBe("GET /");
    });
  });
});

describe("a verb that nobody hears", () => {
  it("returns its own promise", () => {
    const promise = Promise.resolve(1);
    const { get } = traced({ of: "sessions" }, { get: () => promise });
    expect(get()).toBe(promise);
    listen();
    expect(get()).not.toBe(promise);
  });
});

describe("failures", () => {
  it("are told while somebody listens to them, also if nobody traces", async () => {
    let heard = true;
    const tell = vi.fn<Failures["tell"]>();
    const promise = Promise.reject(new Error("x"));
    const { get } = traced({ of: "sessions", failures: { isHeard: () => heard, tell } }, { get: () => promise });
    await expect(get()).rejects.toThrow("x");
    expect(tell.mock.calls).toEqual([["get", new Error("x")]]);
    heard = false;
    expect(get()).toBe(promise);
    expect(tell).toHaveBeenCalledTimes(1);
  });
});
