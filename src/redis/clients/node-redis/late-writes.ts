/**
 * Keeps node-redis 5 from writing to a connection that has just broken. It writes once in each turn of the event loop. If the
 * connection breaks after a command was given and before that write, node-redis takes the command for sent. The next connection
 * then begins with one command too many that waits for a reply: from then on each command gets the reply of another one, or the
 * client never becomes ready. Somebody would be given the session of somebody else. node-redis 6 does not write then.
 *
 * It knows two methods of the client that node-redis itself uses while a server is being moved.
 */

import { ownerOf } from "./client.js";

/** A client of one connection. */
export interface Pausable {
  readonly _self?: object;
  once(event: string, listener: () => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  readonly isReady?: boolean;
  _pause?(): void;
  _unpause?(): void;
}

/** One that tells of its errors. */
interface Telling extends Pausable {
  on(event: string, listener: () => void): unknown;
}

/** The clients themselves, whatever view of them was given. */
const held = new WeakSet<object>();

/** Those that have lost their connection, and have no other yet. */
const lost = new WeakSet<object>();

/** Holds the late write of a client back, whenever it loses its connection. What was to be written is sent on the next one. */
export function holdLateWrites(client: Telling): void {
  const owner = ownerOf(client);
  if (held.has(owner)) return;
  held.add(owner);
  client.on("error", () => holdBack(client));
}

/** The same once, for a client that has just emitted an error. It tells of it before it gives up the commands under way. */
export function holdBack(client: Pausable): void {
  const owner = ownerOf(client);
  if (client.isReady !== false || client._pause === undefined || lost.has(owner)) return;
  lost.add(owner);
  client._pause();
  // Both come before the client writes anything to the next connection. Only one may come: a load balancer that has no server
  // behind it accepts connections and ends them.
  const resume = () => {
    client.off("connect", resume);
    client.off("ready", resume);
    if (lost.delete(owner)) client._unpause?.();
  };
  client.once("connect", resume);
  client.once("ready", resume);
}
