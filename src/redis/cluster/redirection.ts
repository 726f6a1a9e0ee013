/** What the errors of a Redis Cluster mean: which of them pass by themselves, and where they point. A leaf. */

/**
 * Errors that pass: a slot is elsewhere by now (`MOVED`, `ASK`), is being moved (`TRYAGAIN`, and what a script says that
 * reached for a key on the other node), or has no master for the moment (`CLUSTERDOWN`). ioredis follows and repeats most of
 * them itself, up to `maxRedirections`, which TRYAGAIN alone uses up in half a second.
 */
const PASSING =
  /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |^Too many Cluster redirections|a non local key in a cluster node|during rehashing of the slot/;

/** Whether a command that failed so in a Cluster is worth another try within its deadline. */
export function isPassing(error: unknown): boolean {
  return error instanceof Error && PASSING.test(error.message);
}

/** Thrown by the `decode` of a script that could do nothing, because its slot is moving. The script is sent again. */
export class SlotMovingError extends Error {
  constructor() {
    // As Redis itself says it.
    super("TRYAGAIN The slot is moving");
  }
}

/** Where a command belongs, as `MOVED` (for good) and `ASK` (this once) say. */
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
