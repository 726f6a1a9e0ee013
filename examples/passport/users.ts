/** Who has an account. A real application has a database here. Knows no session. */
import { randomUUID } from "node:crypto";
import { hashPassword, verifyPassword } from "../passwords.ts";

export interface User {
  readonly id: string;
  readonly name: string;
}

interface Account extends User {
  readonly passwordHash: string;
  isBlocked: boolean;
}

export class Users {
  readonly #byId = new Map<string, Account>();
  readonly #byName = new Map<string, Account>();

  async add(name: string, password: string): Promise<User> {
    if (this.#byName.has(name)) throw new Error(`${name} has an account`);
    const account = { id: randomUUID(), name, passwordHash: await hashPassword(password), isBlocked: false };
    this.#byId.set(account.id, account);
    this.#byName.set(name, account);
    return { id: account.id, name };
  }

  /** The user, if the password is theirs and they are not blocked; else `null`, after the same time whether there is such a user or not. */
  async authenticate(name: string, password: string): Promise<User | null> {
    const account = this.#byName.get(name);
    const isTheirs = await verifyPassword(password, account?.passwordHash);
    return account !== undefined && isTheirs && !account.isBlocked ? { id: account.id, name } : null;
  }

  /** `null`: no such user, or one who is blocked. */
  find(id: string): User | null {
    const account = this.#byId.get(id);
    return account === undefined || account.isBlocked ? null : { id, name: account.name };
  }

  /** From now on nobody is logged in as this user. Gives the id, or `null` if there is no such user. */
  block(name: string): string | null {
    const account = this.#byName.get(name);
    if (account === undefined) return null;
    account.isBlocked = true;
    return account.id;
  }
}
