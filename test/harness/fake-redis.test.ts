import { describe, expect, it } from "vitest";
import { type FakeRedisOptions, REDIS_ERRORS, startFakeRedis } from "./fake-redis.ts";
import { afterFile, connect } from "./fixtures.ts";

async function start(options?: FakeRedisOptions) {
  const fake = await startFakeRedis(options);
  afterFile(() => fake.close());
  return fake;
}

describe("startFakeRedis", () => {
  it("lets ioredis become ready, with a database, a name and a password", async () => {
    const { port, commands } = await start({ answer: "fine" });
    const redis = connect({ port, db: 3, connectionName: "test", password: "secret", readOnly: true });

    expect(await redis.get("key")).toBe("fine");
    expect(redis.status).toBe("ready");
    expect(commands).toEqual([["get", "key"]]);
  });

  it.each(Object.entries(REDIS_ERRORS))("answers %s as Redis does", async (code, error) => {
    const { port } = await start({ answer: error });
    const failure = await connect({ port })
      .set("key", "value")
      .catch((thrown: Error) => thrown);

    expect(failure).toMatchObject({ name: "ReplyError", message: error.message });
    expect(error.message).toMatch(new RegExp(`^${code} `));
  });

  it.each([
    ["a number", 42],
    ["nothing", null],
    ["an empty string", ""],
    ["text beyond ASCII", "Grüße 🧥"],
    ["a nested list", ["a", 1, ["b", null, []]]],
  ])("answers %s", async (_, reply) => {
    const { port } = await start({ answer: reply });
    expect(await connect({ port }).call("ANYTHING")).toEqual(reply);
  });

  it("answers each command on its own merits", async () => {
    const { port } = await start({ answer: ([name]) => (name === "get" ? "value" : REDIS_ERRORS.READONLY) });
    const redis = connect({ port });

    expect(await redis.get("key")).toBe("value");
    await expect(redis.del("key")).rejects.toThrow("READONLY");
  });

  it("changes its answer while a client is connected", async () => {
    const fake = await start({ answer: REDIS_ERRORS.LOADING });
    const redis = connect({ port: fake.port });
    await expect(redis.get("key")).rejects.toThrow("LOADING");

    fake.answerWith("loaded");
    expect(await redis.get("key")).toBe("loaded");
  });

  it("can stay silent", async () => {
    const { port, commands } = await start({ answer: () => undefined });
    const redis = connect({ port });
    let answered = false;
    void redis.get("key").then(
      () => {
        answered = true;
      },
      () => {},
    );
    await expect.poll(() => commands, { timeout: 10_000 }).toEqual([["get", "key"]]);
    // Whoever asks after that would be answered no sooner.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
  });
});
