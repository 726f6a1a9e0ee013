/**
 * Which clients a drop-in store takes, and which other values people pass by mistake: the error names what each of these is.
 */
import { show } from "../leaves/arguments.js";
import { adaptNodeRedis, isNodeRedis, type NodeRedisClient } from "../redis/clients/node-redis.js";
import type { KeyspaceClient } from "../redis/keyspace.js";

/** Whether a value is a client, and not options that hold one. */
export function isClient(value: unknown): boolean {
  return isNodeRedis(value) || has(value, "evalsha");
}

/** A client as the stores use it. Throws `TypeError` if it is none. It need not be connected yet. */
export function clientOf(where: string, client: KeyspaceClient | NodeRedisClient): KeyspaceClient {
  const misfit = misfitOf(client);
  if (misfit !== undefined) {
    throw new TypeError(`client of ${where} must be a client of ioredis, iovalkey or node-redis 5 or 6, got ${misfit}`);
  }
  return isNodeRedis(client) ? adaptNodeRedis(client) : client;
}

/** What is wrong with a client; `undefined` if nothing is. */
function misfitOf(client: unknown): string | undefined {
  if (has(client, "then")) return "a promise: await it first";
  if (has(client, "exec") && !has(client, "on"))
    return "a pipeline or transaction: give the client that it was made of";
  const isNode = isNodeRedis(client);
  if (isNode && !has(client, "on")) return "a client in legacy mode: give the client that legacy() was called on";
  if (isNode && optionsOf(client)?.["legacyMode"] === true)
    return "a client in legacy mode: make it without legacyMode";
  if (has(client, "internal_send_command")) return "a client of node-redis 3 or older: update it to 5 or 6";
  const needed = isNode ? ["eval", "get", "scan", "on"] : ["evalsha", "eval", "get", "scan", "on"];
  return needed.every((method) => has(client, method)) ? undefined : show(client);
}

function has(value: unknown, method: string): boolean {
  return typeof (value as Record<string, unknown> | null | undefined)?.[method] === "function";
}

function optionsOf(client: unknown): Record<string, unknown> | undefined {
  return (client as { options?: Record<string, unknown> }).options;
}
