/** Users and their roles, in Redis. A user's name is the user's id. */
import type { Redis } from "ioredis";
import { hashPassword, verifyPassword } from "../passwords.ts";
import type { Role } from "./sessions.ts";

export class Users {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** `false`: the name is taken. */
  async add(name: string, password: string): Promise<boolean> {
    return (await this.#redis.hsetnx(keyOf(name), "password", await hashPassword(password))) === 1;
  }

  async exists(name: string): Promise<boolean> {
    return (await this.#redis.exists(keyOf(name))) === 1;
  }

  async verify(name: string, password: string): Promise<boolean> {
    return verifyPassword(password, await this.#redis.hget(keyOf(name), "password"));
  }

  /** Users are members until they are made something else. */
  async roleOf(name: string): Promise<Role> {
    return (await this.#redis.hget(keyOf(name), "role")) === "admin" ? "admin" : "member";
  }

  async setRole(name: string, role: Role): Promise<void> {
    await this.#redis.hset(keyOf(name), "role", role);
  }
}

function keyOf(name: string): string {
  return `api:user:${name}`;
}
