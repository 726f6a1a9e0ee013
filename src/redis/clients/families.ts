/** How a client of ioredis and one of node-redis are told apart: by the methods that they have. It knows neither. */

/** Whether a value is a client of node-redis, of whatever kind. */
export function isNodeRedis<Client>(client: Client): client is Extract<Client, { readonly evalSha: unknown }> {
  return has(client, "evalSha");
}

/** Whether it is one in legacy mode, by its options. */
export function isLegacy(client: unknown): boolean {
  return (client as { options?: { legacyMode?: unknown } }).options?.legacyMode === true;
}

/** Whether a client of node-redis is one of version 4. Its successors have `destroy`. */
export function isFour(client: unknown): boolean {
  return has(client, "disconnect") && has(client, "quit") && !has(client, "destroy");
}

/** Whether a value has a method. */
export function has(value: unknown, method: string): boolean {
  return typeof (value as Record<string, unknown> | null | undefined)?.[method] === "function";
}
