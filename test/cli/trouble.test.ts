/** What the commands say of a Redis in trouble: one line that tells the mend, and status 2. With ioredis and with node-redis. */
import { describe, expect, it } from "vitest";
import { type FakeAnswer, REDIS_ERRORS, startFakeRedis } from "../harness/fake-redis.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { freePort, startRedisServer } from "../harness/redis-server.js";
import { run } from "./program.js";

const ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const imports = [new URL("without-ioredis.mjs", import.meta.url).href];

/** Each command that asks Redis for something at once. */
const COMMANDS = [
  ["stats"],
  ["sessions", "--user", "ada"],
  ["show", ID],
  ["revoke", ID, "--yes"],
  ["revoke", "--user", "ada", "--yes"],
  ["revoke", "--all", "--yes"],
  ["block", "ada", "--yes"],
  ["unblock", "ada"],
  ["explain"],
];

/** What Redis says, and how the line begins that comes of it. */
const SAID: Readonly<Record<string, readonly [error: Error, line: string]>> = {
  LOADING: [REDIS_ERRORS.LOADING, "Redis is still reading its file. Try again when INFO persistence says loading:0"],
  MASTERDOWN: [REDIS_ERRORS.MASTERDOWN, "The server is a replica that has lost its master. Connect to the master"],
  READONLY: [REDIS_ERRORS.READONLY, "The server is a replica. Connect to the master, or add --sentinel or --cluster"],
  OOM: [REDIS_ERRORS.OOM, "Redis is out of memory. Increase maxmemory"],
  MISCONF: [REDIS_ERRORS.MISCONF, "Redis takes no writes, because it cannot write its file. Its log says why"],
  NOREPLICAS: [REDIS_ERRORS.NOREPLICAS, "Redis takes no writes, because too few replicas are connected"],
  BUSY: [REDIS_ERRORS.BUSY, "Redis is busy with a script that takes long. SCRIPT KILL ends one"],
  CLUSTERDOWN: [REDIS_ERRORS.CLUSTERDOWN, "The Redis Cluster cannot serve: some slots have no master."],
  TRYAGAIN: [REDIS_ERRORS.TRYAGAIN, "A slot of the Redis Cluster is moving. Run the command again"],
  NOAUTH: [REDIS_ERRORS.NOAUTH, "Redis asks for a password. Put it into REDIS_URL"],
  NOPERM: [REDIS_ERRORS.NOPERM, "Redis does not allow this user the command evalsha. Let an administrator run: ACL"],
  WRONGPASS: [
    new Error("WRONGPASS invalid username-password pair or user is disabled."),
    "Redis refuses the user or the password. Put the right ones into REDIS_URL",
  ],
};

/** What passes by itself: it is asked again until the time is up that the command has. */
const PASSING = new Set(["LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"]);

/** Of these the two clients tell differently. */
const OF_BOTH = new Set(["LOADING", "TRYAGAIN", "NOAUTH", "WRONGPASS"]);

/** Runs a command on one of the two clients. */
function on(client: string, args: readonly string[], url: string) {
  const env = { REDIS_URL: url, WITHOUT: client === "ioredis" ? "redis" : "ioredis" };
  return run(args, { env, imports, input: `${ID}.${"A".repeat(43)}\n` });
}

describe.concurrent.each(["ioredis", "redis"])("with %s", (client) => {
  it.each(Object.entries(SAID).filter(([code]) => client === "ioredis" || OF_BOTH.has(code)))(
    "%s is told in one line, with its mend, by whatever command",
    async (code, said) => {
      const [error, line] = said;
      const fake = await startFakeRedis({ answer: error });
      afterFile(() => fake.close());
      // Each trouble meets another command; what all of them say is the same.
      const args = COMMANDS[Object.keys(SAID).indexOf(code) % COMMANDS.length] ?? [];
      const { status, output, errors } = await on(
        client,
        [...args, ...(PASSING.has(code) ? ["--timeout", "2s"] : [])],
        fake.url,
      );
      expect([args, status, output]).toEqual([args, 2, ""]);
      expect(errors.startsWith(line), `${args}: ${errors}`).toBe(true);
      expect(errors).toMatch(/^[^\n]+ \(redis:\/\/127\.0\.0\.1:\d+\)\.\n$/);
    },
  );

  it("a server with as many connections as it may have is told, with its mend", async () => {
    const full = await startRedisServer({ args: ["--maxclients", "1"] });
    afterFile(() => full.stop());
    await connect({ port: full.port }).ping();
    const { status, errors } = await on(client, ["check"], full.url);
    expect([status, errors]).toEqual([
      2,
      expect.stringMatching(/^Redis has as many connections as maxclients allows\. CLIENT LIST tells .*\n$/),
    ]);
  });

  it("a server that goes on reading its file is given up in time, and it is said why", async () => {
    const info = "redis_version:7.0.15\r\nloading:1\r\nloading_eta_seconds:3600\r\n";
    const answer: FakeAnswer = REDIS_ERRORS.LOADING;
    const fake = await startFakeRedis({ answer, info });
    afterFile(() => fake.close());
    const { status, errors } = await on(client, ["stats", "--timeout", "2s"], fake.url);
    expect([status, errors]).toEqual([2, expect.stringMatching(/^Redis is still reading its file\. .*\n$/)]);
  });

  it("a server without TLS is given up in time, and it is said that TLS may be the reason", async () => {
    const plain = await startRedisServer();
    afterFile(() => plain.stop());
    const url = plain.url.replace("redis:", "rediss:");
    const { status, errors } = await on(client, ["stats", "--timeout", "500ms"], url);
    expect([status, errors]).toEqual([2, expect.stringMatching(/has TLS \(rediss:\/\/\) or not \(redis:\/\/\)/)]);
  });

  it("a server that has taken the connection and is frozen is given up in time", async () => {
    const frozen = await startRedisServer();
    afterFile(() => frozen.stop());
    frozen.freeze();
    const { status, errors } = await on(client, ["stats", "--timeout", "500ms"], frozen.url);
    frozen.thaw();
    expect([status, errors]).toEqual([2, expect.stringMatching(/^Redis does not answer\. Check --redis/)]);
  });

  it("check reports what it could not ask, with status 1 if it got any answer", async () => {
    const port = await freePort();
    const none = await on(client, ["check"], `redis://127.0.0.1:${port}`);
    expect([none.status, none.errors]).toEqual([2, expect.stringMatching(/^Nothing listens there\. .*\n$/)]);
    const fake = await startFakeRedis({ answer: REDIS_ERRORS.NOPERM });
    afterFile(() => fake.close());
    const some = await on(client, ["check"], fake.url);
    expect([some.status, some.output]).toEqual([
      1,
      expect.stringContaining("DANGER: the server refuses TIME (NOPERM)"),
    ]);
  });
});
