/**
 * Fills a server with live sessions, up to a million of them, in seconds.
 *
 * One session is made by the store; the others are copies of its keys, field by field, with an id, a secret and a user of
 * their own. So the layout is whatever the built package writes. A sample of the copies is then looked up by the store.
 *
 * Everything about a session follows from its number, so that a process of its own can look up what another has filled.
 */
import { hash } from "node:crypto";
import { createSessionStore, type SessionStore } from "coatcheck";
import type { Cluster, Redis } from "ioredis";
import { bucketOfUser } from "../src/leaves/token.ts";
import { Keys } from "../src/sessions/keys.ts";
import { claimsOf, expectUser, IDLE_TIMEOUT, storeOptions } from "./subject.ts";

/** Which sessions live on a server. */
export interface Population {
  readonly prefix: string;
  readonly sessions: number;
  /** How many sessions each user has. */
  readonly perUser: number;
  /** The first ten characters of every id: the ULID time of the fill. */
  readonly time: string;
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TEMPLATE = "user-template";
const BATCH = 2_000;

/**
 * Writes one copy: a hash with a TTL, and a member of a sorted set with one. ARGV: until when, its bound in the index, the id,
 * fields and values.
 */
const COPY = `
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
return redis.call('PEXPIREAT', KEYS[2], ARGV[2])`;

export function userOf(population: Population, session: number): string {
  return `user${Math.floor(session / population.perUser)}`;
}

/** The token of a session by its number. */
export function tokenOf(population: Population, session: number): string {
  return `${idOf(population, session)}.${secretOf(population, session)}`;
}

/** The key of a session by its number. */
export function keyOf(population: Population, session: number): string {
  return new Keys(population.prefix).session(idOf(population, session));
}

/** So many of the sessions, spread over all of them in no order. */
export function sampleOf({ sessions }: Population, size: number): number[] {
  if (size >= sessions) return Array.from({ length: sessions }, (_, at) => at);
  // A step without a divisor in common with the number visits every session once before it comes back.
  let step = Math.max(1, Math.floor(sessions * 0.618));
  while (greatestCommonDivisor(step, sessions) !== 1) step++;
  return Array.from({ length: size }, (_, at) => (at * step) % sessions);
}

/** Fills a server, and proves by a sample that the store finds what was filled. */
export async function fill(
  redis: Redis | Cluster,
  { prefix, sessions, perUser }: Omit<Population, "time">,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
): Promise<Population> {
  const store = createSessionStore(redis, storeOptions(prefix));
  const { token, session } = await store.create({ userId: TEMPLATE, claims: claimsOf(TEMPLATE) });
  const population: Population = { prefix, sessions, perUser, time: session.id.slice(0, 10) };
  const keys = new Keys(prefix);
  const template = Object.entries(await redis.hgetall(keys.session(session.id)));
  const secretHash = hash("sha256", token.slice(-43), "base64url");
  const expiresAt = session.createdAt + IDLE_TIMEOUT;
  const bound = expiresAt + IDLE_TIMEOUT;
  const sha = await loadCopy(redis);

  for (let from = 0; from < sessions; from += BATCH) {
    signal?.throwIfAborted();
    const batch: Promise<unknown>[] = [];
    for (let at = from; at < Math.min(from + BATCH, sessions); at++) {
      const id = idOf(population, at);
      const user = userOf(population, at);
      const own = hash("sha256", secretOf(population, at), "base64url");
      const fields = template.flatMap(([field, value]) => [
        field,
        value === secretHash ? own : value.replaceAll(TEMPLATE, user),
      ]);
      batch.push(redis.evalsha(sha, 2, keys.session(id), keys.user(user).index, expiresAt, bound, id, ...fields));
    }
    await Promise.all(batch);
    onProgress?.(Math.min(from + BATCH, sessions));
  }
  await store.revoke(token);
  await verify(redis, store, population);
  return population;
}

/** Makes the script known to a server, or to every node of a Cluster. Gives its hash. */
export async function loadCopy(redis: Redis | Cluster): Promise<string> {
  const nodes = "nodes" in redis && typeof redis.nodes === "function" ? redis.nodes("master") : [redis];
  const [sha] = await Promise.all(nodes.map((node) => node.script("LOAD", COPY)));
  return sha as string;
}

async function verify(redis: Redis | Cluster, store: SessionStore, population: Population): Promise<void> {
  const keys = new Keys(population.prefix);
  for (const at of sampleOf(population, 20)) {
    const found = await store.get(tokenOf(population, at));
    const user = userOf(population, at);
    expectUser("The store", found?.userId);
    const score = await redis.zscore(keys.user(user).index, idOf(population, at));
    if (found?.userId !== user || JSON.stringify(found.claims) !== JSON.stringify(claimsOf(user))) {
      throw new Error(`The copy number ${at} of a session is not what the store would have written.`);
    }
    if (Number(score) !== found.expiresAt + IDLE_TIMEOUT)
      throw new Error(`The copy number ${at} of a session is not in its index.`);
  }
}

function idOf(population: Population, session: number): string {
  // The bucket takes three of the 16 random characters; a number of the session's own is as unique as chance.
  let rest = "";
  for (let digits = session, place = 0; place < 13; place++, digits = Math.floor(digits / 32)) {
    rest = ALPHABET[digits % 32] + rest;
  }
  return population.time + bucketOfUser(userOf(population, session)) + rest;
}

/** 43 characters that nobody needs to keep secret. */
function secretOf(population: Population, session: number): string {
  return hash("sha256", `${population.time}:${session}`, "base64url");
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
