/** The contenders that keep sessions on a server, each doing what its library does for one request that reads its session. */
import type { SessionStoreOptions } from "coatcheck";
import type { ClientContender, Opened, Place } from "../scenario.ts";
import { CALL_TIMEOUT, type Claims, claimsOf, expectUser, SESSIONS, storeOptions, USERS } from "../subject.ts";
import { CONNECT_REDIS, expressStore, OURS_ON_IOREDIS, OURS_ON_NODE_REDIS, pgSimple } from "./express-stores.ts";
import { GIVES_UP, LONG_LEASE, warm } from "./near-lookups.ts";
import { fastifySession, koaSession } from "./session-middleware.ts";

const HOUR = 3600;

async function openCoatcheck(place: Place, own: SessionStoreOptions<Claims> = {}): Promise<Opened> {
  const { createSessionStore } = await import("coatcheck");
  const { Redis } = await import("ioredis");
  const store = createSessionStore(new Redis(place.urls[0] as string), { ...storeOptions(place.prefix), ...own });
  const created = await Promise.all(USERS.map((userId) => store.create({ userId, claims: claimsOf(userId) })));
  const tokens = created.map(({ token }) => token);
  return {
    call: (turn) => store.touch(tokens[turn % SESSIONS]),
    ...(own.near && { prepare: () => warm(store, tokens) }),
  };
}

export const coatcheckTouch: ClientContender = {
  name: "coatcheck touch",
  does: "coatcheck: the session, and its idle deadline slid where that is due (once a minute by default; not here)",
  ours: true,
  open: (place) => openCoatcheck(place),
};

export const coatcheckWriting: ClientContender = {
  name: "coatcheck touch, writing",
  does: "coatcheck: the same with the deadline slid by every single request, as the others do it",
  ours: true,
  open: (place) => openCoatcheck(place, { touchInterval: 0 }),
};

export const coatcheckNear: ClientContender = {
  name: "coatcheck touch, near",
  does: "coatcheck with the option near: the session from the memory of the process, which hears of every change",
  givesUp: GIVES_UP,
  ours: true,
  open: (place) => openCoatcheck(place, { near: { maxEntries: SESSIONS, lease: LONG_LEASE } }),
};

const READING_REVIVES =
  "as connect-redis; and every request writes the whole session back, so even a request that only reads revives one";
const KOA =
  "its own middleware without HTTP: GET, JSON.parse, a hash of the session before and after; no write. Its store:";

const koaRedis = koaSession(
  "koa-session + koa-redis",
  async ({ urls }) => {
    const { default: koaRedis } = await import("koa-redis");
    // Its own ioredis 4, as it comes.
    return koaRedis({ url: urls[0] } as never) as never;
  },
  {
    does: `${KOA} koa-redis on ioredis 4, which it brings along`,
    givesUp:
      "hashed ids, an absolute deadline, an index; the idle deadline moves only when the session changes or `renew` is set",
  },
);

const koaOurs = koaSession(
  "koa-session + coatcheck",
  async ({ urls }) => {
    const { RedisStore } = await import("coatcheck/koa-session");
    const { Redis } = await import("ioredis");
    return new RedisStore({ client: new Redis(urls[0] as string) as never, timeout: CALL_TIMEOUT });
  },
  { does: `${KOA} our drop-in store on ioredis`, ours: true, notInQuick: true },
);

const redisSessions: ClientContender = {
  name: "redis-sessions",
  does: "HMGET, then a transaction that counts the read and notes the time",
  givesUp: "unguessable tokens (Math.random), a TTL on its keys, one round trip",
  open: async (place) => {
    const { default: imported } = await import("redis-sessions");
    // A CommonJS module with a default export of its own.
    const RedisSessions = ((imported as { default?: unknown }).default ?? imported) as typeof imported;
    const { hostname, port } = new URL(place.urls[0] as string);
    const sessions = new RedisSessions({
      host: hostname,
      port: Number(port || 6379),
      namespace: place.prefix.slice(0, -1),
      // It would delete what has timed out now and then, in the middle of a round.
      wipe: 0,
      options: { url: place.urls[0] as string },
    });
    const app = "bench";
    const created = await Promise.all(
      USERS.map((id) => sessions.create({ app, id, ip: "127.0.0.1", ttl: HOUR, d: { ...claimsOf(id) } })),
    );
    return { call: (turn) => sessions.get({ app, token: created[turn % SESSIONS]?.token as string }) };
  },
};

const betterAuth: ClientContender = {
  name: "better-auth (Redis storage)",
  does: "its internal adapter's findSession on ioredis: GET of session and user, GET of the user's revocation mark, dates and fields rebuilt",
  givesUp: "hashed tokens, one round trip, an index that survives two log-ins at once",
  open: async (place) => {
    const { betterAuth } = await import("better-auth");
    const { memoryAdapter } = await import("better-auth/adapters/memory");
    const { Redis } = await import("ioredis");
    const redis = new Redis(place.urls[0] as string);
    const tables: Record<string, Record<string, unknown>[]> = { user: [], session: [], account: [], verification: [] };
    const auth = betterAuth({
      secret: "a secret for a benchmark of at least 32 characters",
      baseURL: "http://127.0.0.1",
      database: memoryAdapter(tables),
      user: {
        additionalFields: { user_name: { type: "string" }, role: { type: "string" } },
      },
      secondaryStorage: {
        get: (key) => redis.get(place.prefix + key),
        set: async (key, value, ttl) => {
          await (ttl ? redis.set(place.prefix + key, value, "EX", ttl) : redis.set(place.prefix + key, value));
        },
        delete: async (key) => void (await redis.del(place.prefix + key)),
        getAndDelete: (key) => redis.getdel(place.prefix + key),
        increment: async (key, ttl) => {
          const [[, count] = []] =
            (await redis
              .multi()
              .incr(place.prefix + key)
              .expire(place.prefix + key, ttl, "NX")
              .exec()) ?? [];
          return Number(count);
        },
      },
      telemetry: { enabled: false },
    });
    const { internalAdapter } = await auth.$context;
    const tokens: string[] = [];
    for (const userId of USERS) {
      const { user_name, email, role } = claimsOf(userId);
      const user = await internalAdapter.createUser(
        { name: userId, email, emailVerified: true, user_name, role } as never,
        undefined as never,
      );
      const session = await internalAdapter.createSession(user.id);
      tokens.push(session.token);
    }
    const call = (turn: number) => internalAdapter.findSession(tokens[turn % SESSIONS] as string);
    expectUser("better-auth", (await call(0))?.user.name);
    return { call };
  },
};

const PG = "express-session's store on PostgreSQL: SELECT by primary key, then UPDATE of the deadline";

export const sessionStores: readonly ClientContender[] = [
  expressStore("connect-redis get + touch", CONNECT_REDIS, "get + touch"),
  expressStore("connect-redis get", CONNECT_REDIS, "get", {
    does: "the same with disableTouch: GET and JSON.parse alone",
    givesUp:
      "an idle deadline (a session ends a fixed time after it was last changed), hashed ids, an index of a user's sessions",
    notInQuick: true,
  }),
  expressStore("coatcheck/express-session, ioredis", OURS_ON_IOREDIS, "get + touch"),
  expressStore("coatcheck/express-session, node-redis", OURS_ON_NODE_REDIS, "get + touch"),
  fastifySession("@fastify/session + connect-redis", CONNECT_REDIS, { givesUp: READING_REVIVES }),
  fastifySession("@fastify/session + coatcheck", OURS_ON_NODE_REDIS, { notInQuick: true }),
  koaRedis,
  koaOurs,
  redisSessions,
  betterAuth,
  expressStore("connect-pg-simple get + touch", pgSimple(`${PG}, committed to disk`, ""), "get + touch"),
  expressStore(
    "connect-pg-simple get + touch, asynchronous commit",
    pgSimple(
      `${PG}, with synchronous_commit off: the disk hears of it within a second, as with Redis here`,
      "-c synchronous_commit=off",
    ),
    "get + touch",
  ),
  expressStore("connect-pg-simple get", pgSimple("the same with disableTouch: the SELECT alone", ""), "get", {
    givesUp: "an idle deadline, hashed ids, an index of a user's sessions",
    notInQuick: true,
  }),
];
