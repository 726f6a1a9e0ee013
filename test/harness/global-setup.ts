/**
 * One Redis server for the whole test run, before the first test and until after the last.
 *
 * `COATCHECK_TEST_REDIS_URL` makes the run use a server of your own instead, for example one of another version or of a
 * managed service. Your `REDIS_URL` is not looked at. The tests keep to keys under prefixes of their own and never
 * flush; tests that kill, freeze or configure a server start a private one in any case. The server of the run refuses what a test
 * file would do to all others at its side.
 */
import { createRequire } from "node:module";
import { Redis } from "ioredis";
import type { TestProject } from "vitest/node";
import { clientUnderTest } from "./client-under-test.ts";
import { findRedisBinary } from "./redis-binary.ts";
import { startRedisServer } from "./redis-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Address of the Redis server of this test run. */
    redisUrl: string;
  }
}

/** What concerns every client of the server, and not only the keys of one. */
const REFUSED = [
  ...["flushall", "flushdb", "swapdb", "script|flush", "function|flush", "config|set", "config|resetstat"],
  ...["client|kill", "client|pause", "replicaof", "failover", "shutdown", "debug", "acl|load", "latency|reset"],
];
const RULES = ["--user", "default", "on", "nopass", "~*", "&*", "+@all", ...REFUSED.map((command) => `-${command}`)];

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  try {
    return await prepare(project);
  } catch (error) {
    // Vitest would print "No test files found" and a stack trace around a sentence that says all there is to say.
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

async function prepare(project: TestProject): Promise<() => Promise<void>> {
  const own = process.env["COATCHECK_TEST_REDIS_URL"];
  // A run over several servers names the binary of each project, which its tests find in their environment.
  const env = { ...process.env, ...project.config.env };
  const server = own
    ? { url: own, version: await versionAt(own), stop: async () => {} }
    : await startRedisServer({ binary: await findRedisBinary({ env }), args: RULES });
  project.provide("redisUrl", server.url);

  const client = clientUnderTest();
  const { version } = createRequire(import.meta.url)(`${client.package}/package.json`) as { version: string };
  const name = project.name === "" ? "Tests run" : `${project.name} runs`;
  console.log(
    `${name} on ${server.version}, ${client.name.replace(/-\d$/, "")} ${version}, Node ${process.versions.node}.`,
  );

  return () => server.stop();
}

async function versionAt(url: string): Promise<string> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on("error", () => {});
  try {
    await redis.connect();
    const info = await redis.info("server");
    // Valkey also reports the Redis version that it is compatible with.
    const version = /^valkey_version:(\S+)/m.exec(info) ?? /^redis_version:(\S+)/m.exec(info);
    const name = info.includes("valkey_version:") ? "Valkey" : "Redis";
    return `${name} server v=${version?.[1] ?? "unknown"} (COATCHECK_TEST_REDIS_URL)`;
  } catch {
    throw new Error("COATCHECK_TEST_REDIS_URL is set, but no Redis server answers there.");
  } finally {
    redis.disconnect();
  }
}
