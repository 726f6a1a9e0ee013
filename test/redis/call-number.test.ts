/** Commands whose replies name no call: what comes behind them tells whether the connection has lost count of its replies. */
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { inStep, newNumber, replyTo } from "../../src/redis/call-number.js";
import { rejection, stranger } from "../fixtures/every-verb.js";
import { inReplyTo, withNumber } from "../fixtures/in-reply-to.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { passThrough } from "../harness/pass-through.js";

const MIXED = "the reply to another one";

describe("the number of a call", () => {
  it("is that of no other call", () => {
    const numbers = Array.from({ length: 1000 }, newNumber);
    expect(new Set(numbers).size).toBe(1000);
    for (const number of numbers) expect(number).toMatch(/^[0-9a-z]{1,10}#$/);
  });

  it.each<[string, unknown]>([
    ["a text", "none"],
    ["an empty text", ""],
    ["a text with the sign of a number in it", "a#b"],
    ["a list", ["ok", "1", null]],
    ["a list with a list in it", ["0", ["a", "1"]]],
  ])("comes off %s", (_, reply) => {
    const number = newNumber();
    expect(replyTo(number, withNumber(number, reply))).toEqual(reply);
    for (const other of [newNumber(), number.slice(1), `1${number}`]) {
      expect(() => replyTo(number, withNumber(other, reply))).toThrow(MIXED);
    }
  });
});

describe("a connection that has lost count of its replies", () => {
  it.each<[string, unknown]>([
    ["the number of an earlier call", newNumber()],
    ["a count", 1],
    ["a page of keys", ["0", []]],
    ["nothing", null],
  ])("is known by a proof that gets %s", async (_, proof) => {
    await expect(
      inStep(
        async () => 1,
        async () => proof,
      ),
    ).rejects.toThrow(MIXED);
  });

  it("confirms no revocation with the reply to another WAIT", async () => {
    let isLate = false;
    const pipeline = () => {
      let reply: unknown;
      return {
        evalsha: (...args: unknown[]) => {
          reply = inReplyTo(args, ["none"]);
        },
        // The WAIT gets the count of an earlier one, and the proof behind it gets that of the WAIT.
        wait: () => {
          reply = 1;
        },
        eval: (...args: unknown[]) => {
          reply = isLate ? 0 : args.at(-1);
        },
        exec: async () => [[null, reply]],
      };
    };
    const client = { evalsha() {}, eval() {}, on() {}, pipeline } as unknown as Redis;
    const store = createSessionStore(client, { replicas: { count: 1, timeout: 50 } });
    expect(await store.revoke(stranger().token)).toBe(false);
    isLate = true;
    const error = await rejection(store.revoke(stranger().token));
    expect(error).toMatchObject({ name: "NotReplicatedError", confirmed: 0 });
    expect((error.cause as Error).message).toContain(MIXED);
  });

  const redis = connect();
  const prefix = uniquePrefix();
  guardKeyspace(redis, prefix);

  it.each<[string, object]>([
    ["the end of another search", { scan: async () => ["0", []], eval: async () => ["0", []] }],
    ["a page of another search", { scan: async () => ["0", ["somebody-elses:key"]] }],
  ])("does not end a revokeAll with %s", async (_, own) => {
    const { token } = await createSessionStore(redis, { prefix }).create({ userId: "ada" });
    const error = await rejection(createSessionStore(passThrough(redis, own) as never, { prefix }).revokeAll());
    expect(error).toMatchObject({ name: "StoreUnavailableError" });
    expect(error.message).toContain(MIXED);
    expect(await createSessionStore(redis, { prefix }).get(token)).not.toBeNull();
  });

  it.each<[string, unknown]>([
    ["a list", ["appendfsync", "always"]],
    ["a map", { appendfsync: "always" }],
  ])("does not give check the value of another setting, in %s", async (_, reply) => {
    const config = async () => reply;
    const store = createSessionStore(passThrough(redis, { config }) as never, { prefix });
    expect((await rejection(store.check())).message).toContain(MIXED);
  });
});
