import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { access, chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "./fixtures.ts";
import { findRedisBinary } from "./redis-binary.ts";
import { type RedisServer, type RedisServerOptions, startRedisServer } from "./redis-server.ts";

async function start(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedisServer(options);
  onTestFinished(() => server.stop());
  return server;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // An orphan that has ended keeps its number until process 1 asks for its result, which some containers never do.
  const status = `/proc/${pid}/stat`;
  return !existsSync(status) || !/\) Z /.test(readFileSync(status, "utf8"));
}

describe("startRedisServer", () => {
  it("starts a server that keeps nothing and listens on the loopback interface alone", async () => {
    const server = await start();
    const redis = connect({ url: server.url });

    expect(await redis.ping()).toBe("PONG");
    expect(await redis.config("GET", "bind")).toEqual(["bind", "127.0.0.1"]);
    expect(await redis.config("GET", "save")).toEqual(["save", ""]);
    expect(await redis.config("GET", "appendonly")).toEqual(["appendonly", "no"]);
  });

  it("passes settings on, over its own", async () => {
    const server = await start({ args: ["--maxmemory", "5mb", "--appendonly", "yes"] });
    const redis = connect({ url: server.url });

    expect(await redis.config("GET", "maxmemory")).toEqual(["maxmemory", "5242880"]);
    expect(await redis.config("GET", "appendonly")).toEqual(["appendonly", "yes"]);
  });

  it("gives servers that start at once a port each", async () => {
    const servers = await Promise.all(Array.from({ length: 8 }, () => start()));
    expect(new Set(servers.map(({ port }) => port)).size).toBe(8);
  });

  it("names the address when a fixed port is taken", async () => {
    const { port } = await start();
    await expect(startRedisServer({ port })).rejects.toThrow(`The address 127.0.0.1:${port} is taken`);
  });

  it("reports what the server said when a setting keeps it from starting", async () => {
    await expect(startRedisServer({ args: ["--no-such-setting", "1"] })).rejects.toThrow("no-such-setting");
  });

  it("leaves neither process nor folder after stop, which may be called twice", async () => {
    const server = await startRedisServer();
    const { pid, folder } = server;
    await server.stop();
    await server.stop();

    expect(isAlive(pid)).toBe(false);
    await expect(access(folder)).rejects.toThrow("ENOENT");
  });

  it("stops a frozen server", async () => {
    const server = await startRedisServer();
    server.freeze();
    await server.stop();

    expect(isAlive(server.pid)).toBe(false);
  });

  it("answers nothing while frozen, and the same connection again once thawed", async () => {
    const server = await start();
    const redis = connect({ url: server.url });
    await redis.ping();

    server.freeze();
    const answer = redis.ping();
    const silence = new Promise((resolve) => setTimeout(resolve, 100, "silence"));
    expect(await Promise.race([answer, silence])).toBe("silence");

    server.thaw();
    expect(await answer).toBe("PONG");
  });

  it("comes back on the same port after a crash, with another process", async () => {
    const server = await start();
    const { port, pid } = server;
    await server.kill();
    expect(isAlive(pid)).toBe(false);
    expect(() => server.freeze()).toThrow(`The Redis server on port ${port} is not running`);

    await server.restart();
    expect(server.port).toBe(port);
    expect(server.pid).not.toBe(pid);
    expect(await connect({ url: server.url }).ping()).toBe("PONG");
  });

  it("restarts a running server, which keeps its data if it has persistence", async () => {
    const server = await start({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    const redis = connect({ url: server.url });
    await redis.set("kept", "yes");

    await server.restart();
    expect(await redis.get("kept")).toBe("yes");
  });

  it("runs as a cluster of one node, also after a restart", async () => {
    const server = await start({ cluster: true });
    const redis = connect({ url: server.url });
    expect(await redis.cluster("INFO")).toContain("cluster_slots_ok:16384");

    await server.restart();
    expect(await redis.set("{any}slot", "1")).toBe("OK");
    await expect(redis.mset("a", "1", "b", "2")).rejects.toThrow("CROSSSLOT");
  });

  it.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)("leaves no server when its process ends by %s", async (signal) => {
    const owner = await ownerProcess("setInterval(() => {}, 1000)");
    owner.process.kill(signal);
    await owner.exited;

    await expect.poll(() => isAlive(owner.pid), { timeout: 15_000 }).toBe(false);
    await expect.poll(() => access(owner.folder).catch((error) => error.code), { timeout: 15_000 }).toBe("ENOENT");
  });

  it("leaves no server after an uncaught exception, even if it is frozen", async () => {
    const owner = await ownerProcess("server.freeze(); setTimeout(() => { throw new Error('uncaught'); }, 50)");
    await owner.exited;

    await expect.poll(() => isAlive(owner.pid), { timeout: 15_000 }).toBe(false);
  });
});

/** Another Node process that starts a server and then does `afterwards`. */
async function ownerProcess(afterwards: string) {
  const folder = await temporaryFolder();
  for (const name of ["redis-binary", "redis-server"]) {
    // Node 20 does not run TypeScript by itself.
    const source = await readFile(new URL(`./${name}.ts`, import.meta.url), "utf8");
    const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2023 };
    const { outputText } = transpileModule(source, { compilerOptions });
    await writeFile(join(folder, `${name}.mjs`), outputText.replaceAll(/"(\.\/[\w-]+)\.ts"/g, '"$1.mjs"'));
  }
  const program = `
    import { startRedisServer } from "./redis-server.mjs";
    const server = await startRedisServer();
    console.log(JSON.stringify({ pid: server.pid, folder: server.folder }));
    ${afterwards}`;
  await writeFile(join(folder, "owner.mjs"), program);

  // The cache of an unpacked server lies beside the harness, so the copy is told which server this run has found.
  const { path, env } = await findRedisBinary();
  const owner = spawn(process.execPath, [join(folder, "owner.mjs")], {
    env: { ...process.env, ...env, REDIS_SERVER: path },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(owner, "exit");
  const [line] = await once(owner.stdout, "data");
  const server = JSON.parse(String(line)) as { pid: number; folder: string };
  expect(isAlive(server.pid)).toBe(true);
  return { process: owner, exited, ...server };
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe("findRedisBinary", () => {
  async function folderWith(name: string, script: string): Promise<string> {
    const folder = await temporaryFolder();
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
    return folder;
  }

  it("prefers REDIS_SERVER to PATH", async () => {
    const { path } = await findRedisBinary();
    const binary = await findRedisBinary({ env: { REDIS_SERVER: path, PATH: "/nowhere" } });
    expect(binary).toMatchObject({ path, source: "REDIS_SERVER" });
  });

  it("takes a valkey-server where there is no redis-server", async () => {
    const folder = await folderWith("valkey-server", "echo 'Valkey server v=8.1.1 sha=00000000:0'");
    const binary = await findRedisBinary({ env: { PATH: `/nowhere:${folder}` } });
    expect(binary).toMatchObject({ path: join(folder, "valkey-server"), version: "Valkey server v=8.1.1" });
  });

  it("refuses a REDIS_SERVER that is no Redis server, instead of looking further", async () => {
    const folder = await folderWith("redis-server", "echo hello");
    const path = join(folder, "redis-server");
    await expect(findRedisBinary({ env: { REDIS_SERVER: path } })).rejects.toThrow(
      `REDIS_SERVER is "${path}", which does not run as a Redis server`,
    );
  });

  it("says in one sentence what to install where there is no server and no Debian", async () => {
    const empty = await temporaryFolder();
    await expect(findRedisBinary({ env: { PATH: empty }, cache: join(empty, "cache") })).rejects.toThrow(
      /^No redis-server found \(.*: this machine has no apt-get\): install it \(Debian: apt-get install redis-server\) or set REDIS_SERVER to its path\.$/,
    );
  });
});
