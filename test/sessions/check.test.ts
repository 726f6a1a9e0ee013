import { describe, expect, it } from "vitest";
import { createSessionStore, type IoredisClient } from "../../src/index.js";
import { portOf } from "../../src/redis/clients/supported.js";
import type { ServerFacts } from "../../src/redis/server-facts.js";
import { judgeFacts as judge } from "../../src/sessions/check.js";
import { rejection } from "../fixtures/every-verb.js";
import { connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

/** A server about which there is nothing to say. */
const HEALTHY: ServerFacts = {
  info: {
    tcp_port: "6379",
    redis_version: "7.0.15",
    role: "master",
    maxmemory_policy: "noeviction",
    aof_enabled: "1",
    connected_slaves: "2",
  },
  config: { save: "3600 1", appendfsync: "everysec", "hash-max-listpack-value": "512" },
  clockAhead: 0,
};
const CLIENT = { connectTimeout: 10_000, socketTimeout: 5000 };

/** Judges a client of ioredis by its options. */
function judgeFacts(facts: readonly ServerFacts[], options: Readonly<Record<string, unknown>>, replicas: number) {
  const call = () => {};
  const client = { evalsha: call, eval: call, on: call, options };
  return judge(facts, portOf("", client as unknown as IoredisClient), replicas);
}

const server = (info: object = {}, config: object = {}, clockAhead = 0): ServerFacts => ({
  info: { ...HEALTHY.info, ...info },
  config: { ...HEALTHY.config, ...config },
  clockAhead,
});

describe("judgeFacts", () => {
  it("finds nothing about a healthy server and client", () => {
    expect(judgeFacts([HEALTHY], CLIENT, 2)).toEqual({
      ok: true,
      servers: [
        {
          address: null,
          port: 6379,
          version: "7.0.15",
          role: "master",
          maxmemoryPolicy: "noeviction",
          appendOnly: true,
          connectedReplicas: 2,
          hashMaxListpackValue: 512,
          clockAhead: 0,
        },
      ],
      findings: [],
    });
  });

  it.each<[facts: ServerFacts, code: string, level: string, found: string]>([
    [server({ redis_version: "6.2.14" }), "version", "danger", "the server is version 6.2.14"],
    [server({ role: "slave" }), "replica", "danger", "the client talks to a replica"],
    [server({ maxmemory_policy: "volatile-lru" }), "eviction", "danger", "maxmemory-policy is volatile-lru"],
    [server({ maxmemory_policy: "allkeys-lfu" }), "eviction", "danger", "maxmemory-policy is allkeys-lfu"],
    [server({ aof_enabled: "0" }), "persistence", "danger", "there is no append-only file, only snapshots"],
    [server({ aof_enabled: "0" }, { save: "" }), "persistence", "danger", "nothing is written to disk"],
    [server({}, { appendfsync: "no" }), "fsync", "danger", "appendfsync is no"],
    [
      server({ connected_slaves: "1" }),
      "replicas",
      "danger",
      "1 replicas are connected, and the replicas option asks for 2",
    ],
    [server({}, {}, 5001), "clock", "warning", "the server's clock is 5001 ms ahead of this process's"],
    [server({}, {}, -60_000), "clock", "warning", "the server's clock is 60000 ms behind this process's"],
    [server({}, { "hash-max-listpack-value": "64" }), "listpack", "warning", "hash-max-listpack-value is 64"],
  ])("finds what is wrong with %j", (facts, code, level, found) => {
    const { ok, findings } = judgeFacts([facts], CLIENT, 2);
    expect(findings).toEqual([{ code, level, found, consequence: expect.any(String), mend: expect.any(String) }]);
    for (const text of [findings[0]?.consequence, findings[0]?.mend]) expect(text?.length).toBeGreaterThan(10);
    expect(ok).toBe(level === "warning");
  });

  it.each([
    ["Valkey, by its own version", server({ redis_version: "6.2.4", valkey_version: "8.1.0" })],
    ["later versions of two digits", server({ redis_version: "10.0.0" })],
    ["clocks a few seconds apart", server({}, {}, -5000)],
    ["appendfsync always", server({}, { appendfsync: "always" })],
  ])("has nothing against %s", (_, facts) => {
    expect(judgeFacts([facts], CLIENT, 2).findings).toEqual([]);
  });

  it("says what a server does not tell, and takes it for unknown", () => {
    const report = judgeFacts([{ info: {}, config: {}, clockAhead: null }], CLIENT, 2);
    expect(report.findings.map(({ code, level, found }) => [code, level, found])).toEqual([
      ["untold", "warning", "INFO does not tell redis_version, role, maxmemory_policy, aof_enabled, connected_slaves"],
    ]);
    expect(report.servers[0]).toEqual({
      address: null,
      port: null,
      version: null,
      role: null,
      maxmemoryPolicy: null,
      appendOnly: null,
      connectedReplicas: null,
      hashMaxListpackValue: null,
      clockAhead: null,
    });
  });

  it("judges what a server of few words does tell", () => {
    const { maxmemory_policy: _, aof_enabled: __, ...info } = HEALTHY.info;
    const { findings } = judgeFacts([{ ...HEALTHY, info: { ...info, role: "slave" } }], CLIENT, 0);
    expect(findings.map(({ code, found }) => [code, found])).toEqual([
      ["untold", "INFO does not tell maxmemory_policy, aof_enabled"],
      ["replica", "the client talks to a replica"],
    ]);
  });

  it.each([
    ["INFO", false],
    ["TIME", false],
    ["CONFIG GET", true],
    ["CLUSTER SLOTS", false],
    ["CLUSTER INFO", false],
  ])("says that a server refuses %s, and what comes of it", (command, ok) => {
    const facts = command === "INFO" ? { ...HEALTHY, info: {} } : HEALTHY;
    const report = judgeFacts([{ ...facts, refusals: [{ command, code: "NOPERM" }] }], CLIENT, 0);
    expect(report).toMatchObject({
      ok,
      findings: [{ code: "refused", found: `the server refuses ${command} (NOPERM)` }],
    });
    for (const text of [report.findings[0]?.consequence, report.findings[0]?.mend]) {
      expect(text?.length).toBeGreaterThan(10);
    }
  });

  it("takes a replica of a Cluster for what it is, and judges what it would be as a master", () => {
    const replica = server({ cluster_enabled: "1", role: "slave", connected_slaves: "0" });
    expect(judgeFacts([replica], CLIENT, 2).findings).toEqual([]);
    const evicting = server({ cluster_enabled: "1", role: "slave", maxmemory_policy: "allkeys-lru" });
    expect(judgeFacts([evicting], CLIENT, 0).findings.map(({ code }) => code)).toEqual(["eviction"]);
  });

  it("finds a master of a Cluster that has no replica, and says it once", () => {
    const alone = server({ cluster_enabled: "1", connected_slaves: "0" });
    expect(judgeFacts([alone], CLIENT, 0)).toMatchObject({
      ok: true,
      findings: [{ code: "no-replica", level: "warning" }],
    });
    expect(judgeFacts([alone], CLIENT, 1)).toMatchObject({
      ok: false,
      findings: [{ code: "replicas", level: "danger" }],
    });
    // One server by itself is a choice; a Cluster is there to outlive a part of itself.
    expect(judgeFacts([server({ connected_slaves: "0" })], CLIENT, 0).findings).toEqual([]);
  });

  it.each<[string, unknown, string | undefined]>([
    ["none", undefined, undefined],
    ["the master", "master", undefined],
    ["a replica", "slave", 'scaleReads is "slave"'],
    ["any node", "all", 'scaleReads is "all"'],
    ["its own choice", () => [], "scaleReads is a function"],
  ])("judges a Cluster client whose scaleReads is %s", (_, scaleReads, found) => {
    const options = { redisOptions: CLIENT, ...(scaleReads === undefined ? {} : { scaleReads }) };
    const { findings } = judgeFacts([HEALTHY], options, 0);
    expect(findings.map((finding) => finding.found)).toEqual(found === undefined ? [] : [found]);
  });

  it("knows what a Sentinel's client must have and must not, and a master that has no replica", () => {
    const sentinels = [{ host: "10.0.0.1", port: 26_379 }];
    const found = (own: object, replicas = "2", wanted = 0) =>
      judgeFacts([server({ connected_slaves: replicas })], { ...CLIENT, ...own }, wanted).findings.map(
        ({ code, level }) => `${code}: ${level}`,
      );
    expect(found({ sentinels, failoverDetector: false })).toEqual([]);
    expect(found({ sentinels, failoverDetector: true })).toEqual(["failoverDetector: danger"]);
    expect(found({ sentinels, socketTimeout: undefined })).toEqual(["socketTimeout: danger"]);
    // A client of one server has both of these, too.
    expect(found({ sentinels: null, failoverDetector: true })).toEqual([]);
    expect(found({ sentinels }, "0")).toEqual(["no-replica: warning"]);
    expect(found({ sentinels }, "0", 1)).toEqual(["replicas: danger"]);
    expect(found({ sentinels: null }, "0")).toEqual([]);
  });

  it("says of which server of a Cluster it speaks", () => {
    const other = server({ tcp_port: "6380", maxmemory_policy: "volatile-ttl" });
    const { servers, findings } = judgeFacts([HEALTHY, other], CLIENT, 0);
    expect(servers.map(({ port }) => port)).toEqual([6379, 6380]);
    expect(findings.map(({ found }) => found)).toEqual(["maxmemory-policy is volatile-ttl (port 6380)"]);
  });

  it.each<[string, Record<string, unknown>, boolean]>([
    ["a client without socketTimeout", { connectTimeout: 10_000 }, true],
    ["a client with socketTimeout", CLIENT, false],
    ["a Cluster without it", { redisOptions: {} }, true],
    ["a Cluster with it where it has no effect", { redisOptions: {}, socketTimeout: 5000 }, true],
    ["a Cluster with it", { redisOptions: { socketTimeout: 5000 } }, false],
    ["a client that shows no options", {}, false],
  ])("judges the client: %s", (_, options, finds) => {
    const { ok, findings } = judgeFacts([HEALTHY], options, 0);
    expect(findings.map(({ code, level }) => ({ code, level }))).toEqual(
      finds ? [{ code: "socketTimeout", level: "warning" }] : [],
    );
    expect(ok).toBe(true);
  });

  it("lists everything that it finds, and changes nothing that it is given", () => {
    const facts = Object.freeze(server({ role: "slave", aof_enabled: "0" }, {}, 9000));
    const first = judgeFacts(Object.freeze([facts]), Object.freeze({}), 5);
    expect(first.findings.map(({ code }) => code)).toEqual(["replica", "persistence", "replicas", "clock"]);
    expect(first.ok).toBe(false);
    expect(judgeFacts([facts], {}, 5)).toEqual(first);
  });
});

describe("check", () => {
  it("reports on a server as it is, and on what was changed since", async () => {
    const own = await startRedisServer();
    try {
      const redis = connect({ port: own.port, socketTimeout: 5000 });
      const store = createSessionStore(redis, { prefix: uniquePrefix() });
      const before = await store.check();
      expect(before.servers).toHaveLength(1);
      expect(before.servers[0]).toMatchObject({
        port: own.port,
        role: "master",
        maxmemoryPolicy: "noeviction",
        appendOnly: false,
        connectedReplicas: 0,
      });
      expect(before.servers[0]?.version).toMatch(/^\d+\.\d+\.\d+/);
      expect(Math.abs(before.servers[0]?.clockAhead ?? Number.NaN)).toBeLessThan(1000);
      expect(before.findings.map(({ code, found }) => [code, found])).toEqual([
        ["persistence", "nothing is written to disk"],
        ["listpack", "hash-max-listpack-value is 64"],
      ]);

      await redis.config("SET", "appendonly", "yes");
      await redis.config("SET", "hash-max-listpack-value", "512");
      expect(await store.check()).toMatchObject({ ok: true, findings: [] });

      await redis.config("SET", "maxmemory-policy", "allkeys-lru");
      expect((await store.check()).findings.map(({ code }) => code)).toEqual(["eviction"]);
    } finally {
      await own.stop();
    }
  });

  it.each([
    ["INFO", "-info", false],
    ["TIME", "-time", false],
    ["CONFIG GET", "-config", true],
    ["EVALSHA", "-evalsha", false],
    ["EVAL", "-eval", false],
    ["WAIT", "-wait", false],
    ["HSET, RPUSH in scripts", "-hset -rpush", false],
    ["PEXPIRE in scripts", "-pexpire", false],
  ])("says that the user may not call %s", async (command, rules, ok) => {
    const own = await startRedisServer({ args: ["--appendonly", "yes"] });
    try {
      const admin = connect({ port: own.port });
      await admin.call("ACL", "SETUSER", "poor", "reset", "on", ">secret", "~*", "&*", "+@all", ...rules.split(" "));
      const poor = connect({
        port: own.port,
        username: "poor",
        password: "secret",
        socketTimeout: 5000,
        enableReadyCheck: false,
      });
      const options = { prefix: uniquePrefix(), near: true, replicas: { count: 1, timeout: 10 } };
      const store = createSessionStore(poor, options);
      const report = await store.check();
      await store.close();
      const refused = report.findings.filter(({ code }) => code === "refused");
      expect(refused.map(({ found }) => found)).toEqual([`the server refuses ${command} (NOPERM)`]);
      expect(refused[0]?.level).toBe(ok ? "warning" : "danger");
      expect(refused[0]?.mend).toContain("ACL SETUSER");
      expect(await admin.dbsize()).toBe(0);
    } finally {
      await own.stop();
    }
  });

  it("tells which rules allow what is missing, and finds nothing more when they are given", async () => {
    const own = await startRedisServer({ args: ["--appendonly", "yes"] });
    try {
      const admin = connect({ port: own.port });
      const rules = ["on", ">secret", "~*", "&*", "+@all", "-@hash", "-set", "-wait"];
      await admin.call("ACL", "SETUSER", "poor", "reset", ...rules);
      const poor = connect({ port: own.port, username: "poor", password: "secret", socketTimeout: 5000 });
      // Neither near nor replicas: so neither PEXPIRE nor WAIT is needed.
      const store = createSessionStore(poor, { prefix: uniquePrefix() });
      const refused = async () => (await store.check()).findings.filter(({ code }) => code === "refused");
      const [finding, ...others] = await refused();
      expect(others).toEqual([]);
      expect(finding?.mend).toContain("(ACL SETUSER … +hgetall +hmget +hset +hdel +hincrby +set)");
      const mend = /\+.*(?=\))/.exec(finding?.mend ?? "")?.[0] ?? "";
      await admin.call("ACL", "SETUSER", "poor", ...mend.split(" "));
      expect(await refused()).toEqual([]);
      await expect(store.create({ userId: "ada" })).resolves.toBeDefined();
    } finally {
      await own.stop();
    }
  });

  it.each<[string, Record<string, unknown>]>([
    ["INFO", { info: async () => "QUEUED" }],
    ["INFO", { info: async () => null }],
    ["TIME", { time: async () => "QUEUED" }],
    ["CONFIG GET", { config: async () => "QUEUED" }],
  ])("takes a reply that %s does not give for an error", async (command, own) => {
    const client = {
      evalsha: async () => "none",
      eval: async () => "none",
      on: () => {},
      info: async () => "role:master",
      time: async () => ["1", "0"],
      config: async () => [],
      ...own,
    } as unknown as IoredisClient;
    const error = await rejection(createSessionStore(client).check());
    expect(error.name).toBe("StoreUnavailableError");
    expect((error.cause as Error).message).toContain(command);
  });

  it("knows how many replicas the store asks for, and a client without socketTimeout", async () => {
    const store = createSessionStore(connect(), { prefix: uniquePrefix(), replicas: { count: 9, timeout: 100 } });
    const codes = (await store.check()).findings.map(({ code }) => code);
    expect(codes).toContain("replicas");
    expect(codes).toContain("socketTimeout");
  });
});
