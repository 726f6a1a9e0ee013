/** The same of coatcheck/one-time. */
import { createOneTimeTokens as create } from "../../../src/one-time.js";
import { twinOf } from "./twin.js";

export * from "../../../src/one-time.js";

export const createOneTimeTokens: typeof create = (redis, options) => create(twinOf(redis), options);
