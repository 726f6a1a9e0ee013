/** How the command line comes to Redis: Cluster, Sentinel, TLS, users with few rights; and what it says where it does not. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { documentedUser, grant } from "../harness/access.js";
import { afterFile, connect, connectCluster, uniquePrefix } from "../harness/fixtures.js";
import { startCluster } from "../harness/redis-cluster.js";
import { startSentinel } from "../harness/redis-sentinel.js";
import { freePort, startRedisServer } from "../harness/redis-server.js";
import { foundAuthority } from "../harness/tls.js";
import { run, start } from "./program.js";

const PASSWORD = "a-secret-of-the-operator";

/** Runs a command, and holds all that it says to secrecy. */
async function quiet(args: readonly string[], env: Readonly<Record<string, string>>) {
  const finished = await run(args, { env });
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)])
    expect(finished.output + finished.errors).not.toContain(secret);
  return finished;
}

describe("on a Redis Cluster", () => {
  it("counts, shows, tails and ends what is on all masters", async () => {
    const cluster = await startCluster({ masters: 3 });
    afterFile(() => cluster.close());
    const prefix = uniquePrefix();
    const store = createSessionStore(connectCluster(cluster), { prefix });
    const env = { REDIS_URL: cluster.urls.join(",") };
    const cli = (...args: string[]) => run([...args, "--cluster", "--prefix", prefix], { env });
    for (let at = 0; at < 30; at++) await store.create(at % 3 === 0 ? {} : { userId: `user ${at}` });
    expect(JSON.parse((await cli("stats", "--json")).output)).toMatchObject({
      sessions: { count: 30 },
      users: { count: 20 },
    });
    expect((await cli("sessions", "--user", "user 1")).output).toContain('1 session of the user "user 1".');
    const check = JSON.parse((await cli("check", "--json")).output);
    expect(check.servers).toHaveLength(3);

    const listening = start(["tail", "--cluster", "--json", "--prefix", prefix], { env });
    await listening.until("Listening.");
    const ended = await cli("revoke", "--all", "--yes", "--json");
    expect(JSON.parse(ended.output)).toEqual({ found: 30, ended: 30 });
    await listening.until((said) => said.split('"id"').length - 1 === 30);
    listening.interrupt();
    expect((await listening.finished).status).toBe(130);
    expect((await cli("stats")).status).toBe(1);

    const alone = await run(["stats", "--prefix", prefix], { env: { REDIS_URL: cluster.urls[0] as string } });
    expect([alone.status, alone.errors]).not.toEqual([0, ""]);
    const moved = await run(["revoke", "--user", "user 1", "--yes"], { env: { REDIS_URL: cluster.urls[0] as string } });
    const other = await run(["revoke", "--user", "user 2", "--yes"], { env: { REDIS_URL: cluster.urls[1] as string } });
    expect(moved.errors + other.errors).toContain(
      "The server is a node of a Redis Cluster. Add --cluster (redis://127.0.0.1:",
    );
  });
});

describe("through Sentinel", () => {
  it("finds the master by its name, and says what is wrong with another name", async () => {
    const sentinel = await startSentinel();
    afterFile(() => sentinel.close());
    const prefix = uniquePrefix();
    const store = createSessionStore((await sentinel.currentMaster()).admin, { prefix });
    await store.create({ userId: "ada" });
    const env = { REDIS_URL: sentinel.sentinels.map(({ url }) => url).join(",") };
    const cli = (name: string, ...args: string[]) => run([...args, "--sentinel", name, "--prefix", prefix], { env });
    const { name } = sentinel.client;
    expect((await cli(name, "revoke", "--all", "--yes", "--replicas", "1")).output).toBe("Ended 1 session.\n");
    const wrong = await cli("nobody", "stats");
    expect(wrong.status).toBe(2);
    expect(wrong.errors).toContain("No Sentinel answers, or none knows a master of that name.");
  });
});

describe("over TLS", async () => {
  const [authority, foreign] = await Promise.all([foundAuthority(), foundAuthority()]);
  afterFile(() => Promise.all([authority.close(), foreign.close()]));
  let port = 0;
  const server = await startRedisServer({
    async args() {
      port = await freePort();
      return ["--tls-port", String(port), ...authority.args("required")];
    },
  });
  afterFile(() => server.stop());
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-cli-"));
  afterFile(() => rm(folder, { recursive: true, force: true }));
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const certificate = ["--tls-cert", await file("client.crt", authority.client.cert)];
  const login = [...certificate, "--tls-key", await file("client.key", authority.client.key)];
  const ca = ["--tls-ca", await file("ca.crt", authority.ca)];
  const wrong = ["--tls-ca", await file("other.crt", foreign.ca)];
  const prefix = uniquePrefix();
  await createSessionStore(connect({ port: server.port }), { prefix }).create();
  const stats = (scheme: string, ...args: string[]) =>
    run(["stats", "--json", "--prefix", prefix, ...args], { env: { REDIS_URL: `${scheme}://127.0.0.1:${port}` } });

  it.each(["", "ioredis"])("trusts the authority that it is given, and shows its certificate", async (without) => {
    const imports = [new URL("without-ioredis.mjs", import.meta.url).href];
    const env = { REDIS_URL: `rediss://127.0.0.1:${port}`, WITHOUT: without };
    const found = await run(["stats", "--json", "--prefix", prefix, ...ca, ...login], { env, imports });
    expect(found.errors).toBe("");
    expect(JSON.parse(found.output).sessions.count).toBe(1);
  });

  it.each([
    ["no authority", "rediss", login],
    ["another authority", "rediss", [...wrong, ...login]],
    ["no certificate", "rediss", ca],
  ])("says with %s that TLS fails", async (_, scheme, args) => {
    const { status, errors } = await stats(scheme, ...args);
    expect(status).toBe(2);
    expect(errors).toMatch(
      /^The TLS connection fails\. Use rediss:\/\/ .* --tls-ca,.*--tls-cert and --tls-key .*\.\n$/,
    );
  });

  it("says without TLS that nothing answers, and that it may be TLS", async () => {
    const { status, errors } = await stats("redis");
    expect([status, errors]).toEqual([2, expect.stringMatching(/^Redis does not answer\. Check .* TLS \(rediss/)]);
  });
});

describe("a user with few rights", async () => {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  const admin = connect({ port: server.port });
  const prefix = uniquePrefix();
  const store = createSessionStore(admin, { prefix });
  const documented = documentedUser();
  const at = `127.0.0.1:${server.port}`;

  /** Runs a command as a user with the documented rights and others, without some. */
  async function as(name: string, more: readonly string[], less: readonly string[], args: readonly string[]) {
    const rules = [
      ...documented.rules.filter((rule) => !less.includes(rule) && !rule.startsWith(">")),
      `>${PASSWORD}`,
      ...more,
    ];
    await grant(admin, { username: name, password: PASSWORD, rules });
    return quiet([...args, "--prefix", prefix], { REDIS_URL: `redis://${name}:${PASSWORD}@${at}` });
  }

  it.each([
    ["stats", ["stats"], [], [], "the command scan. Let an administrator run: ACL SETUSER <user> +scan"],
    [
      "all",
      ["revoke", "--all", "--yes"],
      [],
      [],
      "the command scan. Let an administrator run: ACL SETUSER <user> +scan",
    ],
    [
      "lua",
      ["sessions", "--user", "ada"],
      [],
      ["+zrange"],
      "a command that the scripts of coatcheck use. ACL LOG names it; docs/operations.md#access lists all of them",
    ],
    [
      "eval",
      ["sessions", "--user", "ada"],
      [],
      ["+evalsha"],
      "the command evalsha. Let an administrator run: ACL SETUSER <user> +evalsha",
    ],
    [
      "keys",
      ["sessions", "--user", "ada"],
      ["resetkeys", "~elsewhere:*"],
      [],
      "the keys under this prefix. Let an administrator run: ACL SETUSER <user> ~<key-prefix><prefix>*",
    ],
    [
      "channel",
      ["tail"],
      ["+subscribe", "resetchannels"],
      [],
      "the channel of the store. Let an administrator run: ACL SETUSER <user> &<key-prefix><prefix>near",
    ],
    [
      "subscribe",
      ["tail"],
      [],
      ["+subscribe"],
      "the command subscribe. Let an administrator run: ACL SETUSER <user> +subscribe",
    ],
  ] as const)("is told which right is missing: %s", async (name, args, more, less, message) => {
    const { status, output, errors } = await as(name, more, less, args);
    expect([status, output]).toEqual([2, ""]);
    expect(errors).toContain(`Redis does not allow this user ${message}`);
    expect(errors).toContain(`(redis://${at})`);
  });

  it("sees numbers without sizes where it may not ask for those, and the prefix is not doubted where it may not look", async () => {
    await store.create({ userId: "ada" });
    const stats = await as("numbers", ["+scan"], [], ["stats"]);
    expect(stats.status).toBe(0);
    expect(stats.output).toMatch(/sessions\s+│ 1\s+│ –/);
    expect(stats.errors).toContain("(ACL SETUSER <user> +memory|usage)");
    const none = await as("nobody", [], [], ["sessions", "--user", "eve"]);
    expect(none.status).toBe(1);
    expect(none.errors).toContain("Whether the prefix is right cannot be said, because this user may not SCAN");
  });

  it("is told of a wrong password, and of none, and the password is nowhere", async () => {
    await grant(admin, { ...documented, username: "op", rules: documented.rules });
    const wrong = await quiet(["stats"], { REDIS_URL: `redis://op:${PASSWORD}@${at}` });
    expect(wrong.status).toBe(2);
    expect(wrong.errors).toMatch(/^Redis refuses the user or the password\. Put the right ones into REDIS_URL/);
    await admin.config("SET", "requirepass", PASSWORD);
    const none = await quiet(["stats", "--prefix", prefix], { REDIS_URL: `redis://${at}` });
    expect([none.status, none.errors]).toEqual([
      2,
      expect.stringMatching(/^Redis asks for a password\. Put it into REDIS_URL/),
    ]);
    const apart = await quiet(["stats", "--prefix", prefix], { REDIS_URL: `redis://${at}`, REDIS_PASSWORD: PASSWORD });
    expect(apart.status).toBe(0);
    const argument = await quiet(["stats", "--redis", `redis://:${PASSWORD}@${at}`], {});
    expect(argument.status).toBe(2);
    expect(argument.errors).toMatch(/^A password in an argument can be read by every user of this machine\./);
    await admin.config("SET", "requirepass", "");
  });
});

describe("where Redis is not", () => {
  it.each([
    ["redis://127.0.0.1:1", "Nothing listens there. Check --redis or REDIS_URL, and that the server runs"],
    ["redis://no.such.host.invalid", "There is no such host. Check --redis or REDIS_URL"],
  ])("says of %s what to do", async (url, message) => {
    const withPassword = url.replace("//", `//op:${PASSWORD}@`);
    const { status, errors } = await quiet(["stats"], { REDIS_URL: withPassword });
    expect([status, errors]).toEqual([2, `${message} (${url}).\n`]);
  });

  it("takes a REDIS_URL that is set to nothing for one that is not set", async () => {
    const { errors } = await run(["show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"], { env: { REDIS_URL: "" } });
    expect(errors).not.toContain("no URL");
  });

  describe.each(["ioredis", "redis"])("with %s", (client) => {
    const imports = [new URL("without-ioredis.mjs", import.meta.url).href];
    const cli = (args: readonly string[], url: string) =>
      run(args, { env: { REDIS_URL: url, WITHOUT: client === "ioredis" ? "redis" : "ioredis" }, imports });

    it("does nothing in database 0 if the server does not have the database that was named", async () => {
      const server = await startRedisServer();
      afterFile(() => server.stop());
      const store = createSessionStore(connect({ url: server.url }));
      const { token } = await store.create({ userId: "ada" });
      const refused = await cli(["revoke", "--all", "--yes"], `${server.url}/99`);
      expect([refused.status, refused.errors]).toEqual([
        2,
        expect.stringMatching(/^Redis has no database of that number\. .*\/99\)\.\n$/),
      ]);
      expect(await store.get(token)).not.toBeNull();
    });

    it("says that what answers is no Redis, and that a Redis is no Sentinel", async () => {
      const web = createServer((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n"));
      await once(web.listen(0, "127.0.0.1"), "listening");
      const server = await startRedisServer();
      afterFile(async () => {
        web.close();
        await server.stop();
      });
      const { port } = web.address() as AddressInfo;
      expect((await cli(["stats"], `redis://127.0.0.1:${port}`)).errors).toMatch(/^What answers there is no Redis\./);
      expect((await cli(["stats", "--sentinel", "mymaster"], server.url)).errors).toMatch(/^No Sentinel answers/);
    });
  });

  it("says that a server which is no Cluster is none", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const { status, errors } = await run(["stats", "--cluster"], { env: { REDIS_URL: server.url } });
    expect([status, errors]).toEqual([
      2,
      expect.stringMatching(/^No Redis Cluster answers there\. Without a Cluster leave --cluster out/),
    ]);
  });
});
