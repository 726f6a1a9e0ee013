/** Who is looked up: the same user and the same claims for every contender. Pure. */

export const IDLE_TIMEOUT = 2 * 3_600_000;
export const ABSOLUTE_TIMEOUT = 12 * 3_600_000;
/** The longest that the idle timeout allows: within a run, no touch is due a second time. */
export const LONG_TOUCH_INTERVAL = IDLE_TIMEOUT / 2;

/** A call at saturation, on a busy machine, may wait longer than a user would. */
export const CALL_TIMEOUT = 30_000;

/** How many sessions a contender goes round among where the scenario sets no other number. */
export const SESSIONS = 1_000;

/** The users of these sessions. */
export const USERS: readonly string[] = Array.from({ length: SESSIONS }, (_, at) => `user${at}`);

/** A type and not an interface: only then it passes for a record of claims. */
export type Claims = {
  readonly user_name: string;
  readonly email: string;
  readonly role: string;
};

export function claimsOf(userId: string): Claims {
  return { user_name: userId, email: `${userId}@example.com`, role: "member" };
}

/** The store options under which populations are made and looked up. */
export function storeOptions(prefix: string) {
  return {
    prefix,
    idleTimeout: IDLE_TIMEOUT,
    absoluteTimeout: ABSOLUTE_TIMEOUT,
    touchInterval: LONG_TOUCH_INTERVAL,
    timeout: CALL_TIMEOUT,
  };
}

/** Throws where a contender has not found the user, before it is measured. */
export function expectUser(contender: string, userId: unknown): void {
  if (typeof userId !== "string" || !userId.startsWith("user")) {
    throw new Error(`${contender} did not find a live session: it answered ${JSON.stringify(userId)}`);
  }
}
