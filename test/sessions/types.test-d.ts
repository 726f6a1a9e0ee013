/** What TypeScript accepts, infers and refuses. Nothing here runs: the type checker is the judge. */
import { Cluster, Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { Cluster as Cluster6, Redis as Redis6 } from "ioredis6";
import { Redis as Valkey, Cluster as ValkeyCluster } from "iovalkey";
import {
  createClient,
  createClientPool,
  createCluster,
  createSentinel,
  defineScript,
  RESP_TYPES,
  type RedisClientPoolType,
  type RedisClientType,
  type RedisClusterType,
  type RedisSentinelType,
} from "redis";
import { createClient as createClient5, createCluster as createCluster5 } from "redis5";
import * as v from "valibot";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  type Block,
  type CheckReport,
  ClaimsError,
  type ClaimsPatch,
  type Client,
  createSessionStore,
  type IssuedSession,
  isSessionError,
  type RedisClient,
  type RejectionReason,
  type RevocationReason,
  type Session,
  type SessionError,
  type SessionStore,
} from "../../src/index.js";

declare const redis: Redis;

/** An interface has no index signature, unlike a type literal: it must do all the same. */
interface Claims {
  role: "admin" | "user";
  visits?: number;
  nick: string | null;
}

describe("the client", () => {
  it("may be a Redis or a Cluster of ioredis 5 or 6, of iovalkey, or an ioredis-mock", () => {
    createSessionStore(new Redis());
    createSessionStore(new Cluster([]));
    createSessionStore(new Redis6());
    createSessionStore(new Cluster6([]));
    createSessionStore(new Valkey());
    createSessionStore(new ValkeyCluster([]));
    createSessionStore(new RedisMock());
    createSessionStore(new RedisMock.Cluster([]));
    expectTypeOf<Redis>().toExtend<RedisClient>();
    expectTypeOf<Redis6>().toExtend<RedisClient>();
    expectTypeOf<Cluster6>().toExtend<RedisClient>();
  });

  it("may be any client of node-redis 5 or 6: of any kind, with scripts, and with any RESP and type mapping", () => {
    const rootNodes = [{ url: "redis://localhost" }];
    const sentinel = { name: "main", sentinelRootNodes: [{ host: "localhost", port: 26379 }] };
    const text = { [RESP_TYPES.BLOB_STRING]: Buffer };
    const first = defineScript({
      SCRIPT: "return 1",
      NUMBER_OF_KEYS: 1,
      parseCommand: (parser, key: string) => parser.pushKey(key),
      transformReply: undefined as unknown as () => number,
    });
    const made = createClient({ RESP: 3, scripts: { first }, commandOptions: { typeMapping: text } });
    createSessionStore(made, { near: { subscriber: made.duplicate() } });
    createSessionStore(createClient({ RESP: 2 }).withTypeMapping(text));
    createSessionStore(createClientPool());
    createSessionStore(createCluster({ rootNodes, scripts: { first } }));
    createSessionStore(createSentinel(sentinel));
    const made5 = createClient5();
    createSessionStore(made5, { near: { subscriber: made5.duplicate() } });
    createSessionStore(createCluster5({ rootNodes }));
    expectTypeOf<ReturnType<typeof createClient>>().toExtend<RedisClient>();
    expectTypeOf<RedisClientType>().toExtend<RedisClient>();
    expectTypeOf<RedisClusterType>().toExtend<RedisClient>();
    expectTypeOf<RedisSentinelType>().toExtend<RedisClient>();
    expectTypeOf<RedisClientPoolType>().toExtend<RedisClient>();
  });

  it("may not be what looks like one of node-redis", () => {
    const client = createClient();
    // @ts-expect-error: in legacy mode it has no promises.
    createSessionStore(client.legacy());
    // @ts-expect-error: a transaction.
    createSessionStore(client.multi());
    // @ts-expect-error: a promise.
    createSessionStore(client.connect());
    // @ts-expect-error: what a sentinel lends, without events.
    createSessionStore({} as Parameters<Parameters<RedisSentinelType["use"]>[0]>[0]);
    // @ts-expect-error: a pool hears on several connections.
    createSessionStore(client, { near: { subscriber: createClientPool() } });
    // @ts-expect-error: a cluster too.
    createSessionStore(client, { near: { subscriber: {} as RedisClusterType } });
    // @ts-expect-error: and a sentinel.
    createSessionStore(client, { near: { subscriber: {} as RedisSentinelType } });
  });

  it("may not be anything else", () => {
    // @ts-expect-error: a URL is no client.
    createSessionStore("redis://localhost");
    // @ts-expect-error: the client is not optional.
    createSessionStore();
    // @ts-expect-error: an object without commands is no client.
    createSessionStore({ options: {} });
    // @ts-expect-error: a client of node-redis has other methods.
    createSessionStore({ evalSha: async () => null, eval: async () => null });
  });
});

describe("the options", () => {
  it("are those that are documented", () => {
    createSessionStore(redis, {
      onSessionLimit: "evict-idle",
      replicas: { count: 1, timeout: 100 },
      prefix: undefined,
    });
    // @ts-expect-error: there is no such option.
    createSessionStore(redis, { ttl: 1000 });
    // @ts-expect-error: there is no such policy.
    createSessionStore(redis, { onSessionLimit: "evict" });
    // @ts-expect-error: durations are numbers.
    createSessionStore(redis, { idleTimeout: "30m" });
    // @ts-expect-error: replicas need a timeout.
    createSessionStore(redis, { replicas: { count: 1 } });
    // @ts-expect-error: an object is no schema.
    createSessionStore(redis, { claims: { role: "string" } });
  });
});

describe("claims", () => {
  it("are anything by name where nothing is said of them", () => {
    const store = createSessionStore(redis);
    expectTypeOf(store).toEqualTypeOf<SessionStore<Record<string, unknown>>>();
    expectTypeOf<Session["claims"]["anything"]>().toEqualTypeOf<unknown>();
  });

  it("have the type that is given", () => {
    const store = createSessionStore<Claims>(redis);
    expectTypeOf(store).toEqualTypeOf<SessionStore<Claims>>();
    expectTypeOf(store.get).returns.resolves.toEqualTypeOf<Session<Claims> | null>();
    expectTypeOf<Session<Claims>["claims"]>().toEqualTypeOf<Readonly<Claims>>();
    store.create({ claims: { role: "admin", nick: null } });
    // @ts-expect-error: nick is missing.
    store.create({ claims: { role: "admin" } });
    // @ts-expect-error: there is no such role.
    store.create({ claims: { role: "root", nick: null } });
    // @ts-expect-error: there is no such claim.
    store.create({ claims: { role: "admin", nick: null, extra: 1 } });
  });

  it("have the type that a schema of zod or valibot makes of them", () => {
    const zodSchema = z.object({ role: z.enum(["admin", "user"]), visits: z.string().transform(Number) });
    const byZod = createSessionStore(redis, { claims: zodSchema });
    expectTypeOf(byZod).toEqualTypeOf<SessionStore<{ role: "admin" | "user"; visits: number }>>();

    const byValibot = createSessionStore(redis, {
      claims: v.object({ role: v.picklist(["admin", "user"]), visits: v.optional(v.number()) }),
    });
    expectTypeOf(byValibot).toEqualTypeOf<SessionStore<{ role: "admin" | "user"; visits?: number | undefined }>>();
    // @ts-expect-error: there is no such role.
    byValibot.create({ claims: { role: "root" } });
  });

  it("cannot be a schema of something that is no object", () => {
    // @ts-expect-error: claims have names.
    createSessionStore(redis, { claims: z.string() });
    // @ts-expect-error: the type that is given and that of the schema differ.
    createSessionStore<Claims>(redis, { claims: z.object({ role: z.number() }) });
  });
});

describe("a patch", () => {
  const store = createSessionStore<Claims>(redis);

  it("names some claims; undefined removes one", () => {
    expectTypeOf<ClaimsPatch<Claims>>().toEqualTypeOf<{
      readonly role?: "admin" | "user" | undefined;
      readonly visits?: number | undefined;
      readonly nick?: string | null | undefined;
    }>();
    store.updateClaims("token", {});
    store.updateClaims("token", { visits: undefined, nick: null });
    store.updateClaimsForUser("ada", { role: "admin" });
    store.rotate("token", { claims: { nick: "Ada" } });
    // @ts-expect-error: there is no such role.
    store.updateClaims("token", { role: "root" });
    // @ts-expect-error: there is no such claim.
    store.updateClaims("token", { rolle: "admin" });
    // @ts-expect-error: null is no number.
    store.updateClaimsForUser("ada", { visits: null });
    // @ts-expect-error: there is no such claim.
    store.rotate("token", { claims: { extra: 1 } });
    // @ts-expect-error: a function has one session's claims to see, not many.
    store.updateClaimsForUser("ada", () => ({}));
  });

  it("can come from a function of the claims, now or later", () => {
    store.updateClaims("token", (claims) => {
      expectTypeOf(claims).toEqualTypeOf<Readonly<Claims>>();
      return { visits: (claims.visits ?? 0) + 1 };
    });
    store.updateClaims("token", async ({ role }) => ({ nick: role }));
    store.updateClaims("token", (claims) => {
      // @ts-expect-error: the claims are not to be changed in place.
      claims.role = "admin";
      return {};
    });
    // @ts-expect-error: a function must give a patch.
    store.updateClaims("token", () => undefined);
    // @ts-expect-error: there is no such role.
    store.updateClaims("token", () => ({ role: "root" }));
  });
});

describe("a session", () => {
  it("is readonly all over", () => {
    const session = {} as Session<Claims>;
    expectTypeOf<Session<Claims>>().toEqualTypeOf<Readonly<Session<Claims>>>();
    expectTypeOf<Client>().toEqualTypeOf<Readonly<Client>>();
    // @ts-expect-error: readonly.
    session.userId = "eve";
    // @ts-expect-error: readonly.
    session.claims.role = "admin";
    // @ts-expect-error: readonly.
    session.client.ip = "::1";
    // @ts-expect-error: a session has no token.
    session.token;
  });

  it("has a user or is a guest's", () => {
    expectTypeOf<Session["userId"]>().toEqualTypeOf<string | null>();
    expectTypeOf<Session["authenticatedAt"]>().toEqualTypeOf<number | null>();
    expectTypeOf<Session["expiresAt"]>().toEqualTypeOf<number>();
  });
});

describe("the verbs", () => {
  const store = createSessionStore<Claims>(redis);

  it("give what they are documented to give", () => {
    expectTypeOf(store.create).returns.resolves.toEqualTypeOf<IssuedSession<Claims>>();
    expectTypeOf(store.touch).returns.resolves.toEqualTypeOf<Session<Claims> | null>();
    expectTypeOf(store.find).returns.resolves.toEqualTypeOf<Session<Claims> | null>();
    expectTypeOf(store.updateClaims).returns.resolves.toEqualTypeOf<Session<Claims> | null>();
    expectTypeOf(store.updateClaimsForUser).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(store.rotate).returns.resolves.toEqualTypeOf<IssuedSession<Claims> | null>();
    expectTypeOf(store.revoke).returns.resolves.toEqualTypeOf<boolean>();
    expectTypeOf(store.revokeAllForUser).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(store.listForUser).returns.resolves.toEqualTypeOf<Session<Claims>[]>();
    expectTypeOf(store.blockUser).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(store.unblockUser).returns.resolves.toEqualTypeOf<boolean>();
    expectTypeOf(store.getBlock).returns.resolves.toEqualTypeOf<Block | null>();
    expectTypeOf(store.check).returns.resolves.toEqualTypeOf<CheckReport>();
  });

  it("take any value for a token, as it comes from a request", () => {
    expectTypeOf(store.get).parameter(0).toEqualTypeOf<unknown>();
    expectTypeOf(store.touch).parameter(0).toEqualTypeOf<unknown>();
    expectTypeOf(store.rotate).parameter(0).toEqualTypeOf<unknown>();
  });

  it("take no object where they end, change or find a session by its token or id", () => {
    const session = {} as Session<Claims>;
    const issued = {} as IssuedSession<Claims>;
    const cookies = {} as Record<string, string>;
    store.revoke(issued.token);
    store.revoke(cookies["session"]);
    store.revoke(null);
    store.find(session.id);
    store.updateClaims(cookies["session"], {});
    // @ts-expect-error: a session is no token; its id will do.
    store.revoke(session);
    // @ts-expect-error: what create returns is no token; its token will do.
    store.revoke(issued);
    // @ts-expect-error: a promise of a token is none.
    store.revoke(Promise.resolve("token"));
    // @ts-expect-error: a header that came twice.
    store.revoke(["token"]);
    // @ts-expect-error: a session is no token.
    store.updateClaims(session, {});
    // @ts-expect-error: what create returns is no token.
    store.updateClaims(issued, () => ({}));
    // @ts-expect-error: a session is no id.
    store.find(session);
    // @ts-expect-error: what create returns is no id.
    store.find(issued);
    // @ts-expect-error: a session is no token.
    store.revokeAllForUser("ada", { except: session });
    // @ts-expect-error: an object is no user id.
    store.listForUser(session);
    // @ts-expect-error: an object is no user id.
    store.blockUser(session);
  });

  it("refuse options that they do not have", () => {
    // @ts-expect-error: the option is called userId.
    store.create({ user: "ada" });
    // @ts-expect-error: a user id is a string.
    store.create({ userId: 42 });
    // @ts-expect-error: an instant is a number.
    store.blockUser("ada", { until: new Date() });
    // @ts-expect-error: the option is called except.
    store.revokeAllForUser("ada", { exept: "id" });
    // @ts-expect-error: the user is not optional.
    store.revokeAllForUser();
  });
});

describe("events and errors", () => {
  it("have typed payloads", () => {
    const { events } = createSessionStore(redis);
    events.on("revoked", ({ id, userId, reason }) => {
      expectTypeOf(id).toEqualTypeOf<string>();
      expectTypeOf(userId).toEqualTypeOf<string | null>();
      expectTypeOf(reason).toEqualTypeOf<RevocationReason>();
    });
    events.on("rejected", ({ id, reason }) => {
      expectTypeOf(id).toEqualTypeOf<string | null>();
      expectTypeOf(reason).toEqualTypeOf<RejectionReason>();
    });
    events.on("created", (payload) => {
      // @ts-expect-error: no payload has a token.
      payload.token;
    });
  });

  it("are told apart by class and by isSessionError", () => {
    const caught = {} as unknown;
    if (isSessionError(caught)) expectTypeOf(caught).toEqualTypeOf<SessionError>();
    if (caught instanceof ClaimsError) {
      expectTypeOf(caught.issues[0]?.path).toEqualTypeOf<readonly PropertyKey[] | undefined>();
    }
    expectTypeOf<ClaimsError>().toExtend<SessionError>();
    expectTypeOf<SessionError["code"]>().toEqualTypeOf<string>();
  });
});
