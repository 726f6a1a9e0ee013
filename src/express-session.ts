/** coatcheck/express-session: a session store for express-session and @fastify/session. */

export type { DiscardedWrite } from "./drop-in/discarded.js";
export type { Callback } from "./drop-in/express/callbacks.js";
export { RedisStore, type RedisStoreOptions } from "./drop-in/express/redis-store.js";
export type { DestroyAllOptions, ListedSession } from "./drop-in/many.js";
export type { Serializer, SessionRecord } from "./drop-in/options.js";
export type { UserId } from "./drop-in/user-id.js";
