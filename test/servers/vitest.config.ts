/**
 * `npm run test:servers`: what depends on the server and on the client, once more on Redis 8 and on Valkey 8, and through
 * iovalkey, Valkey's own fork of ioredis. The tests are the same; `npm test` has run them on the machine's own server.
 */
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import config from "../../vitest.config.ts";
import { findNewerServer } from "../harness/newer-servers.ts";

const root = `${import.meta.dirname}/../..`;

/** The contracts, the races, the faults of a server, what is heard of sessions, and all that is about a Cluster. */
const include = [
  "test/servers/*.test.ts",
  "test/sessions/pages.test.ts",
  "test/one-time/store.test.ts",
  "test/sessions/races/*.test.ts",
  "test/one-time/races.test.ts",
  "test/sessions/{roundtrips,check}.test.ts",
  "test/docs/acl.test.ts",
  "test/redis/tls.test.ts",
  "test/sessions/faults/{server,replicas}.test.ts",
  "test/sessions/{feed,ending}.test.ts",
  "test/sessions/near/{near,faults}.test.ts",
  "test/sessions/watching/watch.test.ts",
  "test/cluster/**/*.test.ts",
];

function project(name: string, env: Record<string, string>, client?: string): TestProjectConfiguration {
  const alias = client === undefined ? [] : [{ find: /^ioredis$/, replacement: client }];
  return {
    ...config,
    root,
    resolve: { alias: [...alias, ...((config.resolve?.alias as typeof alias | undefined) ?? [])] },
    test: { ...config.test, name, env, include, exclude: [], typecheck: { enabled: false } },
  };
}

const redis = await findNewerServer("redis-server");
const valkey = await findNewerServer("valkey-server");

export default defineConfig({
  root,
  test: {
    projects: [
      project("redis-8", { REDIS_SERVER: redis.path }),
      project("valkey-8", { REDIS_SERVER: valkey.path }),
      project("iovalkey", { REDIS_SERVER: valkey.path }, "iovalkey"),
    ],
    // Each file starts servers, a Cluster six.
    maxWorkers: 2,
  },
});
