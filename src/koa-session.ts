/** coatcheck/koa-session: a session store for koa-session. */

export type { DiscardedWrite } from "./drop-in/discarded.js";
export { RedisStore, type RedisStoreOptions } from "./drop-in/koa/redis-store.js";
export type { DestroyAllOptions, ListedSession } from "./drop-in/many.js";
export type { Serializer, SessionRecord } from "./drop-in/options.js";
export type { UserId } from "./drop-in/user-id.js";
