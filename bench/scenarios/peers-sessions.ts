/** The contenders that keep sessions on a server, each doing what its library does for one request that reads its session. */
import { randomUUID } from "node:crypto";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { promisify } from "node:util";
import type { ClientContender, Opened, Place } from "../scenario.ts";
import { claimsOf, expectUser, SESSIONS, storeOptions } from "../subject.ts";

const users = Array.from({ length: SESSIONS }, (_, at) => `user${at}`);
const HOUR = 3600;

async function openCoatcheck(place: Place, touchInterval?: number): Promise<Opened> {
  const { createSessionStore } = await import("coatcheck");
  const { Redis } = await import("ioredis");
  const options = storeOptions(place.prefix);
  const store = createSessionStore(new Redis(place.urls[0] as string), {
    ...options,
    touchInterval: touchInterval ?? options.touchInterval,
  });
  const created = await Promise.all(users.map((userId) => store.create({ userId, claims: claimsOf(userId) })));
  const tokens = created.map(({ token }) => token);
  return { call: (turn) => store.touch(tokens[turn % SESSIONS]) };
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
  open: (place) => openCoatcheck(place, 0),
};

/** connect-redis with sessions in it, as express-session leaves them there. */
async function openConnectRedis(place: Place) {
  const { RedisStore } = await import("connect-redis");
  const { createClient } = await import("redis");
  const client = await createClient({ url: place.urls[0] as string }).connect();
  const store = new RedisStore({ client, prefix: place.prefix, ttl: HOUR });
  const sids = users.map(() => randomUUID());
  await Promise.all(
    users.map((userId, at) =>
      // The cookie's part of the record, as express-session stores it.
      store.set(
        sids[at] as string,
        {
          cookie: { originalMaxAge: null, httpOnly: true, path: "/" },
          userId,
          ...claimsOf(userId),
        } as never,
      ),
    ),
  );
  return { store, sids };
}

const connectRedis: ClientContender = {
  name: "connect-redis get + touch",
  does: "express-session's store on node-redis: GET, JSON.parse, EXPIRE; what express-session asks of it for each request",
  givesUp:
    "hashed ids, an absolute deadline, an index of a user's sessions; a late save brings a destroyed session back",
  open: async (place) => {
    const { store, sids } = await openConnectRedis(place);
    return {
      call: async (turn) => {
        const sid = sids[turn % SESSIONS] as string;
        const session = await store.get(sid);
        await store.touch(sid, session as never);
        return session;
      },
    };
  },
};

const connectRedisGet: ClientContender = {
  name: "connect-redis get",
  does: "the same with disableTouch: GET and JSON.parse alone",
  givesUp:
    "an idle deadline (a session ends a fixed time after it was last changed), hashed ids, an index of a user's sessions",
  open: async (place) => {
    const { store, sids } = await openConnectRedis(place);
    return { call: (turn) => store.get(sids[turn % SESSIONS] as string) };
  },
};

const fastifySession: ClientContender = {
  name: "@fastify/session",
  does: "its own code without HTTP, on connect-redis: unsign the cookie, GET, make the session, SET it again (rolling, the default)",
  givesUp:
    "as connect-redis; and every request writes the whole session back, so even a request that only reads revives one",
  open: async (place) => {
    const { store, sids } = await openConnectRedis(place);
    const { default: Fastify } = await import("fastify");
    const fastifyCookie = await import("@fastify/cookie");
    const { default: session } = await import("@fastify/session");
    const app = Fastify();
    const secret = "a secret of at least thirty-two characters";
    await app.register(fastifyCookie.default);
    await app.register(session, { secret, store: store as never, cookie: { secure: false } });
    await app.ready();
    const signer = new fastifyCookie.Signer(secret);
    const cookies = sids.map((sid) => signer.sign(sid));
    interface Request {
      session: { userId?: string; save(done: (error?: Error) => void): void } | null;
    }
    const load = (request: Request, value: string) =>
      new Promise<void>((resolve, reject) =>
        app.decryptSession(value, request as never, (error?: Error) => (error ? reject(error) : resolve())),
      );
    const call = async (turn: number) => {
      const request: Request = { session: null };
      await load(request, cookies[turn % SESSIONS] as string);
      const { session } = request;
      if (session === null) return null;
      await new Promise<void>((resolve, reject) => session.save((error) => (error ? reject(error) : resolve())));
      return session.userId;
    };
    expectUser("@fastify/session", await call(0));
    return { call };
  },
};

const koaSession: ClientContender = {
  name: "koa-session + koa-redis",
  does: "its own middleware without HTTP, on koa-redis (ioredis 4): GET, JSON.parse, a hash of the session before and after; no write",
  givesUp:
    "hashed ids, an absolute deadline, an index; the idle deadline moves only when the session changes or `renew` is set",
  open: async (place) => {
    const { default: Koa } = await import("koa");
    const { createSession } = await import("koa-session");
    const { default: koaRedis } = await import("koa-redis");
    // Its own ioredis 4, as it comes.
    const store = koaRedis({ url: place.urls[0] } as never) as {
      set(sid: string | undefined, session: object, ttl: number): Promise<void>;
    };
    const sids = users.map(() => `${place.prefix}${randomUUID()}`);
    const maxAge = HOUR * 1000;
    const _expire = Date.now() + maxAge;
    await Promise.all(
      users.map((userId, at) => store.set(sids[at], { userId, ...claimsOf(userId), _expire, _maxAge: maxAge }, maxAge)),
    );
    const app = new Koa();
    // A key of one's own instead of the cookie's: what a request would bring is handed over here.
    const externalKey = { get: (ctx: { sid?: string }) => ctx.sid, set: () => {} };
    const middleware = createSession({ store, externalKey, maxAge } as never, app as never);
    const request = new IncomingMessage(new Socket());
    request.url = "/";
    const response = new ServerResponse(request);
    const call = async (turn: number) => {
      const ctx = Object.assign(app.createContext(request, response), { sid: sids[turn % SESSIONS] });
      await middleware(ctx as never, async () => {});
      return (ctx as unknown as { session: { userId?: string } }).session.userId ?? null;
    };
    expectUser("koa-session", await call(0));
    return { call };
  },
};

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
      users.map((id) => sessions.create({ app, id, ip: "127.0.0.1", ttl: HOUR, d: { ...claimsOf(id) } })),
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
    for (const userId of users) {
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

/** connect-pg-simple with its table and sessions in it. */
async function openPgSimple(place: Place) {
  const { default: session } = await import("express-session");
  const { default: connectPgSimple } = await import("connect-pg-simple");
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString: place.postgres, max: 10 });
  const tableName = `session_${randomUUID().replaceAll("-", "")}`;
  // Its table.sql names the primary key "session_pkey", which a second table in the same schema could not have.
  await pool.query(
    `CREATE TABLE "${tableName}" (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);
     CREATE INDEX ON "${tableName}" (expire)`,
  );
  const store = new (connectPgSimple(session))({ pool, tableName, pruneSessionInterval: false });
  const get = promisify(store.get.bind(store)) as (sid: string) => Promise<unknown>;
  const set = promisify(store.set.bind(store)) as (sid: string, session: unknown) => Promise<void>;
  const touch = promisify(store.touch?.bind(store) as never) as (sid: string, session: unknown) => Promise<void>;
  const sids = users.map(() => randomUUID());
  const cookie = { originalMaxAge: null, httpOnly: true, path: "/" };
  await Promise.all(users.map((userId, at) => set(sids[at] as string, { cookie, userId, ...claimsOf(userId) })));
  return { get, touch, sids };
}

const pgSimple: ClientContender = {
  name: "connect-pg-simple get + touch",
  does: "express-session's store on PostgreSQL: SELECT by primary key, then UPDATE of the deadline, committed to disk",
  givesUp:
    "hashed ids, an index of a user's sessions, a deadline of the call; a late save brings a destroyed session back",
  open: async (place) => {
    const { get, touch, sids } = await openPgSimple(place);
    return {
      call: async (turn) => {
        const sid = sids[turn % SESSIONS] as string;
        const session = await get(sid);
        await touch(sid, session);
        return session;
      },
    };
  },
};

const pgSimpleGet: ClientContender = {
  name: "connect-pg-simple get",
  does: "the same with disableTouch: the SELECT alone",
  givesUp: "an idle deadline, hashed ids, an index of a user's sessions",
  open: async (place) => {
    const { get, sids } = await openPgSimple(place);
    return { call: (turn) => get(sids[turn % SESSIONS] as string) };
  },
};

export const sessionStores: readonly ClientContender[] = [
  connectRedis,
  connectRedisGet,
  fastifySession,
  koaSession,
  redisSessions,
  betterAuth,
  pgSimple,
  pgSimpleGet,
];
