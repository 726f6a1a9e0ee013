/** The main entry on a run for node-redis: its stores get twins of the clients that tests give them. */
import { createSessionStore as create } from "../../../src/index.js";
import { twinOf } from "./twin.js";

export * from "../../../src/index.js";

export const createSessionStore: typeof create = (redis, options) => create(twinOf(redis), options);
