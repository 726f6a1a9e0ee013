/**
 * How often a client of node-redis has lost a connection: one tally for each client, whatever the number of views of it
 * (`withTypeMapping` and the like). It knows nothing of commands.
 */
import type { LossTally } from "../client.js";
import { type Commands, ownerOf } from "./client.js";

/** A tally that can grow. */
export interface Losses extends LossTally {
  losses: number;
  trouble?: unknown;
}

const tallies = new WeakMap<object, Losses>();

/** The tally of a client. `begin` is called with a new one, once for each client: it adds the listeners that count. */
export function lossesOf(client: Commands, begin: (tally: Losses) => void): Losses {
  const owner = ownerOf(client);
  const known = tallies.get(owner);
  if (known !== undefined) return known;
  const tally: Losses = { losses: 0 };
  tallies.set(owner, tally);
  begin(tally);
  return tally;
}

/** Counts the losses of a client with one connection, also those with no command under way: the next may lead to another server. */
export function countLosses(client: Commands & { readonly isReady?: boolean }, tally: Losses): void {
  let isUp = client.isReady === true;
  const lose = () => {
    if (isUp) tally.losses++;
    isUp = false;
  };
  client.on("ready", () => {
    // A client that has given up says so by an error alone, and may be connected again.
    lose();
    isUp = true;
    tally.trouble = undefined;
  });
  client.on("error", (error: unknown) => {
    if (client.isReady === false) tally.trouble = error;
  });
  client.on("reconnecting", lose);
  client.on("end", lose);
}
