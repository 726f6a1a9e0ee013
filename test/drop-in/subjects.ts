/** The stores under test, on a Redis server that nobody else uses: ours, and for each framework the one that it replaces. */
import { RedisStore as ConnectRedis } from "connect-redis";
import ConnectRedis7 from "connect-redis7";
import { RedisStore as ConnectRedis8 } from "connect-redis8";
import { RedisStore as ConnectRedis10 } from "connect-redis10";
import koaRedis from "koa-redis";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis5";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import type { Subject } from "./findings.js";
import type { Framework } from "./rig.js";

export type Client = "ioredis" | "node-redis" | "node-redis 5";

/** A store that an application has before it takes ours, and the client that both get. */
export interface Predecessor {
  readonly name: string;
  readonly client: RedisStoreOptions["client"];
  readonly theirs: Subject;
}

/** Starts a server with clients of both kinds. */
export async function startSubjects() {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  const redis = connect({ port: server.port });
  const nodeRedis = createClient({ url: server.url });
  nodeRedis.on("error", () => {});
  await nodeRedis.connect();
  afterFile(() => nodeRedis.destroy());
  const nodeRedis5 = createClient5({ url: server.url });
  nodeRedis5.on("error", () => {});
  await nodeRedis5.connect();
  afterFile(() => nodeRedis5.destroy());
  const clients = { ioredis: redis, "node-redis": nodeRedis, "node-redis 5": nodeRedis5 };

  /** A store that ours replaces, on its prefix. */
  const peer = (framework: Framework, newStore: (prefix: string) => object): Subject => {
    const prefix = uniquePrefix();
    return { framework, store: () => newStore(prefix), prefix, redis };
  };

  return {
    server,
    redis,
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
      return peer(framework, (prefix) => new ConnectRedis({ client: nodeRedis, prefix }));
    },
    /** All that an application may come from: every connect-redis on every client that it takes, or koa-redis. */
    predecessors(framework: Framework): Predecessor[] {
      if (framework === "koa-session") return [{ name: "koa-redis 4", client: redis, theirs: this.theirs(framework) }];
      return (["ioredis", "node-redis 5", "node-redis"] as const).flatMap((kind) => {
        const client = clients[kind];
        const versions: Record<string, (prefix: string) => object> = {
          "connect-redis 7": (prefix) => new ConnectRedis7({ client, prefix }),
          "connect-redis 8": (prefix) => new ConnectRedis8({ client, prefix }),
          "connect-redis 9": (prefix) => new ConnectRedis({ client, prefix }),
          "connect-redis 10": (prefix) => new ConnectRedis10({ client, prefix }),
        };
        return Object.entries(versions)
          .filter(([version]) => kind !== "ioredis" || /[78]$/.test(version))
          .map(([version, newStore]) => {
            return { name: `${version} on ${kind}`, client, theirs: peer(framework, newStore) };
          });
      });
    },
  };
}
