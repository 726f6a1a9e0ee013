/** What the errors of Redis mean: which of them pass by themselves, and to which node of a Cluster they point. A leaf. */

/**
 * Errors that pass: a slot has moved (`MOVED`, `ASK`), is moving (`TRYAGAIN`, and the errors of a script that needs a key on
 * the other node), or has no master for the moment (`CLUSTERDOWN`). ioredis follows and repeats most of them itself, up to
 * `maxRedirections`; TRYAGAIN alone uses these up in half a second. node-redis cannot follow `ASK` to a node that serves no slot
 * yet: it does not find the node until the first slot has moved there.
 */
const PASSING =
  /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |^Cannot find node |^Too many Cluster redirections|a non local key in a cluster node|during rehashing of the slot/;

/** Whether a command that failed with this error in a Cluster should be tried again within its deadline. */
export function isPassing(error: unknown): boolean {
  return error instanceof Error && PASSING.test(error.message);
}

/**
 * Replies with which any server refuses a command that it could not run yet, and of which it has done nothing: it is still reading
 * its file, or it is a replica that is being joined to its master; and through a proxy in front of a Cluster a slot is moving, or
 * has no master. `BUSY` is none of them: to repeat calls would make the script slower that keeps the server busy.
 */
const NOT_YET = /^(?:LOADING|MASTERDOWN|TRYAGAIN|CLUSTERDOWN) /;

/** Whether a server has refused a command that it can probably serve in a moment. */
export function isNotYet(error: unknown): boolean {
  return error instanceof Error && NOT_YET.test(error.message);
}

/** Thrown by the `decode` of a script that could do nothing, because its slot is moving. The script is sent again. */
export class SlotMovingError extends Error {
  constructor() {
    // As Redis itself says it.
    super("TRYAGAIN The slot is moving");
  }
}

/** The node for a command, as `MOVED` (from now on) and `ASK` (only this once) tell. */
export interface Redirection {
  readonly once: boolean;
  readonly host: string;
  readonly port: number;
}

/** The redirection in an error; `null` if it points nowhere. */
export function redirectionOf(error: unknown): Redirection | null {
  const [, kind, host, port] = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(error instanceof Error ? error.message : "") ?? [];
  return host === undefined ? null : { once: kind === "ASK", host, port: Number(port) };
}
