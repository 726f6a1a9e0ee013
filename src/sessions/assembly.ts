/**
 * Puts a session store together: the client's door, the options, the verbs, watches and the near cache. The contract is in
 * `store.ts`, the options are in `options.ts`, the verbs themselves in `verbs/`, one subject a file.
 */
import { mintToken, randomBucket } from "../leaves/token.js";
import { traced } from "../leaves/tracing.js";
import { portOf, type RedisClient } from "../redis/clients/supported.js";
import { RedisDoor } from "../redis/redis-door.js";
import { Subscription } from "../redis/subscription.js";
import { judgeFacts } from "./check.js";
import type { Context } from "./context.js";
import { Events } from "./events.js";
import { Keys } from "./keys.js";
import { memoriesOn } from "./near/memories.js";
import { NO_NEAR, openNear } from "./near/near.js";
import type { NearCache } from "./near/near-cache.js";
import { askToPublish, judgePushes } from "./near/near-findings.js";
import { resolveNear } from "./near/near-options.js";
import { doubting } from "./near/own-writes.js";
import { resolveOptions, type SessionStoreOptions } from "./options.js";
import { outagesToldBy } from "./outages.js";
import { scriptCommands } from "./script-commands.js";
import { type SightingStore, type Sightings, sightings } from "./sightings.js";
import type { SessionStore } from "./store.js";
import { blockUser, getBlock, unblockUser } from "./verbs/block.js";
import { create } from "./verbs/create.js";
import { listForUser } from "./verbs/list.js";
import { explain, find, get, sight } from "./verbs/look-up.js";
import { revoke, revokeAllForUser } from "./verbs/revoke.js";
import { revokeAll } from "./verbs/revoke-all.js";
import { rotate } from "./verbs/rotate.js";
import { paceOf, touch } from "./verbs/touch.js";
import { updateClaims } from "./verbs/update.js";
import { updateClaimsForUser } from "./verbs/update-user.js";
import { watchesOf } from "./watching/store-watches.js";

/**
 * Makes a session store on a Redis client, which stays yours: the store never closes it, and only listens for lost connections.
 * Does no I/O. Throws `TypeError` and `RangeError` for wrong options.
 * @example const store = createSessionStore(new Redis(), { idleTimeout: 15 * 60_000 });
 */
export function createSessionStore<Claims extends object = Record<string, unknown>>(
  redis: RedisClient,
  options: SessionStoreOptions<Claims> = {},
): SessionStore<Claims> {
  const client = portOf("the first argument of createSessionStore", redis);
  const resolved = resolveOptions(options);
  const nearby = resolveNear(options.near, redis, client);
  const { prefix, timeout, replicas } = resolved;
  const memories = memoriesOn(client, prefix);
  const cx: Context<Claims> = {
    redis: new RedisDoor(client, timeout, replicas),
    keys: new Keys(prefix),
    events: new Events(),
    options: resolved,
    pace: paceOf(resolved),
    forget: (id) => {
      for (const memory of memories) memory.forget(id);
    },
  };
  const subscription = new Subscription(client, nearby?.subscriber);
  const watches = watchesOf(cx, subscription);
  const near = nearby && openNear(cx, subscription, nearby);
  if (near !== undefined) memories.add(near.cache);
  const traces = { of: "sessions", failures: outagesToldBy(cx.events) } as const;
  const direct: Verbs<Claims> = {
    create: (options) => create(cx, options),
    touch: async (token) => (await touch(cx, token))?.session ?? null,
    get: (token) => get(cx, token),
    updateClaims: (target, change) => updateClaims(cx, target, change),
    updateClaimsForUser: (userId, patch) => updateClaimsForUser(cx, userId, patch),
    rotate: (token, options) => rotate(cx, token, options),
    revoke: (target, options) => revoke(cx, target, options),
    revokeAllForUser: (userId, options) => revokeAllForUser(cx, userId, options),
    revokeAll: (options) => revokeAll(cx, options),
    listForUser: (userId) => listForUser(cx, userId),
    find: (id) => find(cx, id),
    explain: (token) => explain(cx, token),
    blockUser: (userId, options) => blockUser(cx, userId, options),
    unblockUser: (userId) => unblockUser(cx, userId),
    getBlock: (userId) => getBlock(cx, userId),
    watch: (target, options) => watches.watch(target, options),
    check: async () => {
      const deadline = cx.redis.deadline();
      const facts = await cx.redis.inspect(deadline, {
        key: cx.keys.session(mintToken(randomBucket()).id),
        inScripts: scriptCommands(nearby !== undefined),
        wait: replicas !== undefined,
      });
      const pushes = await askToPublish(cx, deadline, nearby && subscription, nearby?.lease);
      return judgeFacts(facts, client, replicas?.count ?? 0, judgePushes(pushes, nearby));
    },
  };
  const asked = { touch: (token: string) => touch(cx, token), get: (token: string) => sight(cx, token) };
  const verbs = traced(traces, near === undefined ? direct : { ...direct, ...nearVerbs(near.cache, direct) });
  const sighted = traced({ ...traces, isAbsent: isGone }, near === undefined ? asked : nearSights(near.cache, asked));
  const peek = (token: unknown) => near?.cache.peek(token);
  const close = () => {
    watches.close();
    near?.close();
    if (near !== undefined) memories.delete(near.cache);
    return subscription.close();
  };
  return Object.freeze<SightingStore<Claims>>({
    ...verbs,
    peek,
    events: cx.events,
    near: near?.status ?? NO_NEAR,
    close,
    [Symbol.asyncDispose]: close,
    [sightings]: {
      verbs: { ...verbs, peek },
      timeouts: resolved,
      ...sighted,
      ask: asked.get,
      memory: near?.cache,
    },
  });
}

/** The verbs that the memory of this process answers, and those that it must hear of. */
function nearVerbs<Claims extends object>(cache: NearCache<Claims>, direct: Verbs<Claims>): Partial<Verbs<Claims>> {
  return {
    ...doubting(
      direct,
      (id, userId) => cache.doubt(id, userId),
      () => cache.flush(),
    ),
    touch: (token) => cache.touch(token),
    get: (token) => {
      const seen = cache.glance(token);
      return seen === undefined ? direct.get(token) : Promise.resolve(seen.session);
    },
  };
}

/** The same for the HTTP kit. */
function nearSights<Claims extends object>(
  cache: NearCache<Claims>,
  { get }: Pick<Sightings<Claims>, "get">,
): Pick<Sightings<Claims>, "touch" | "get"> {
  return {
    touch: (token) => cache.sight(token),
    get: (token) => {
      const seen = cache.glance(token);
      return seen === undefined ? get(token) : Promise.resolve(seen);
    },
  };
}

/** Whether a lookup has found no live session, even if it tells why. */
function isGone(seen: unknown): boolean {
  return seen === null || (typeof seen === "object" && "session" in seen && seen.session === null);
}

/** The verbs of a store that ask Redis: each of them is traced. */
type Verbs<Claims extends object> = Omit<
  SessionStore<Claims>,
  "events" | "peek" | "near" | "close" | typeof Symbol.asyncDispose
>;
