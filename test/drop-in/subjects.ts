/** The stores under test, on a Redis server that nobody else uses: ours, and for each framework the one that it replaces. */
import { RedisStore as ConnectRedis } from "connect-redis";
import koaRedis from "koa-redis";
import { createClient } from "redis";
import { RedisStore } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import type { Subject } from "./findings.js";
import type { Framework } from "./rig.js";

export type Client = "ioredis" | "node-redis";

/** Starts a server with clients of both kinds. */
export async function startSubjects() {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  const redis = connect({ port: server.port });
  const nodeRedis = createClient({ url: server.url });
  nodeRedis.on("error", () => {});
  await nodeRedis.connect();
  afterFile(() => nodeRedis.destroy());
  const clients = { ioredis: redis, "node-redis": nodeRedis };

  return {
    server,
    redis,
    nodeRedis,
    clients,
    /** Our store. */
    ours(framework: Framework, client: Client = "ioredis"): Subject {
      const prefix = uniquePrefix();
      const options = { client: clients[client], prefix };
      const store = () => (framework === "koa-session" ? new KoaRedisStore(options) : new RedisStore(options));
      return { framework, store, prefix, redis };
    },
    /** What ours replaces: connect-redis 9 on node-redis, and koa-redis 4, which gets a client of ioredis. */
    theirs(framework: Framework): Subject {
      if (framework === "koa-session") {
        const store = koaRedis({ client: redis });
        return { framework, store: () => store, prefix: "", redis };
      }
      const prefix = uniquePrefix();
      return { framework, store: () => new ConnectRedis({ client: nodeRedis, prefix }), prefix, redis };
    },
  };
}
