/** What a server of one's own was asked to do, as it counts itself. */
import type { Redis } from "ioredis";

/** The commands that a server ran while `act` did, by name; those of scripts included. Nobody else may talk to it. */
export async function commandsDuring(redis: Redis, act: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis.config("RESETSTAT");
  await act();
  const stats = [...(await redis.info("commandstats")).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
  return Object.fromEntries(
    stats.map(([, name = "", calls]) => [name, Number(calls)]).filter(([name]) => name !== "config|resetstat"),
  );
}
