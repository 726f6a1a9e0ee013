/** What the tests of the shop share: shops of their own on one database, people to visit them, and time that passes. */
import type { Redis } from "ioredis";
import { expect } from "vitest";
import { hashPassword } from "../../examples/passwords.js";
import { buildApp } from "../../examples/shop/app.js";
import type { Database } from "../../examples/shop/database.js";
import { Device, type Reply } from "./client.js";

export const PASSWORD = "correct horse battery";
export const MINUTE = 60_000;

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

export interface Visit {
  device(userAgent?: string): Device;
  /** The lines of the shop's log so far. */
  readonly log: readonly string[];
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

  /** Runs a shop for one test. What `faults` names is asked instead of the database. */
  async visit(test: (visit: Visit) => Promise<void>, faults: Partial<Database> = {}): Promise<void> {
    const log: string[] = [];
    const db = this.#db();
    const real = { query: db.query.bind(db), exec: db.exec.bind(db), transaction: db.transaction.bind(db) };
    const app = await buildApp({
      redis: this.#redis,
      db: { ...real, ...faults },
      // ioredis-mock runs in this very process, which may be busy.
      timeout: 10_000,
      log: { write: (line) => log.push(line) },
    });
    try {
      const url = await app.listen({ port: 0, host: "127.0.0.1" });
      await test({ device: (userAgent = "test") => new Device(url, { "user-agent": userAgent }), log });
    } finally {
      await app.close();
    }
  }

  /** An address and a password that nobody has used yet. */
  stranger(): { email: string; password: string } {
    this.#people++;
    return { email: `user${this.#people}@${this.#place}.example`.toLowerCase(), password: PASSWORD };
  }

  /** Somebody with an account, whose password is cheap to verify. */
  async person(): Promise<Person> {
    const { email, password } = this.stranger();
    const { rows } = await this.#db().query<{ id: string }>(
      "INSERT INTO users (email, password) VALUES ($1, $2) RETURNING id::text",
      [email, await hashPassword(password, { N: 2, r: 1, p: 1 })],
    );
    const [row] = rows;
    if (row === undefined) throw new Error("The user was not inserted");
    return { id: row.id, email, password };
  }

  /** Lets time pass for the session of a device: all its instants move into the past. */
  async age(device: Device, ms: number): Promise<void> {
    const { session } = (await device.get("/me")).body as { session: string };
    const key = `shop:{${session.slice(10, 13)}}:s:${session}`;
    const [created, ...ages] = ((await this.#redis.hget(key, "t")) ?? "").split(" ");
    await this.#redis.hset(key, "t", [Number(created) - ms, ...ages].join(" "));
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
