/** The servers, clients and stores of a soak. It knows nothing of what is done with them. */
import { createRequire } from "node:module";
import { Redis } from "ioredis";
import { Redis as Redis6 } from "ioredis6";
import { RedisStore } from "../../../src/express-session.js";
import { createSessionStore, type RedisClient, type SessionStore } from "../../../src/index.js";
import { createOneTimeTokens } from "../../../src/one-time.js";
import { clientUnderTest } from "../../harness/client-under-test.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { type RedisServer, startRedisServer } from "../../harness/redis-server.js";
import { CONNECTION, closeNodeRedis, connected, NODE_REDIS } from "../node-redis.js";
import type { Line } from "./calls.ts";
import type { CountedClient } from "./resources.ts";
import { LIMIT, type SceneDesk } from "./scene.ts";
import { BRIEF_TTL, type TokenDesk } from "./tokens.ts";
import type { VisitDesk } from "./visits.ts";

/** One client with all that is on it. */
export interface Desk extends SceneDesk, TokenDesk {
  readonly client: CountedClient;
  /** The store of the load: with the usual options, and beside `store` a second one on the same client. */
  readonly usual: SessionStore;
  /** A store of express-session's. */
  readonly visits: VisitDesk;
}

export interface Rig {
  readonly server: RedisServer;
  /** For what is not the load's: faults, and looks at the keys. */
  readonly admin: Redis;
  readonly desks: readonly Desk[];
  readonly prefix: string;
  /** In the words of the report. */
  readonly servers: string;
}

export const TIMEOUT = 1000;

/** Everything in one keyspace: a server that keeps what it has acknowledged, and several clients of each family. */
export async function startRig(): Promise<Rig> {
  const args = ["--appendonly", "yes", "--appendfsync", "always"];
  const server = await startRedisServer({ args });
  afterFile(() => server.stop());
  const prefix = uniquePrefix();
  const address = { host: server.host, port: server.port };
  const desks = ["", " (second)"].flatMap((which) => [
    ofIoredis(`ioredis 5${which}`, new Redis(address), prefix),
    ofIoredis(`ioredis 6${which}`, new Redis6(address), prefix),
  ]);
  for (const { name, createClient } of Object.values(NODE_REDIS)) {
    const { reconnectStrategy } = CONNECTION.socket;
    const client = await connected(createClient({ socket: { ...address, reconnectStrategy } }));
    afterFile(() => closeNodeRedis(client));
    desks.push(newDesk(newLine(name, client, "reconnecting"), client, prefix));
  }
  const version = (name: string) =>
    (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;
  // What `ioredis` is here goes by the environment; see vitest.config.ts.
  const older = clientUnderTest().ioredis;
  const redis = /v=([\d.]+)/.exec(server.version)?.[1] ?? server.version;
  return {
    ...{ server, desks, prefix, admin: connect({ port: server.port }) },
    servers: `Redis ${redis}, \`appendfsync always\`; ioredis ${version(older)} and ${version("ioredis6")}, node-redis ${version("redis")} and ${version("redis5")}`,
  };
}

function ofIoredis(name: string, client: Redis | Redis6, prefix: string): Desk {
  client.on("error", () => {});
  afterFile(() => client.disconnect());
  return newDesk(newLine(name, client, "close"), client, prefix);
}

/** `lost` is the event by which the client tells that it has lost its connection. */
function newLine(name: string, client: { on(event: string, listener: () => void): unknown }, lost: string): Line {
  const line: Line = { name, answeredAt: 0, losses: 0 };
  client.on(lost, () => {
    line.losses++;
  });
  return line;
}

function newDesk(line: Line, client: RedisClient & CountedClient, prefix: string): Desk {
  const limited = (onSessionLimit: "evict-oldest" | "evict-idle" | "reject") =>
    createSessionStore(client, { prefix, timeout: TIMEOUT, maxSessionsPerUser: LIMIT, onSessionLimit });
  const tokens = (purpose: string, ttl: number) =>
    createOneTimeTokens(client, { purpose, ttl, prefix, timeout: TIMEOUT, maxPerHour: 1000 });
  const store = createSessionStore(client, { prefix, timeout: TIMEOUT, touchInterval: 0 });
  const visits = new RedisStore({ client, timeout: TIMEOUT, userId: ({ user }) => user });
  // Somebody who listens, as an application does.
  store.events.on("revoked", () => {});
  visits.on("discarded", () => {});
  return {
    ...{ line, client, store },
    usual: createSessionStore(client, { prefix, timeout: TIMEOUT }),
    limited: {
      "evict-oldest": limited("evict-oldest"),
      "evict-idle": limited("evict-idle"),
      reject: limited("reject"),
    },
    lasting: tokens("lasting", 10 * 60_000),
    brief: tokens("brief", BRIEF_TTL),
    visits: { line, store: visits },
  };
}
