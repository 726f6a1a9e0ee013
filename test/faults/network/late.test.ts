/**
 * Commands whose calls have long been rejected, and that run when the outage is over: a client cannot take them back. What
 * another process was told meanwhile must hold, whatever then arrives.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis as Redis5 } from "ioredis";
import { Redis as Redis6 } from "ioredis6";
import { createSessionStore, type RedisClient, type SessionStore, StoreUnavailableError } from "../../../src/index.js";
import { liveSubject, type Subject } from "../../fixtures/every-verb.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy, type TcpProxy } from "../../harness/tcp-proxy.js";
import { auditKeys } from "../audit.js";
import { FULL, faultsAtOnce, type Outcome } from "../fault.js";
import { Ledger } from "../ledger.js";
import { CONNECTION, closeNodeRedis, connected, NODE_REDIS } from "../node-redis.js";
import { queuedIn } from "../queued.mjs";
import { type ClientName, PATIENT, titleOf } from "./rig.js";

const TIMEOUT = 300;
const IDLE = 1000;
/** How often each is tried, at the same time. */
const TIMES = FULL ? 100 : 40;

const server = await startRedisServer();
afterFile(() => server.stop());
const observer = connect({ port: server.port });

/** Something that is sent during the outage and runs after it, and what another process does meanwhile. */
interface Late {
  readonly name: string;
  /** Whether the session ends by itself during the outage. */
  readonly isBrief?: true;
  late(store: SessionStore, subject: Subject): Promise<unknown>;
  meanwhile(store: SessionStore, subject: Subject): Promise<unknown>;
  /** What is wrong afterwards, or `null`; and what is allowed, and worth to be counted. */
  judge(store: SessionStore, subject: Subject, count: (what: string) => void): Promise<string | null>;
}

const isDead = async (store: SessionStore, { token, userId }: Subject) => {
  if ((await store.get(token)) !== null) return "the revoked session is live";
  return (await store.listForUser(userId)).length === 0 ? null : "a session is listed that nobody has made";
};

const revoke = (store: SessionStore, { token }: Subject) => store.revoke(token);

const CASES: readonly Late[] = [
  ...(
    [
      ["touch", (store, { token }) => store.touch(token)],
      ["patch", (store, { token }) => store.updateClaims(token, { role: "admin" })],
      ["patch of all", (store, { userId }) => store.updateClaimsForUser(userId, { role: "admin" })],
      ["counter", (store, { token }) => store.updateClaims(token, () => ({ role: "admin" }))],
      ["rotation", (store, { token }) => store.rotate(token)],
      ["rotation with grace", (store, { token }) => store.rotate(token, { grace: 10_000 })],
      ["log-in", (store, { token }) => store.rotate(token, { userId: "somebody else" })],
    ] as const satisfies readonly (readonly [string, Late["late"]])[]
  ).map(([name, late]) => ({ name: `${name} of a session revoked meanwhile`, late, meanwhile: revoke, judge: isDead })),
  {
    name: "log-in of a user blocked meanwhile",
    late: (store, { userId }) => store.create({ userId }),
    meanwhile: (store, { userId }) => store.blockUser(userId),
    judge: isDead,
  },
  {
    name: "touch of a session that ended meanwhile",
    isBrief: true,
    late: (store, { token }) => store.touch(token),
    meanwhile: () => sleep(IDLE),
    judge: isDead,
  },
  {
    name: "log-in, and a log-out everywhere meanwhile",
    late: (store, { userId }) => store.create({ userId }),
    meanwhile: (store, { userId }) => store.revokeAllForUser(userId),
    async judge(store, { token, userId }, count) {
      const sessions = await store.listForUser(userId);
      for (const _ of sessions) count("sessions that a late log-in made, whose token nobody has");
      return (await store.get(token)) === null && sessions.length <= 1 ? null : "the revoked session is live";
    },
  },
  {
    name: "revocation, and a lookup meanwhile",
    late: revoke,
    meanwhile: (store, { token }) => store.get(token),
    judge: isDead,
  },
  {
    name: "log-out everywhere, and a log-in meanwhile",
    late: (store, { userId }) => store.revokeAllForUser(userId),
    meanwhile: (store, { userId }) => store.create({ userId }),
    async judge(store, { token, userId }, count) {
      if ((await store.listForUser(userId)).length === 0) count("sessions that a late log-out everywhere ended");
      return (await store.get(token)) === null ? null : "a late revocation did not run";
    },
  },
  {
    name: "lifting of a block, and a block meanwhile",
    late: (store, { userId }) => store.unblockUser(userId),
    meanwhile: (store, { userId }) => store.blockUser(userId),
    async judge(store, subject, count) {
      if ((await store.getBlock(subject.userId)) === null) count("blocks that a late unblockUser lifted");
      return isDead(store, subject);
    },
  },
  {
    name: "value of a claim, and another meanwhile",
    late: (store, { token }) => store.updateClaims(token, { role: "late" }),
    meanwhile: (store, { token }) => store.updateClaims(token, { role: "acknowledged", n: 1 }),
    async judge(store, { token }, count) {
      const claims = (await store.get(token))?.claims;
      if (claims?.["role"] === "late") count("values that a late patch set over a later one");
      return claims?.["n"] === 1 ? null : "an update of another claim was lost";
    },
  },
  {
    name: "function over the claims, and a value meanwhile",
    late: (store, { token }) => store.updateClaims(token, () => ({ role: "late" })),
    meanwhile: (store, { token }) => store.updateClaims(token, { role: "acknowledged" }),
    judge: async (store, { token }) =>
      (await store.get(token))?.claims["role"] === "acknowledged" ? null : "a compare-and-set lost an update",
  },
];

/** A client, and what is needed of it beside commands. */
interface Opened {
  readonly client: RedisClient & { ping(): Promise<unknown> };
  /** Resolves when it loses its connection, or fails to get one. */
  nextLoss(): Promise<void>;
  close(): void;
}

/** The clients in front of the outage. */
interface Kind {
  readonly name: string;
  readonly module: ClientName;
  /** What makes it drop commands that it cannot send. */
  readonly strict: string;
  open(address: TcpProxy, isStrict: boolean): Promise<Opened>;
}

const ofIoredis = (
  [
    ["ioredis 5", "ioredis", Redis5],
    ["ioredis 6", "ioredis6", Redis6 as unknown as typeof Redis5],
  ] as const
).map(
  ([name, module, Client]): Kind => ({
    ...{ name, module, strict: "maxRetriesPerRequest: 0" },
    async open({ host, port }, isStrict) {
      const strict = isStrict ? { socketTimeout: 1000, maxRetriesPerRequest: 0 } : {};
      const client = new Client({ host, port, ...strict });
      client.on("error", () => {});
      // A command would be rejected with the first attempt to connect that fails.
      await new Promise<void>((resolve) => client.once("ready", () => resolve()));
      // `once` of node:events would reject with the error that comes before it.
      const nextLoss = () => new Promise<void>((resolve) => client.once("close", () => resolve()));
      return { client, nextLoss, close: () => client.disconnect() };
    },
  }),
);

const ofNodeRedis = Object.values(NODE_REDIS).map(
  ({ name, module, createClient }): Kind => ({
    ...{ name, module, strict: "disableOfflineQueue: true" },
    async open({ url }, isStrict) {
      const strict = isStrict ? { ...CONNECTION, disableOfflineQueue: true } : {};
      const client = await connected(createClient({ url, ...strict }));
      const nextLoss = () => new Promise<void>((resolve) => client.once("reconnecting", () => resolve()));
      return { client, nextLoss, close: () => closeNodeRedis(client) };
    },
  }),
);

async function suffer({ module, open }: Kind): Promise<Outcome> {
  const proxy = await startProxy(server.port);
  afterFile(() => proxy.close());
  const { client, close } = await open(proxy, false);
  afterFile(close);
  const prefix = uniquePrefix();
  const cut = createSessionStore(client, { prefix, timeout: TIMEOUT, touchInterval: 0, idleTimeout: 60_000 });
  const direct = createSessionStore(observer, { prefix, timeout: PATIENT, idleTimeout: 60_000 });
  const brief = createSessionStore(observer, { prefix, timeout: PATIENT, idleTimeout: IDLE, touchInterval: 0 });
  const broken: string[] = [];
  const errors: Record<string, number> = {};
  const further: Record<string, number> = {};
  const tried = await Promise.all(
    CASES.flatMap((one, at) =>
      Array.from({ length: TIMES }, async (_, time) => {
        const store = one.isBrief ? brief : direct;
        return { ...one, subject: await liveSubject(store, `user ${at}.${time}`) };
      }),
    ),
  );

  proxy.hold("up");
  const begun = performance.now();
  await Promise.all(
    tried.map(({ name, late, subject }) =>
      late(cut, subject).then(
        () => broken.push(`${name}: a call was answered out of an outage`),
        (error: unknown) => {
          const { code = String(error) } = error as { readonly code?: string };
          errors[code] = (errors[code] ?? 0) + 1;
          if (!(error instanceof StoreUnavailableError)) broken.push(`${name} rejected with ${String(error)}`);
        },
      ),
    ),
  );
  await Promise.all(tried.map(({ meanwhile, subject }) => meanwhile(direct, subject)));
  const outage = performance.now() - begun;
  proxy.release("up");
  const ended = performance.now();
  // A script that Redis did not know is sent again, behind this: what waits is done when the client has nothing left to send.
  await client.ping();
  while (queuedIn(client) > 0) await client.ping();
  const recovery = performance.now() - ended;

  const count = (what: string) => {
    further[what] = (further[what] ?? 0) + 1;
  };
  for (const { name, judge, subject } of tried) {
    const wrong = await judge(direct, subject, count);
    if (wrong !== null) broken.push(`${name}: ${wrong}`);
  }
  const ledger = new Ledger();
  await auditKeys(ledger, observer, prefix);
  close();
  return {
    ...{
      servers: titleOf(server.version, module),
      times: 1,
      operations: tried.length,
      errors,
      outage,
      recovery,
      further,
    },
    broken: [...new Set([...broken, ...ledger.broken])],
  };
}

/** Log-ins during an outage, before and after the client has noticed it, and which of them were made after it all the same. */
async function logInMeanwhile({ module, open }: Kind): Promise<Outcome> {
  const proxy = await startProxy(server.port);
  afterFile(() => proxy.close());
  const { client, nextLoss, close } = await open(proxy, true);
  afterFile(close);
  const prefix = uniquePrefix();
  const store = createSessionStore(client, { prefix, timeout: TIMEOUT });
  const direct = createSessionStore(observer, { prefix, timeout: PATIENT });
  const errors: Record<string, number> = {};
  const tryAll = () =>
    Promise.all(
      Array.from({ length: TIMES }, () =>
        store.create({ userId: "ada" }).catch((error: unknown) => {
          if (!(error instanceof StoreUnavailableError)) throw error;
          errors[error.code] = (errors[error.code] ?? 0) + 1;
        }),
      ),
    );

  proxy.blackhole();
  const begun = performance.now();
  const noticed = nextLoss();
  await tryAll();
  await noticed;
  // Into a connection that only loses bytes, node-redis writes what waits, behind its greeting, and so gives it up with that.
  proxy.refuse();
  proxy.reset();
  // What is sent from now on waits for a connection, until the next one fails, too; an outage that ended before would let it run.
  await Promise.all([nextLoss(), tryAll()]);
  proxy.restore();
  await proxy.accept();
  const ended = performance.now();
  for (;;) {
    const isBack = await store.getBlock("nobody").then(
      () => true,
      () => sleep(10, false),
    );
    if (isBack) break;
  }
  const made = (await direct.listForUser("ada")).length;
  close();
  return {
    ...{ servers: titleOf(server.version, module), times: 1, operations: 2 * TIMES, errors },
    outage: ended - begun,
    recovery: performance.now() - ended,
    broken: made === 0 ? [] : [`${made} of ${2 * TIMES} log-ins that were rejected were made after the outage`],
    further: { "sessions that a late log-in made, whose token nobody has": made },
  };
}

const kinds = [...ofIoredis, ...ofNodeRedis];
faultsAtOnce(
  "Networks",
  120_000,
  kinds.map((kind) => ({ name: `commands that run after the outage (${kind.name})`, inject: () => suffer(kind) })),
);
faultsAtOnce(
  "Networks",
  120_000,
  kinds.map((kind) => ({
    name: `none that run after it, with \`${kind.strict}\` (${kind.name})`,
    inject: () => logInMeanwhile(kind),
  })),
);
