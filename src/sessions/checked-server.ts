/** A server as the report of `check()` shows it. It judges nothing. */
import type { ServerFacts } from "../redis/server-facts.js";

/** The server as `check()` saw it; `null`: it does not tell. */
export interface CheckedServer {
  /** Where the client reaches it, `host:port`, as far as the client says. */
  readonly address: string | null;
  /** Where it listens, as far as it says. */
  readonly port: number | null;
  readonly version: string | null;
  readonly role: string | null;
  readonly maxmemoryPolicy: string | null;
  /** Whether an append-only file is kept. */
  readonly appendOnly: boolean | null;
  readonly connectedReplicas: number | null;
  readonly hashMaxListpackValue: number | null;
  /** How far its clock is ahead of this process's, ms. */
  readonly clockAhead: number | null;
}

/** What a server told, in the form of the report. */
export function describeServer({ info, config, clockAhead, address }: ServerFacts): CheckedServer {
  const number = (value: string | undefined) => (value === undefined ? null : Number(value));
  return {
    address: address ?? null,
    port: number(info["tcp_port"]),
    version: info["valkey_version"] ?? info["redis_version"] ?? null,
    role: info["role"] ?? null,
    maxmemoryPolicy: info["maxmemory_policy"] ?? null,
    appendOnly: info["aof_enabled"] === undefined ? null : info["aof_enabled"] === "1",
    connectedReplicas: number(info["connected_slaves"]),
    hashMaxListpackValue: number(config["hash-max-listpack-value"]),
    clockAhead,
  };
}
