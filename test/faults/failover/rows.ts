/** What every topology suffers, and how the clients in front of it are opened and named. */
import type { Cluster, Redis } from "ioredis";
import type { NodeRedisClient } from "../../../src/index.js";
import { closeNodeRedis, connected, NODE_REDIS } from "../node-redis.js";
import type { Client, Failing } from "./failover.js";

/** Both ioredis, set up alike. `how` is added to their names. */
export function bothIoredis(create: (version: 5 | 6) => Redis | Cluster, how = ""): readonly Client[] {
  return ([5, 6] as const).map((version) => ({
    name: `ioredis ${version}${how}`,
    async open() {
      const client = create(version);
      client.on("error", () => {});
      return { client, close: () => client.disconnect() };
    },
  }));
}

type Closable = NodeRedisClient & { connect(): Promise<unknown>; readonly isOpen: boolean; destroy(): unknown };

/** One node-redis. */
export function nodeRedis<Version extends 5 | 6>(
  version: Version,
  create: (made: (typeof NODE_REDIS)[Version]) => Closable,
  how = "",
): Client {
  const made = NODE_REDIS[version];
  return {
    name: `${made.name}${how}`,
    async open() {
      const client = await connected(create(made));
      return { client, close: () => closeNodeRedis(client) };
    },
  };
}

export const ROWS: readonly (readonly [string, Pick<Failing, "how" | "confirmedBy" | "isRisky">])[] = [
  ["master killed, `replicas: { count: 1 }`", { how: "kill", confirmedBy: 1, isRisky: false }],
  ["master frozen, `replicas: { count: 1 }`", { how: "freeze", confirmedBy: 1, isRisky: false }],
  ["master killed, without `replicas`", { how: "kill", isRisky: true }],
  ["master frozen, without `replicas`", { how: "freeze", isRisky: true }],
];
