/**
 * Stores with the contract of express-session, asked as express-session asks them: by callback, and with a session object
 * made of what came. Peers and ours go through the same lines, so that nobody is asked for more than another.
 */
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import type { ClientContender, Opened, Place } from "../scenario.ts";
import { CALL_TIMEOUT, claimsOf, SESSIONS, USERS } from "../subject.ts";

/** What express-session sends to a store for a request that changes nothing. With `disableTouch` it is the first alone. */
export type Asked = "get" | "get + touch";

type Callback = (error: unknown, result?: unknown) => void;

export interface ExpressStore {
  get(sid: string, callback: Callback): void;
  set(sid: string, session: never, callback?: Callback): unknown;
  touch(sid: string, session: never, callback?: Callback): unknown;
  createSession(request: object, data: never): unknown;
}

/** A store, with what is known of it. */
export interface StoreKind {
  readonly does: string;
  readonly givesUp?: string;
  readonly ours?: true;
  open(place: Place): Promise<ExpressStore>;
}

const HOUR = 3600;
/** As `cookie: { maxAge }` makes it: a session without one ends with the browser, and has no idle deadline of its own. */
const newCookie = () => ({
  originalMaxAge: HOUR * 1000,
  expires: new Date(Date.now() + HOUR * 1000),
  httpOnly: true,
  path: "/",
});

async function onNodeRedis({ urls }: Place) {
  const { createClient } = await import("redis");
  return createClient({ url: urls[0] as string }).connect();
}

async function onIoredis({ urls }: Place) {
  const { Redis } = await import("ioredis");
  return new Redis(urls[0] as string);
}

async function ours(client: unknown, prefix: string): Promise<ExpressStore> {
  const { RedisStore } = await import("coatcheck/express-session");
  return new RedisStore({
    client: client as never,
    prefix,
    ttl: HOUR,
    timeout: CALL_TIMEOUT,
  }) as unknown as ExpressStore;
}

const OLD_STORES_GIVE_UP =
  "hashed ids, an absolute deadline, an index of a user's sessions; a late save brings a destroyed session back";
const OURS =
  "our drop-in store: a session that was destroyed stays so, and no update is lost; ids in clear, as connect-redis has them";

export const CONNECT_REDIS: StoreKind = {
  does: "express-session's usual store, version 9, which takes node-redis only: GET, JSON.parse, EXPIRE",
  givesUp: OLD_STORES_GIVE_UP,
  async open(place) {
    const { RedisStore } = await import("connect-redis");
    const client = await onNodeRedis(place);
    return new RedisStore({ client, prefix: place.prefix, ttl: HOUR }) as unknown as ExpressStore;
  },
};

/** The last version that has no quarrel with ioredis. */
export const CONNECT_REDIS_7: StoreKind = {
  does: "express-session's usual store, version 7, on ioredis: GET, JSON.parse, EXPIRE",
  givesUp: OLD_STORES_GIVE_UP,
  async open(place) {
    const { default: RedisStore } = await import("connect-redis7");
    return new RedisStore({ client: await onIoredis(place), prefix: place.prefix, ttl: HOUR }) as never;
  },
};

export const OURS_ON_IOREDIS: StoreKind = {
  does: `${OURS}; on ioredis`,
  ours: true,
  open: async (place) => ours(await onIoredis(place), place.prefix),
};

export const OURS_ON_NODE_REDIS: StoreKind = {
  does: `${OURS}; on node-redis`,
  ours: true,
  open: async (place) => ours(await onNodeRedis(place), place.prefix),
};

/** connect-pg-simple with a table of its own. `settings` are PostgreSQL's, for its connections. */
export function pgSimple(does: string, settings: string): StoreKind {
  return {
    does,
    givesUp:
      "hashed ids, an index of a user's sessions, a deadline of the call; a late save brings a destroyed session back",
    async open({ postgres }) {
      const { default: session } = await import("express-session");
      const { default: connectPgSimple } = await import("connect-pg-simple");
      const { default: pg } = await import("pg");
      const pool = new pg.Pool({ connectionString: postgres, max: 10, options: settings });
      const tableName = `session_${randomUUID().replaceAll("-", "")}`;
      // Its table.sql names the primary key "session_pkey", which a second table in the same schema could not have.
      await pool.query(
        `CREATE TABLE "${tableName}" (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);
         CREATE INDEX ON "${tableName}" (expire)`,
      );
      return new (connectPgSimple(session))({ pool, tableName, pruneSessionInterval: false }) as never;
    },
  };
}

/** A store with sessions in it, under ids of its own. */
export async function filled<Store extends Pick<ExpressStore, "set">>(
  store: Store,
): Promise<{ store: Store; sids: string[] }> {
  const sids = USERS.map(() => randomUUID());
  const set = promisify(store.set.bind(store)) as (sid: string, session: unknown) => Promise<unknown>;
  await Promise.all(
    USERS.map((userId, at) => set(sids[at] as string, { cookie: newCookie(), userId, ...claimsOf(userId) })),
  );
  return { store, sids };
}

/** A contender that asks a store. */
export function expressStore(
  name: string,
  kind: StoreKind,
  asked: Asked,
  rest: Partial<ClientContender> = {},
): ClientContender {
  const { does, givesUp, ours } = kind;
  return {
    name,
    does,
    ...(givesUp && { givesUp }),
    ...(ours && { ours }),
    ...rest,
    open: async (place) => ask(await kind.open(place), asked),
  };
}

async function ask(opened: ExpressStore, asked: Asked): Promise<Opened> {
  const { default: session } = await import("express-session");
  // The middleware puts something on its store that ours makes sessions with.
  session({ store: opened as never, secret: "unused", resave: false, saveUninitialized: false });
  const { store, sids } = await filled(opened);
  const load = (sid: string) =>
    new Promise<{ touch(): void } | null>((resolve, reject) => {
      store.get(sid, (error, data) => {
        if (error) return reject(error);
        if (!data) return resolve(null);
        const request = { sessionID: sid, sessionStore: store };
        resolve(store.createSession(request, data as never) as { touch(): void });
      });
    });
  const sidOf = (turn: number) => sids[turn % SESSIONS] as string;
  if (asked === "get") return { call: (turn) => load(sidOf(turn)) };
  const touch = (sid: string, session: unknown) =>
    new Promise<void>((resolve, reject) => {
      store.touch(sid, session as never, (error) => (error ? reject(error) : resolve()));
    });
  return {
    call: async (turn) => {
      const sid = sidOf(turn);
      const session = await load(sid);
      if (session === null) return null;
      // The idle deadline in the cookie.
      session.touch();
      await touch(sid, session);
      return session;
    },
  };
}
