/** What people give the command line at night: addresses, instants, tokens and servers that are not what they should be. */
import { describe, expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { freePort, startRedisServer } from "../harness/redis-server.js";
import { run, start } from "./program.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const env = { REDIS_URL: server.url };
const at = `127.0.0.1:${server.port}`;

describe("an address", () => {
  it.each([
    [`redis://op:hush/hush#hush@${at}`, "In a user or a password write %2F for /"],
    [`redis://op:hush@hush/hush@${at}`, "an address whose user or password has characters that must be escaped"],
    [`redis://op:hush@hush?hush@${at}`, ""],
    [`redis://op:50%hush@${at}`, "has a % that begins no escape. Write %25 for %."],
    [`"redis://op:hush@${at}"`, "The address of Redis must be a URL such as redis://127.0.0.1:6379."],
    ["/run/redis.sock", "The address of Redis must be a URL such as redis://127.0.0.1:6379."],
    [`redis+tls://op:hush@${at}`, "The address of Redis must begin with redis:// or rediss://, got redis+tls://127."],
    [`redis://op:hush@${at}?db=3`, "Put it after the last /, as in redis://127.0.0.1:6379/0."],
  ])("%s is refused without the password", async (url, message) => {
    const { status, output, errors } = await run(["stats"], { env: { REDIS_URL: url } });
    expect([status, output]).toEqual([2, ""]);
    expect(errors).toContain(message);
    expect(errors).not.toMatch(/hush/);
  });

  it("may have spaces around it, as files of variables leave them", async () => {
    const prefix = uniquePrefix();
    await createSessionStore(redis, { prefix }).create();
    const { status } = await run(["stats", "--prefix", prefix], { env: { REDIS_URL: ` ${server.url} ` } });
    expect(status).toBe(0);
  });
});

it.each(["yesterday", "2h30m", "-1h", "0s", "1.5h", "never", "99999999999d"])(
  "--until %s blocks nobody, and says why",
  async (until) => {
    const prefix = uniquePrefix();
    const { status, errors } = await run(["block", "ada", "--yes", "--until", until, "--prefix", prefix], { env });
    expect([status, errors]).toEqual([2, expect.stringMatching(/^--until (?:must be|is too far in the future)/)]);
    expect(await createSessionStore(redis, { prefix }).getBlock("ada")).toBeNull();
  },
);

describe("explain", () => {
  it("takes a token as it is copied: from a header, a cookie, a file of Windows, in quotes", async () => {
    const prefix = uniquePrefix();
    const { token, session } = await createSessionStore(redis, { prefix }).create();
    const explain = (input: string) => run(["explain", "--prefix", prefix], { env, input });
    for (const input of [
      `${token}\r\n`,
      `\n\n  ${token}\n`,
      `"${token}"\n`,
      `Bearer ${token}`,
      `Authorization: Bearer ${token}\n`,
      `__Host-session=${token}\n`,
    ]) {
      expect([input.replace(token, "<token>"), await explain(input)]).toEqual([
        input.replace(token, "<token>"),
        { status: 0, output: "The session is live.\n", errors: "" },
      ]);
    }
    const id = await explain(session.id);
    expect([id.status, id.errors]).toEqual([2, expect.stringMatching(/^That is the id of a session, and no token\./)]);
  });
});

describe("--note", () => {
  it("is what bearers are told, of one session, of a user's, of all, and of a block", async () => {
    const prefix = uniquePrefix();
    const store = createSessionStore(redis, { prefix });
    const set = ["--endings", "1h", "--yes", "--prefix", prefix];
    const endOf = async (args: (id: string) => string[], note: string) => {
      const { token, session } = await store.create({ userId: "ada" });
      const { status } = await run([...args(session.id), "--note", note, ...set], { env });
      expect([note, status]).toEqual([note, 0]);
      expect(await store.explain(token)).toMatchObject({ state: "ended", note });
    };
    await endOf((id) => ["revoke", id], "one");
    await endOf(() => ["revoke", "--user", "ada"], "user");
    await endOf(() => ["revoke", "--all"], "all");
    await endOf(() => ["block", "ada"], "block");
  });

  it.each([
    [["--note", "x"], "--note needs --endings"],
    [["--endings", "1h", "--note", "x".repeat(65)], "note must have at most 64 characters, got 65"],
  ])("%j ends nothing where it cannot be told", async (args, message) => {
    const prefix = uniquePrefix();
    const store = createSessionStore(redis, { prefix });
    const { token } = await store.create({ userId: "ada" });
    for (const command of [
      ["revoke", "--all"],
      ["revoke", "--user", "ada"],
      ["block", "ada"],
    ]) {
      const { status, output, errors } = await run([...command, "--yes", ...args, "--prefix", prefix], { env });
      expect([status, output, errors]).toEqual([2, "", expect.stringMatching(new RegExp(`^${message}`))]);
    }
    expect(await store.get(token)).not.toBeNull();
  });
});

it("says of a replica that has lost its master where to connect", async () => {
  const args = ["--replicaof", `127.0.0.1 ${await freePort()}`, "--replica-serve-stale-data", "no"];
  const replica = await startRedisServer({ args });
  afterFile(() => replica.stop());
  const { status, errors } = await run(["stats"], { env: { REDIS_URL: replica.url } });
  expect([status, errors]).toEqual([
    2,
    expect.stringMatching(/^The server is a replica that has lost its master\. Connect to the master/),
  ]);
});

describe.each(["ioredis", "redis"])("tail with %s", (client) => {
  it("goes on after the server was away, and says that something may be missed", async () => {
    const imports = [new URL("without-ioredis.mjs", import.meta.url).href];
    const away = await startRedisServer();
    afterFile(() => away.stop());
    const setting = { REDIS_URL: away.url, WITHOUT: client === "ioredis" ? "redis" : "ioredis" };
    const listening = start(["tail"], { env: setting, imports });
    await listening.until("Listening.");
    await away.kill();
    await listening.until("The connection is lost: something may be missed.");
    // Longer than a client tries that has never been connected.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await away.restart();
    await listening.until("Listening again.");
    const store = createSessionStore(connect({ port: away.port }));
    await store.revoke((await store.create()).token);
    await listening.until("ended (revoked)");
    listening.interrupt();
    expect((await listening.finished).status).toBe(130);
  });
});
