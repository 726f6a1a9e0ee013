/** Who races: two clients on one Redis, each behind a gate of its own, and a store on each. */
import { createSessionStore, type SessionStoreOptions } from "../../../src/index.js";
import { connect, guardKeyspace, uniquePrefix } from "../../harness/fixtures.js";
import { gated } from "../../harness/gate.js";

/** The opponents of a test file, under a prefix of its own. Every touch writes, or there would be no race with it. */
export async function startOpponents(more: SessionStoreOptions<Record<string, unknown>> = {}) {
  const redis = connect();
  const prefix = uniquePrefix();
  guardKeyspace(redis, prefix);
  const options = { prefix, touchInterval: 0, ...more };
  const [here, there] = [await gated(connect()), await gated(connect())];
  const [store, other] = [createSessionStore(here, options), createSessionStore(there, options)];
  return { redis, prefix, options, here, there, store, other };
}
