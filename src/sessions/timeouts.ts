/** How long a session lasts: the two timeouts of the store, or those of one log-in. */
import { checkDuration } from "../leaves/arguments.js";
import { hintAtUnit } from "../leaves/hints.js";

/** Both in ms. */
export interface Timeouts {
  readonly idleTimeout: number;
  readonly absoluteTimeout: number;
}

/** Timeouts of one log-in; what is absent is the store's. */
export type GivenTimeouts = { readonly [Name in keyof Timeouts]?: number | undefined };

/** The timeouts of a log-in. Throws `TypeError` and `RangeError` for ones that no session can have. */
export function resolveTimeouts(usual: Timeouts, given: GivenTimeouts): Timeouts {
  const { idleTimeout = usual.idleTimeout, absoluteTimeout = usual.absoluteTimeout } = given;
  checkDuration("idleTimeout", idleTimeout);
  checkDuration("absoluteTimeout", absoluteTimeout);
  if (idleTimeout > absoluteTimeout) {
    throw new RangeError(`idleTimeout (${idleTimeout}) must not exceed absoluteTimeout (${absoluteTimeout})`);
  }
  hintAtUnit("idleTimeout", given.idleTimeout);
  hintAtUnit("absoluteTimeout", given.absoluteTimeout);
  return { idleTimeout, absoluteTimeout };
}

/** Whether any timeout is given. */
export function hasTimeouts({ idleTimeout, absoluteTimeout }: GivenTimeouts): boolean {
  return idleTimeout !== undefined || absoluteTimeout !== undefined;
}
