/** From which addresses users may come: per user or, for those without a list of their own, per role. Kept in Redis. */
import { BlockList, isIP, isIPv4 } from "node:net";
import type { Redis } from "ioredis";
import type { Middleware } from "koa";
import type { Role } from "./sessions.ts";

/** Whose list it is. */
export type Subject = `user:${string}` | `role:${Role}`;

export class AllowList {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async get(subject: Subject): Promise<string[]> {
    return (await this.#redis.smembers(keyOf(subject))).sort();
  }

  /** Replaces a list; an empty one allows every address. Throws `RangeError` for what is no address or network. */
  async set(subject: Subject, entries: readonly string[]): Promise<void> {
    toBlockList(entries);
    const replacing = this.#redis.multi().del(keyOf(subject));
    if (entries.length > 0) replacing.sadd(keyOf(subject), ...entries);
    await replacing.exec();
  }

  /** Whether a user of this role may come from this address. One round trip. */
  async permits(userId: string, role: Role, ip: string): Promise<boolean> {
    const replies = await this.#redis
      .pipeline()
      .smembers(keyOf(`user:${userId}`))
      .smembers(keyOf(`role:${role}`))
      .exec();
    const [own, ofRole] = (replies ?? []).map(([error, entries]) => {
      if (error !== null) throw error;
      return entries as string[];
    });
    if (own === undefined || ofRole === undefined) throw new Error("Redis gave no lists");
    const entries = own.length > 0 ? own : ofRole;
    return entries.length === 0 || toBlockList(entries).check(ip, isIPv4(ip) ? "ipv4" : "ipv6");
  }
}

/** Refuses a session's request from an address that is not on the list of its user or role. */
export function requireAllowedAddress(allowList: AllowList): Middleware {
  return async function apiRequireAllowedAddress(ctx, next) {
    const { userId, claims } = ctx.session.require();
    if (!(await allowList.permits(userId, claims.role, addressOf(ctx.ip)))) {
      ctx.throw(403, "Not from this address");
    }
    await next();
  };
}

/** The address, without the form in which a socket for IPv6 shows IPv4. */
export function addressOf(ip: string): string {
  return ip.replace(/^::ffff:(?=\d+\.)/i, "");
}

// Node's name for a set of addresses; whether those in it are blocked or allowed is for the caller to say.
function toBlockList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", bits, ...rest] = entry.split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    const longest = family === "ipv4" ? 32 : 128;
    if (isIP(address) === 0 || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) {
      throw new RangeError(`${JSON.stringify(entry)} is not an address or a network`);
    }
    const prefix = bits === undefined ? longest : Number(bits);
    if (prefix > longest) throw new RangeError(`${JSON.stringify(entry)} is not a network`);
    list.addSubnet(address, prefix, family);
  }
  return list;
}

function keyOf(subject: Subject): string {
  return `api:allow:${subject}`;
}
