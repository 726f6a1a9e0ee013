/** What the subjects of the contract share: stores under prefixes of their own, and a way to let time pass at once. */
import { createHash, randomBytes } from "node:crypto";
import type { Cluster, Redis } from "ioredis";
import { afterEach, expect } from "vitest";
import {
  createSessionStore,
  type IoredisClient,
  type IssuedSession,
  type Session,
  type SessionStore,
  type SessionStoreOptions,
} from "../../../src/index.js";
import { ageSession } from "../../harness/aging.js";
import { expectCleanKeyspace, isMark, keysUnder, uniquePrefix } from "../../harness/fixtures.js";
import { passThrough } from "../../harness/pass-through.js";

export type MakeClient = (options?: { keyPrefix?: string }) => Redis | Cluster;

export interface ContractOptions {
  /** Whether `TIME` is the clock that expires keys. Where it is not, instants are right to a second only. */
  readonly exactClock: boolean;
  /** A client that looks behind the stores, where theirs may not. By default it is theirs. */
  readonly observe?: () => Redis | Cluster;
}

/** What a call may take where nothing is about that, ms: a busy machine may stand still for longer than the second of the default. */
const TIMEOUT = 10_000;

/** How far the instants of a clock that is not exact may be off, ms. */
const INEXACT = 1100;

/** A store under a prefix that nobody else has, and a view behind it. */
export interface Opened<Claims extends object> {
  readonly store: SessionStore<Claims>;
  readonly prefix: string;
  /** The keys as Redis names them. */
  keys(): Promise<string[]>;
  keyOf(session: Pick<Session, "id">): string;
  /** The index of a session's user, whose id must need no escaping. */
  indexOf(session: Pick<Session, "id" | "userId">): string;
  /** Moves all instants of a session into the past, which is what the passing of time looks like to the scripts. */
  age(session: Pick<Session, "id" | "userId">, ms: number): Promise<void>;
  /**
   * Another store on the same keys, as another process with other options would have it. `before` is awaited before each
   * of its calls of Redis, counted from 1: a gate at which to hold it while somebody else is faster.
   */
  again<Other extends object = Claims>(
    options?: SessionStoreOptions<Other>,
    before?: (call: number) => Promise<void>,
  ): SessionStore<Other>;
}

export class Rig {
  /** The client of the stores. */
  readonly client: Redis | Cluster;
  /** Looks behind them. Neither has a `keyPrefix`. */
  readonly redis: Redis | Cluster;
  readonly makeClient: MakeClient;
  readonly exactClock: boolean;
  readonly #base = uniquePrefix();
  #opened: string[] = [];
  #count = 0;

  constructor(makeClient: MakeClient, { exactClock, observe }: ContractOptions) {
    this.makeClient = makeClient;
    this.client = makeClient();
    this.redis = observe?.() ?? this.client;
    this.exactClock = exactClock;
    afterEach(async () => {
      for (const prefix of this.#opened.splice(0)) {
        await expectCleanKeyspace(this.redis, prefix);
        // Blocks without end would stay for ever in a Redis that is not the harness's own.
        for (const key of await keysUnder(this.redis, prefix)) await this.redis.del(key);
      }
    });
  }

  open<Claims extends object = Record<string, unknown>>(options: SessionStoreOptions<Claims> = {}): Opened<Claims> {
    const rig = this;
    const prefix = this.prefix();
    const keyOf = ({ id }: Pick<Session, "id">) => `${prefix}{${id.slice(10, 13)}}:s:${id}`;
    const indexOf = ({ id, userId }: Pick<Session, "id" | "userId">) => `${prefix}{${id.slice(10, 13)}}:u:${userId}`;
    return {
      store: createSessionStore(this.client, { timeout: TIMEOUT, ...options, prefix }),
      prefix,
      keys: () => this.keysUnder(prefix),
      keyOf,
      indexOf,
      age(session, ms) {
        const member = session.userId === null ? undefined : { index: indexOf(session), id: session.id };
        return ageSession(rig.redis, keyOf(session), ms, member);
      },
      again: (others, before) =>
        createSessionStore(before === undefined ? this.client : gated(this.client, before), {
          timeout: TIMEOUT,
          ...others,
          prefix,
        }),
    };
  }

  /** A prefix that nobody else has; what is under it is checked and removed after the test. */
  prefix(): string {
    const prefix = `${this.#base}${this.#count++}:`;
    this.#opened.push(prefix);
    return prefix;
  }

  /**
   * The keys under a prefix. An empty sorted set does not count: Redis has none, and ioredis-mock keeps it. Nor does what
   * a log-in or another call leaves for as long as its reply may get lost.
   */
  async keysUnder(prefix: string): Promise<string[]> {
    const keys = (await keysUnder(this.redis, prefix)).filter((key) => !/\}:[eg]:\w{26}$/.test(key) && !isMark(key));
    const sizes = await Promise.all(keys.map((key) => (key.includes(":u:") ? this.redis.zcard(key) : 1)));
    return keys.filter((_, at) => sizes[at] !== 0);
  }

  /** The clock of Redis, epoch ms. */
  async now(): Promise<number> {
    const [seconds, micros] = await this.redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  /** Runs `act` and asserts that the instant that it gives lies between its begin and its end by the clock of Redis. */
  async expectNow<T>(act: () => Promise<T>, instant: (result: T) => number | null): Promise<T> {
    const slack = this.exactClock ? 0 : INEXACT;
    const before = (await this.now()) - slack;
    const result = await act();
    const after = (await this.now()) + slack;
    expect(instant(result)).toBeGreaterThanOrEqual(before);
    expect(instant(result)).toBeLessThanOrEqual(after);
    return result;
  }
}

function gated(redis: IoredisClient, before: (call: number) => Promise<void>): IoredisClient {
  let calls = 0;
  // Not before `eval`, which is the same call once more, for a Redis that does not know the script yet.
  return passThrough(redis, {
    async evalsha(sha: string, keys: number, ...args: (string | number)[]) {
      calls++;
      await before(calls);
      return redis.evalsha(sha, keys, ...args);
    },
  });
}

/** Asserts that a session is dead for every verb on one session, and that none of them brings it back. */
export async function expectDead(store: SessionStore, { token, session }: IssuedSession<object>): Promise<void> {
  expect(await store.get(token)).toBeNull();
  expect(await store.touch(token)).toBeNull();
  expect(await store.find(session.id)).toBeNull();
  expect(await store.updateClaims(token, { role: "admin" })).toBeNull();
  expect(await store.updateClaims(session.id, () => ({ role: "admin" }))).toBeNull();
  expect(await store.rotate(token)).toBeNull();
  expect(await store.rotate(token, { userId: "eve" })).toBeNull();
  expect(await store.revoke(token)).toBe(false);
  expect(await store.revoke(session.id)).toBe(false);
}

/** The value, which must be there. */
export function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error(`Expected a value, got ${value}`);
  return value;
}

/** The token of the same session with the secret of nobody. */
export function withOtherSecret(token: string): string {
  return `${token.slice(0, 27)}${randomBytes(32).toString("base64url")}`;
}

/** What Redis may know of a token's secret. */
export function hashOf(token: string): string {
  return createHash("sha256").update(token.slice(27)).digest("base64url");
}

/** Asserts that a value is made of plain frozen objects and arrays all the way down. */
export function expectDeeplyFrozen(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  expect(Object.isFrozen(value), `not frozen: ${JSON.stringify(value)}`).toBe(true);
  expect(Object.getPrototypeOf(value)).toBe(Array.isArray(value) ? Array.prototype : Object.prototype);
  for (const name of Reflect.ownKeys(value)) expectDeeplyFrozen(Reflect.getOwnPropertyDescriptor(value, name)?.value);
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
