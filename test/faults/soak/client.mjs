/**
 * Another process of a soak, which takes part in the load and keeps no books, so that all that grows in it is the library's
 * or the client's. It uses the built package on ioredis 5 and 6 and on node-redis 6, and makes a new store for each of its rounds, as an
 * application may for each of its requests. process.ts starts it and asks for its figures.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { createSessionStore } from "coatcheck";
import { RedisStore } from "coatcheck/express-session";
import { createOneTimeTokens } from "coatcheck/one-time";
import { Redis as Redis5 } from "ioredis";
import { Redis as Redis6 } from "ioredis6";
import { createClient } from "redis";
import { queuedIn } from "../queued.mjs";

const [port, prefix] = process.argv.slice(2);
const address = { host: "127.0.0.1", port: Number(port) };
const nodeRedis = createClient({
  socket: { ...address, reconnectStrategy: (retries) => Math.min(retries * 50, 500) },
});
const clients = [new Redis5(address), new Redis6(address), nodeRedis];
for (const client of clients) client.on("error", () => {});
await nodeRedis.connect();
const visits = clients.map((client) => new RedisStore({ client, userId: ({ user }) => user }));
const lasting = clients.map((client) => createSessionStore(client, { prefix }));
for (const { events } of lasting) events.on("revoked", () => {});

const WORKERS = 16;
const users = Array.from({ length: WORKERS }, () => `process ${randomUUID()}`);
const errors = {};
const broken = [];
let calls = 0;
let rounds = 0;
let stopped = false;

/** Makes a call. `undefined` where Redis gave no answer. */
async function attempt(call) {
  calls++;
  try {
    return await call();
  } catch (error) {
    const code = error.code ?? String(error);
    errors[code] = (errors[code] ?? 0) + 1;
    if (code !== "STORE_UNAVAILABLE" && code !== "ISSUE_LIMIT" && broken.length < 25) broken.push(`P8: ${error}`);
    await wait(20);
    return undefined;
  }
}

/** The whole life of a session, of a one-time token and of a visit. */
async function round(userId) {
  const [client, other] = [clients[rounds % clients.length], clients[++rounds % clients.length]];
  const [store, long] = [createSessionStore(client, { prefix, touchInterval: 0 }), lasting[clients.indexOf(other)]];
  store.events.on("rejected", () => {});
  const issued = await attempt(() => store.create({ userId, claims: { n: 0 }, client: { userAgent: "soak" } }));
  if (issued === undefined) return;
  const { token, session } = issued;
  for (let request = 0; request < 5; request++) {
    await Promise.all([
      ...Array.from({ length: 20 }, () => attempt(() => long.get(token))),
      attempt(() => store.touch(token)),
      attempt(() => long.updateClaims(token, ({ n }) => ({ n: n + 1 }))),
      attempt(() => store.updateClaims(session.id, { request })),
    ]);
  }
  const rotated = await attempt(() => store.rotate(token));
  await attempt(() => long.listForUser(userId));
  await attempt(() => store.updateClaimsForUser(userId, { role: "member" }));
  const revoked = await attempt(() => long.revoke(rotated?.token ?? token));
  if (rotated && revoked !== undefined && (await attempt(() => store.get(rotated.token)))) broken.push("P1: it lives");

  const oneTime = createOneTimeTokens(client, { purpose: "process", ttl: 60_000, maxPerHour: 1000, prefix });
  const link = await attempt(() => oneTime.issue({ subject: randomUUID() }));
  if (link) await attempt(() => oneTime.consume(link.token));

  const [sid, visit] = [randomUUID(), visits[clients.indexOf(client)]];
  await attempt(() => visit.set(sid, { cookie: { expires: new Date(Date.now() + 5000) }, user: userId }));
  const loaded = await attempt(() => visit.get(sid));
  if (loaded) await attempt(() => visit.set(sid, { ...loaded, views: 1 }));
  await attempt(() => visit.destroyAllForUser(userId));
}

async function work(userId) {
  while (!stopped) {
    await round(userId);
  }
}

/** ioredis has a status, and node-redis says whether it is ready. */
function isConnected({ status, isReady }) {
  return status === "ready" || isReady === true;
}

/** Waits until all is sent and done that calls without an answer have left in the clients. */
async function quiet() {
  while (clients.some((client) => !isConnected(client) || queuedIn(client) > 0)) await wait(10);
}

async function leave(userId) {
  for (let tries = 0; tries < 30; tries++) {
    if ((await attempt(() => lasting[0].revokeAllForUser(userId))) !== undefined) return;
  }
}

/** What must not grow. Listeners are counted where the client is at rest: it has some more while it connects. */
function figures() {
  global.gc();
  global.gc();
  const listeners = (emitter) => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
  const resources = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return {
    heap: process.memoryUsage().heapUsed,
    atRest: clients.every(isConnected),
    listeners: [...clients, ...visits, ...lasting.map(({ events }) => events)].map(listeners),
    queued: clients.reduce((sum, client) => sum + queuedIn(client), 0),
    resources,
    calls,
    errors,
    broken,
  };
}

let working;
let first;
process.on("message", async (order) => {
  if (order === "begin") {
    first = figures();
    process.send(first);
    working = Promise.all(users.map(work));
  } else if (order === "look") {
    process.send(figures());
  } else if (order === "end") {
    stopped = true;
    await working;
    await quiet();
    await Promise.all(users.map(leave));
    await quiet();
    // A timer of the last call, or of a connection that was made anew, may have its last moment yet.
    const isDone = ({ atRest, queued, resources }) =>
      atRest && queued === 0 && isDeepStrictEqual(resources, first.resources);
    for (let tries = 0; tries < 200 && !isDone(figures()); tries++) await wait(100);
    process.send(figures());
  }
});
process.on("disconnect", () => process.exit());
await Promise.all(clients.map((client) => client.ping()));
process.send("ready");
