/** The commands on one server: what they show to people and to programs, what they do, and their exit status. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { present } from "../sessions/contract/rig.js";
import { PROGRAM, run, start } from "./program.js";

const server = await startRedisServer({ args: ["--appendonly", "yes"] });
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const url = `redis://127.0.0.1:${server.port}`;
const env = { REDIS_URL: url };
const UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

function open() {
  const prefix = uniquePrefix();
  const store = createSessionStore(redis, { prefix });
  const cli = (...args: string[]) => run([...args, "--prefix", prefix], { env });
  return { prefix, store, cli };
}

describe.concurrent("coatcheck", () => {
  it("stats counts, tells bytes, and the same as JSON", async () => {
    const { store, cli } = open();
    for (const userId of ["ada", "ada", "bob", undefined]) await store.create({ userId });
    await store.blockUser("eve");
    const shown = await cli("stats");
    expect(shown.status).toBe(0);
    expect(shown.output).toMatch(/sessions\s+│ 4\s+│ \d+\s+│ \d+/);
    expect(shown.output).toMatch(/users with sessions\s+│ 2\s/);
    expect(shown.output).toMatch(/blocked users\s+│ 1\s/);
    const json = JSON.parse((await cli("stats", "--json")).output);
    expect(json).toMatchObject({
      sessions: { count: 4 },
      users: { count: 2 },
      blocks: { count: 1 },
      other: { count: 0 },
    });
    const [key] = await redis.keys(`${json.prefix}*:s:*`);
    const one = (await redis.memory("USAGE", present(key))) as number;
    expect(json.sessions.bytes / 4 / one).toBeGreaterThan(0.5);
    expect(json.sessions.bytes / 4 / one).toBeLessThan(2);
  });

  it("stats says of sessions of express-session that it does not count them, where there are none of ours", async () => {
    const { prefix, cli } = open();
    await redis.set(`${prefix}sess:1`, "{}");
    const { status, errors } = await cli("stats");
    expect(status).toBe(1);
    expect(errors).toContain("The sessions of the stores for express-session and koa-session are not counted");
  });

  it("sessions lists those of a user, and the block; nothing found is status 1", async () => {
    const { store, cli } = open();
    const { session } = await store.create({ userId: "ada", client: { ip: "192.0.2.7", userAgent: "Test/1" } });
    const shown = await cli("sessions", "--user", "ada");
    expect(shown.status).toBe(0);
    expect(shown.output).toContain(session.id);
    expect(shown.output).toContain("192.0.2.7");
    expect(shown.output).toContain('1 session of the user "ada".');
    expect(JSON.parse((await cli("sessions", "--user", "ada", "--json")).output)).toEqual({
      userId: "ada",
      block: null,
      sessions: [session],
    });
    // As block and unblock take it.
    expect((await cli("sessions", "ada")).output).toBe(shown.output);
    const none = await cli("sessions", "--user", "Ada");
    expect(none.status).toBe(1);
    expect(none.errors).toBe(
      "The user has no session. An unknown user has none either: check the id, also its case.\n",
    );
    await store.blockUser("eve", { reason: "fraud" });
    const blocked = await cli("sessions", "--user", "eve");
    expect(blocked.status).toBe(0);
    expect(blocked.output).toContain("The user is blocked without end, because: fraud.");
  });

  it("show shows a session; an unknown id is status 1, and what is no id is 2", async () => {
    const { store, cli } = open();
    const { session, token } = await store.create({ userId: "ada", claims: { role: "admin" } });
    const shown = await cli("show", session.id);
    expect(shown.status).toBe(0);
    expect(shown.output).toMatch(/^user +"ada"$/m);
    expect(shown.output).toMatch(/^claim role +"admin"$/m);
    expect(JSON.parse((await cli("show", session.id, "--json")).output)).toEqual(session);
    const none = await cli("show", UNKNOWN);
    expect([none.status, none.errors]).toEqual([
      1,
      `No live session has the id ${UNKNOWN}: it has expired, was ended or never existed.\n`,
    ]);
    const secret = await cli("show", token);
    expect(secret.status).toBe(2);
    expect(secret.errors).toMatch(/^That is a token, which is a secret/);
    expect(secret.errors + secret.output).not.toContain(token.slice(27));
    const odd = await cli("show", "42");
    expect([odd.status, odd.errors]).toEqual([2, expect.stringMatching(/^An id of a session has 26 characters/)]);
  });

  it("says of a wrong prefix that no key has it, and which prefix there is", async () => {
    const { prefix, store } = open();
    const { session } = await store.create();
    for (const args of [["stats"], ["show", session.id], ["sessions", "--user", "ada"], ["revoke", "--all", "--yes"]]) {
      const { status, errors } = await run([...args, "--prefix", `${prefix}wrong:`], { env });
      expect([args, status]).toEqual([args, 1]);
      expect(errors).toContain(`No key begins with "${prefix}wrong:": is --prefix right, and --key-prefix?`);
      expect(errors).toContain("There are sessions under");
    }
    const keyPrefix = { env, prefix: "app:" };
    const other = createSessionStore(connect({ port: server.port, keyPrefix: keyPrefix.prefix }), { prefix });
    await other.create();
    const found = await run(["stats", "--json", "--key-prefix", "app:", "--prefix", prefix], { env });
    expect(JSON.parse(found.output).sessions.count).toBe(1);
  });

  it("revoke ends nothing without --yes if nobody can be asked", async () => {
    const { store, cli } = open();
    const { session, token } = await store.create({ userId: "ada" });
    for (const args of [
      ["revoke", session.id],
      ["revoke", "--user", "ada"],
      ["revoke", "--all"],
      ["block", "ada"],
    ]) {
      const { status, errors } = await cli(...args);
      expect([args, status]).toEqual([args, 2]);
      expect(errors).toContain("Nobody can answer here: add --yes. Nothing was changed.");
    }
    expect(await store.get(token)).not.toBeNull();
    expect(await store.getBlock("ada")).toBeNull();
  });

  it("revoke says how many it found before it says how many it ended: one, a user's, all", async () => {
    const { store, cli } = open();
    const one = await store.create({ userId: "ada" });
    for (const userId of ["bob", "bob", undefined, "eve"]) await store.create({ userId });
    const first = await cli("revoke", one.session.id, "--yes");
    expect([first.status, first.output]).toEqual([0, "Ended 1 session.\n"]);
    expect((await cli("revoke", one.session.id, "--yes")).status).toBe(1);
    const users = await cli("revoke", "--user", "bob", "--yes");
    expect(users).toEqual({
      status: 0,
      output: "Ended 2 sessions.\n",
      errors: 'Found 2 sessions of the user "bob".\n',
    });
    expect((await cli("revoke", "--user", "bob", "--yes")).status).toBe(1);
    const all = await cli("revoke", "--all", "--yes", "--json");
    expect([all.status, JSON.parse(all.output)]).toEqual([0, { found: 2, ended: 2 }]);
    expect(all.errors).toMatch(/^Found 2 sessions under /);
    const none = await cli("revoke", "--all", "--yes", "--json");
    expect([none.status, JSON.parse(none.output)]).toEqual([1, { found: 0, ended: 0 }]);
  });

  it("block ends sessions and holds until its time by the clock of Redis; unblock lifts it", async () => {
    const { store, cli } = open();
    const { token } = await store.create({ userId: "ada" });
    const blocked = await cli("block", "ada", "--until", "2h", "--reason", "stolen phone", "--yes");
    expect(blocked.status).toBe(0);
    expect(blocked.errors).toBe('Found 1 session of the user "ada".\n');
    expect(blocked.output).toMatch(/^Blocked until \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\. Ended 1 session\.\n$/);
    expect(await store.get(token)).toBeNull();
    const block = present(await store.getBlock("ada"));
    expect(block.reason).toBe("stolen phone");
    expect(Math.abs((block.until ?? 0) - block.since - 7_200_000)).toBeLessThan(60_000);
    expect((await cli("unblock", "ada")).status).toBe(0);
    expect(await store.getBlock("ada")).toBeNull();
    const again = await cli("unblock", "ada");
    expect([again.status, again.errors]).toEqual([1, expect.stringContaining('The user "ada" was not blocked.')]);
    for (const [until, message] of [
      ["2 hours", "--until must be a duration such as 2h or 7d, or a date"],
      ["2001-01-01", "--until must be in the future, got 2001-01-01; by the clock of Redis it is 2"],
    ] as const) {
      const refused = await cli("block", "ada", "--yes", "--until", until);
      expect([refused.status, refused.errors]).toEqual([2, expect.stringContaining(message)]);
    }
  });

  it("tail shows what ends and changes, until Ctrl-C", async () => {
    const { prefix, store } = open();
    const people = start(["tail", "--prefix", prefix], { env });
    const programs = start(["tail", "--json", "--prefix", prefix], { env });
    await Promise.all([people.until("Listening."), programs.until("Listening.")]);
    const { token, session } = await store.create({ userId: "ada" });
    await store.updateClaims(token, { role: "admin" });
    await store.revoke(token);
    await Promise.all([people.until("ended (revoked)"), programs.until("revoked")]);
    people.interrupt();
    programs.interrupt();
    const [shown, json] = await Promise.all([people.finished, programs.finished]);
    expect([shown.status, json.status]).toEqual([130, 130]);
    expect(shown.output).toMatch(
      new RegExp(`^\\S+ \\S+  ${session.id}  changed\n\\S+ \\S+  ${session.id}  ended \\(revoked\\)\n$`),
    );
    const lines = json.output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { kind: "changed", reason: null, id: session.id },
      { kind: "ended", reason: "revoked", id: session.id },
    ]);
  });

  it("explain tells why the session of a token has ended, and shows no token", async () => {
    const { prefix, store } = open();
    const issued = [await store.create({ userId: "ada" }), await store.create({ userId: "bob" })];
    const explain = (token: string, ...args: string[]) =>
      run(["explain", "--prefix", prefix, ...args], { env, input: `${token}\n` });
    const [ada, bob] = issued.map(({ token }) => token) as [string, string];
    expect(await explain(ada)).toEqual({ status: 0, output: "The session is live.\n", errors: "" });
    const set = ["--endings", "1h", "--yes", "--prefix", prefix];
    await run(["block", "ada", ...set], { env });
    await run(["revoke", "--all", ...set], { env });
    const ended = await explain(ada);
    expect([ended.status, ended.output]).toEqual([
      0,
      expect.stringMatching(/^The session has ended at \S+ \S+Z: the user was blocked\.\n$/),
    ]);
    expect(JSON.parse((await explain(bob, "--json")).output)).toMatchObject({ state: "ended", reason: "all" });
    const other = `${bob.slice(0, 27)}${"A".repeat(43)}`;
    const unknown = await explain(other);
    expect([unknown.status, unknown.errors]).toEqual([1, expect.stringMatching(/^Nothing is known of this token: /)]);
    const none = await explain("hello");
    expect([none.status, none.errors]).toEqual([2, expect.stringMatching(/^The input is no token\./)]);
    for (const { output, errors } of [ended, unknown]) expect(output + errors).not.toMatch(/[\w-]{43}/);
  });

  it("check reports a danger with status 1, and none with 0", async () => {
    await redis.config("SET", "hash-max-listpack-value", "512");
    const fine = await run(["check"], { env });
    expect([fine.status, fine.errors]).toEqual([0, ""]);
    expect(fine.output).toContain("0 dangers, 0 warnings.");
    await redis.config("SET", "maxmemory-policy", "allkeys-lru");
    const bad = await run(["check", "--json"], { env });
    await redis.config("SET", "maxmemory-policy", "noeviction");
    expect(bad.status).toBe(1);
    expect(JSON.parse(bad.output)).toMatchObject({ ok: false, findings: [{ code: "eviction", level: "danger" }] });
  });

  it("works with node-redis where there is no ioredis, and says what to install where there is neither", async () => {
    const { prefix, store } = open();
    await store.create({ userId: "ada" });
    const imports = [new URL("without-ioredis.mjs", import.meta.url).href];
    const cli = (without: string, ...args: string[]) =>
      run([...args, "--prefix", prefix], { env: { ...env, WITHOUT: without }, imports });
    const stats = await cli("ioredis", "stats", "--json");
    expect(stats.errors).toBe("");
    expect(JSON.parse(stats.output)).toMatchObject({ sessions: { count: 1 } });
    expect((await cli("ioredis", "revoke", "--all", "--yes")).output).toBe("Ended 1 session.\n");
    const none = await cli("ioredis,redis", "stats");
    expect([none.status, none.errors]).toEqual([
      2,
      "There is no Redis client. Install one beside coatcheck: npm install ioredis, or npm install redis\n",
    ]);
  });

  it("shows nothing that a terminal would obey: control characters, and those that turn the direction of writing", async () => {
    const { store, cli } = open();
    const evil = "a\u001b[2Jb\u202ec\u0007d\u200be\u009bf\n";
    const { session } = await store.create({
      userId: evil,
      claims: { [evil]: evil },
      client: { ip: "192.0.2.7", userAgent: evil },
    });
    await store.blockUser("eve", { reason: evil });
    const outputs = [
      await cli("sessions", "--user", evil),
      await cli("sessions", "--user", "eve"),
      await cli("show", session.id),
      await cli("revoke", session.id),
      await cli("unblock", evil),
      await run(["stats", "--prefix", evil], { env }),
    ];
    for (const { output, errors } of outputs) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
      expect(output + errors).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]/);
    }
    expect(outputs[2]?.output).toContain("\\u001b[2Jb\\u202ec");
  });

  it("ends quietly when nobody reads on", async () => {
    const { prefix, store } = open();
    await Promise.all(Array.from({ length: 600 }, () => store.create({ userId: "ada" })));
    const line = `node ${PROGRAM} sessions --user ada --prefix ${prefix} | head -1; echo "status \${PIPESTATUS[0]}"`;
    const shell = spawn("bash", ["-c", line], { env: { ...process.env, ...env } });
    let [output, errors] = ["", ""];
    shell.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    shell.stderr.setEncoding("utf8").on("data", (text) => {
      errors += text;
    });
    await new Promise((resolve) => shell.once("close", resolve));
    expect(output.trim().split("\n").at(-1)).toBe("status 0");
    expect(errors).toBe("");
  });
});

describe.concurrent("what is mistyped", () => {
  it.each([
    [["stat"], "unknown command 'stat'\n(Did you mean stats?)"],
    [["stats", "--prefx", "a:"], "unknown option '--prefx'\n(Did you mean --prefix?)"],
    [["show"], "missing required argument 'id'"],
    [["sessions"], "Say whose sessions, once: --user <user>."],
    [["sessions", "ada", "--user", "eve"], "Say whose sessions, once: --user <user>."],
    [["sessions", `${UNKNOWN}.${"A".repeat(43)}`], "userId must not be a token, which is a secret"],
    [["sessions", "--usr", "ada"], "unknown option '--usr'\n(Did you mean --user?)"],
    [["revoke"], "Say what to end: an id, --user <user> or --all, and only one of them."],
    [["revoke", UNKNOWN, "--all"], "Say what to end: an id, --user <user> or --all, and only one of them."],
    [["stats", "--timeout", "soon"], '--timeout must be a duration such as 30s, 15m, 2h or 7d, got "soon".'],
    [["revoke", "--all", "--replicas", "many"], '--replicas must be a number from 1, got "many".'],
    [["stats", "--prefix", "a{b}"], 'prefix must not contain braces, got "a{b}"'],
    [["stats", "--redis", "http://127.0.0.1"], "must begin with redis:// or rediss://"],
    [["stats", "--redis", "redis://127.0.0.1/one"], "After the host of Redis comes the number of the database"],
    [["stats", "--redis", "redis://127.0.0.1/1", "--cluster"], "A Redis Cluster has database 0 alone."],
    [["stats", "--redis", "redis://a,redis://b"], "Several addresses need --cluster, or --sentinel"],
    [["stats", "--cluster", "--sentinel", "mymaster"], "--cluster and --sentinel exclude each other."],
    [["stats", "--tls-ca", "/nowhere"], "need an address that begins with rediss://"],
    [["stats", "--redis", "rediss://127.0.0.1", "--tls-ca", "/nowhere"], "--tls-ca: /nowhere cannot be read (ENOENT)."],
  ])("%j is status 2, and one sentence says what to do", async (args, message) => {
    const { status, output, errors } = await run(args, { env });
    expect([status, output]).toEqual([2, ""]);
    expect(errors).toContain(message);
  });
});

describe.concurrent("the help", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

  it("has the version, the exit status, and examples for each command", async () => {
    expect((await run(["--version"])).output).toBe(`${version}\n`);
    const help = await run(["--help"]);
    expect(help.status).toBe(0);
    expect(help.output).toContain("Exit status:");
    const commands = [...help.output.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name as string);
    expect(commands).toContain("revoke");
    for (const name of commands) {
      const { status, output } = await run([name, "--help"]);
      expect([name, status]).toEqual([name, 0]);
      expect(output).toMatch(new RegExp(`Examples:\n {2}\\$ coatcheck ${name}`));
    }
  });
});
