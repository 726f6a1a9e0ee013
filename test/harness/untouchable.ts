/** A client of ioredis that may be listened to, and on which every call fails the test that makes it. */
import type { IoredisClient } from "../../src/index.js";

const METHODS = ["on", "evalsha", "eval", "pipeline", "get", "scan", "info", "config", "time"];

export const untouchable: IoredisClient = new Proxy({} as IoredisClient, {
  get(_, name) {
    if (!METHODS.includes(String(name))) return undefined;
    return () => {
      if (name !== "on") throw new Error(`${String(name)} was called`);
    };
  },
});
