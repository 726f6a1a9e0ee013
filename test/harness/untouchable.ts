/** A client that may be listened to, and on which every call fails the test that makes it. */
import type { RedisClient } from "../../src/index.js";

export const untouchable: RedisClient = new Proxy({} as RedisClient, {
  get(_, name) {
    // Where the store would look for the nodes of a Cluster.
    if (name === "nodes") return undefined;
    return () => {
      if (name !== "on") throw new Error(`${String(name)} was called`);
    };
  },
});
