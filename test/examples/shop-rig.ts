/** What the tests of the shop share: shops of their own on one database, people to visit them, and time that passes. */
import "./quick-scrypt.js";
import { generateKeyPairSync } from "node:crypto";
import { createSessionStore, type RedisClient } from "coatcheck";
import { createJwtSessions } from "coatcheck/jwt";
import type { FastifyInstance } from "fastify";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { expect } from "vitest";
import { hashPassword } from "../../examples/passwords.js";
import { buildApp } from "../../examples/shop/app.js";
import { type Database, openDatabase } from "../../examples/shop/database.js";
import { buildWarehouse } from "../../examples/shop/warehouse/app.js";
import { AUDIENCE, type Goods, ISSUER, KEY } from "../../examples/shop/warehouse/contract.js";
import { ageSession } from "../harness/aging.js";
import { afterFile, uniquePrefix } from "../harness/fixtures.js";
import { steadyMockClock } from "../harness/mock-clock.js";
import { startRedisServer } from "../harness/redis-server.js";
import { Device, type Reply } from "./client.js";

steadyMockClock();

export const PASSWORD = "correct horse battery";
export const MINUTE = 60_000;

/** What the shops of a test file stand on: one database, and a Redis beside ioredis-mock. */
export async function startGround() {
  const db = await openDatabase();
  afterFile(() => db.close());
  const server = await startRedisServer();
  afterFile(() => server.stop());
  const places: [place: string, connect: () => Redis][] = [
    ["ioredis-mock", () => new RedisMock()],
    ["Redis", () => new Redis(server.url)],
  ];
  return { db, server, places };
}

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

/** The shop's keys, in these tests: it has the private one, and the warehouse the public one. */
export const KEYS = generateKeyPairSync("ec", { namedCurve: "P-256" });

export interface Visit {
  device(userAgent?: string): Device;
  /** What the warehouse was asked, as `PUT 201`. */
  readonly calls: readonly string[];
  /** Where the warehouse is. */
  readonly warehouse: string;
  /** From now on it cannot be reached. */
  closeWarehouse(): Promise<void>;
  /** The lines of the shop's log so far. */
  readonly log: readonly string[];
}

export interface Setting {
  /** What is asked instead of the database. */
  readonly faults?: Partial<Database>;
  /** What the warehouse has. Default: enough. */
  readonly stock?: Goods;
  /** The shop's client, if it is not the rig's. */
  readonly redis?: RedisClient;
}

export class ShopRig {
  readonly #redis: Redis;
  readonly #db: () => Database;
  readonly #place: string;
  #people = 0;

  /** `place` keeps apart those who share the database. */
  constructor(place: string, redis: Redis, db: () => Database) {
    this.#place = place;
    this.#redis = redis;
    this.#db = db;
  }

  /** Runs a shop and its warehouse for one test. */
  async visit(test: (visit: Visit) => Promise<void>, { faults = {}, stock, redis }: Setting = {}): Promise<void> {
    const log: string[] = [];
    const calls: string[] = [];
    const store = buildWarehouse({ publicKey: KEYS.publicKey, ...(stock && { stock }) });
    store.addHook("onResponse", async ({ method }, { statusCode }) => void calls.push(`${method} ${statusCode}`));
    const warehouse = await listen(store);
    const db = this.#db();
    const real = { query: db.query.bind(db), exec: db.exec.bind(db), transaction: db.transaction.bind(db) };
    const app = await buildApp({
      redis: redis ?? this.#redis,
      db: { ...real, ...faults },
      warehouse: { url: warehouse, signingKey: KEYS.privateKey, timeout: 10_000 },
      // ioredis-mock runs in this very process, which may be busy.
      timeout: 10_000,
      log: { write: (line) => log.push(line) },
    });
    try {
      const url = await listen(app);
      const device = (userAgent = "test") => new Device(url, { "user-agent": userAgent });
      await test({ device, log, calls, warehouse, closeWarehouse: () => store.close() });
    } finally {
      await app.close();
      await store.close();
    }
  }

  /** An address and a password that nobody has used yet. */
  stranger(): { email: string; password: string } {
    this.#people++;
    return { email: `user${this.#people}@${this.#place}.example`.toLowerCase(), password: PASSWORD };
  }

  /** Somebody with an account. */
  async person(): Promise<Person> {
    const { email, password } = this.stranger();
    const { rows } = await this.#db().query<{ id: string }>(
      "INSERT INTO users (email, password) VALUES ($1, $2) RETURNING id::text",
      [email, await hashPassword(password)],
    );
    const [row] = rows;
    if (row === undefined) throw new Error("The user was not inserted");
    return { id: row.id, email, password };
  }

  /** Lets time pass for the session of a device: all its instants move into the past, and its end comes nearer. */
  async age(device: Device, ms: number): Promise<void> {
    const { session } = (await device.get("/me")).body as { session: string };
    await ageSession(this.#redis, `shop:{${session.slice(10, 13)}}:s:${session}`, ms);
  }
}

/** Logs somebody in. */
export async function logIn(device: Device, { email, password }: Person): Promise<void> {
  expect((await device.post("/log-in", { email, password })).status).toBe(200);
}

/** How many of what is in the cart. */
export function cartOf({ body }: Reply): Record<string, number> {
  const { lines } = body as { lines: { id: string; quantity: number }[] };
  return Object.fromEntries(lines.map(({ id, quantity }) => [id, quantity]));
}

export function listen(app: FastifyInstance): Promise<string> {
  return app.listen({ port: 0, host: "127.0.0.1" });
}

/** Sessions of nobody's, and the tokens that the shop would mint from them. */
export function createMint() {
  const redis = new RedisMock({ host: uniquePrefix() });
  const store = createSessionStore<Coatcheck.Claims>(redis, { timeout: 10_000 });
  return {
    store,
    jwts: createJwtSessions(store, { key: { ...KEY, key: KEYS.privateKey }, issuer: ISSUER, audience: ISSUER }),
  };
}

/** What the warehouse has reserved for a user. */
export async function reservationsOf(userId: string, warehouse: string): Promise<unknown> {
  const { store, jwts } = createMint();
  const { session } = await store.create({ userId, claims: {} });
  const token = await jwts.mint(session, { audience: AUDIENCE, scope: ["read"] });
  const response = await fetch(`${warehouse}/reservations`, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  return response.json();
}
