/** What every topology suffers, and the clients in front of it. */
import type { Client, Failing } from "./failover.js";

/** Both ioredis, set up alike. `how` is added to their names. */
export function bothClients(connection: object, how = ""): readonly Client[] {
  return ([5, 6] as const).map((version) => ({ name: `ioredis ${version}${how}`, version, connection }));
}

const PLAIN = bothClients({}, " with its defaults");

export const ROWS: readonly (readonly [string, Pick<Failing, "how" | "confirmedBy" | "bystanders" | "isRisky">])[] = [
  ["master killed, `replicas: { count: 1 }`", { how: "kill", confirmedBy: 1, isRisky: false }],
  ["master frozen, `replicas: { count: 1 }`", { how: "freeze", confirmedBy: 1, isRisky: false, bystanders: PLAIN }],
  ["master killed, without `replicas`", { how: "kill", isRisky: true }],
  ["master frozen, without `replicas`", { how: "freeze", isRisky: true, bystanders: PLAIN }],
];
