/**
 * Who has an account: a hash `blog:user:<name>` for each, and the sorted set `blog:users` of all names by age. The name
 * is public, on every post, and is what a user logs in with. Anybody may sign up with any e-mail address, and several
 * with the same one, so an address leads to an account only once it is confirmed: then the name is in the sorted set
 * `blog:email:<address>`, by when. Knows no session and no mail.
 */
import { hashPassword, verifyPassword } from "../passwords.ts";
import type { Database } from "./database.ts";

export type Role = Coatcheck.Claims["role"];

export interface User {
  /** Lower-case and never changed: it is also the user's id. */
  readonly name: string;
  readonly email: string;
  /** Whether somebody who reads the mail to that address has said that it is theirs. */
  readonly emailVerified: boolean;
  readonly role: Role;
  /** What `hashPassword` made of it. */
  readonly passwordHash: string;
  /** Epoch ms. */
  readonly createdAt: number;
}

export const NAME = /^[a-z][a-z0-9_]{1,19}$/;
/** OWASP ASVS 5.0, 6.2.1 asks for 8 and recommends 15. */
export const MIN_PASSWORD = 12;
/** ASVS 5.0, 6.2.9 wants at least 64 to be allowed. */
export const MAX_PASSWORD = 128;
const PAGE_SIZE = 20;
/** Of the accounts that share an address, only so many can be reached by it. */
const MAX_PER_EMAIL = 5;

/** Of two sign-ups with the same name at the same moment, one gets it. */
const CREATE = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[2])
return 1`;

/** Of two changes with the same old password at the same moment, one is made. */
const REPLACE = `
if redis.call('HGET', KEYS[1], 'passwordHash') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'passwordHash', ARGV[2])
return 1`;

/** A field of an account that there is; else a change would make half of one. */
const SET = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`;

/** What is confirmed is the address that the link was sent to, and not the one that the account has by now. */
const VERIFY = `
if redis.call('HGET', KEYS[1], 'email') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'emailVerified', '1')
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
return 1`;

export class Users {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** `null`: the name is taken. */
  async create(input: { name: string; email: string; password: string; role?: Role }): Promise<User | null> {
    const { name, email, password, role = "member" } = input;
    const user = { name, email, role, passwordHash: await hashPassword(password), createdAt: Date.now() };
    const fields = Object.entries(user).flat();
    const created = await this.#database.run((redis) =>
      redis.eval(CREATE, 2, keyOf(name), "blog:users", user.createdAt, name, ...fields),
    );
    return Number(created) === 1 ? { ...user, emailVerified: false } : null;
  }

  /** `null`: no such user. */
  async get(name: string): Promise<User | null> {
    // What is no name is not looked up: a key is not the place for whatever came in a form.
    if (!NAME.test(name)) return null;
    return decode(await this.#database.run((redis) => redis.hgetall(keyOf(name))));
  }

  /** Who has confirmed this address: the last five, where it is that of several accounts. */
  async withEmail(address: string): Promise<User[]> {
    const names = await this.#database.run((redis) => redis.zrevrange(emailKeyOf(address), 0, MAX_PER_EMAIL - 1));
    const users = await Promise.all(names.map((name) => this.get(name)));
    return users.filter((user) => user !== null);
  }

  /** The user, if the password is theirs; else `null`, after the same time whether there is such a user or not. */
  async authenticate(name: string, password: string): Promise<User | null> {
    const user = await this.get(name);
    return (await verifyPassword(password, user?.passwordHash)) ? user : null;
  }

  /** `false`: the password is no longer the one that `user` has, so whoever asks has not proved who they are. */
  async setPassword(user: User, password: string): Promise<boolean> {
    const passwordHash = await hashPassword(password);
    const key = keyOf(user.name);
    return Number(await this.#database.run((r) => r.eval(REPLACE, 1, key, user.passwordHash, passwordHash))) === 1;
  }

  /** For who has proved to be the user in another way than by the password. `false`: there is no such user. */
  async resetPassword(name: string, password: string): Promise<boolean> {
    const passwordHash = await hashPassword(password);
    return Number(await this.#database.run((r) => r.eval(SET, 1, keyOf(name), "passwordHash", passwordHash))) === 1;
  }

  /** The address is the user's. `false`: the account has another one, or there is none. */
  async verifyEmail(name: string, email: string): Promise<boolean> {
    const keys = [keyOf(name), emailKeyOf(email)] as const;
    return Number(await this.#database.run((r) => r.eval(VERIFY, 2, ...keys, email, Date.now(), name))) === 1;
  }

  async setRole(name: string, role: Role): Promise<void> {
    await this.#database.run((redis) => redis.hset(keyOf(name), { role }));
  }

  async count(): Promise<number> {
    return this.#database.run((redis) => redis.zcard("blog:users"));
  }

  /** One page of all users, newest first; pages count from 1. */
  async list(page: number): Promise<{ users: User[]; hasMore: boolean }> {
    const first = (page - 1) * PAGE_SIZE;
    const names = await this.#database.run((redis) => redis.zrevrange("blog:users", first, first + PAGE_SIZE));
    const records = await this.#database.batch((pipeline) => {
      for (const name of names.slice(0, PAGE_SIZE)) pipeline.hgetall(keyOf(name));
    });
    const users = (records as Record<string, string>[]).map(decode).filter((user) => user !== null);
    return { users, hasMore: names.length > PAGE_SIZE };
  }
}

function keyOf(name: string): string {
  return `blog:user:${name}`;
}

function emailKeyOf(address: string): string {
  return `blog:email:${encodeURIComponent(address.toLowerCase())}`;
}

function decode(fields: Record<string, string>): User | null {
  const {
    name,
    email = "",
    emailVerified,
    role,
    passwordHash = "",
    createdAt,
  } = fields as { [Field in keyof User]?: string };
  if (name === undefined) return null;
  return {
    name,
    email,
    emailVerified: emailVerified === "1",
    role: role === "moderator" ? "moderator" : "member",
    passwordHash,
    createdAt: Number(createdAt),
  };
}
