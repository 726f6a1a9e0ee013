/**
 * Which credential of a request counts. Nearly always it has one. A browser may have more under the name of our cookie: left
 * over from another domain or path, another application's, or planted; and a client may send a bearer token too. Their order
 * says nothing (RFC 6265, 4.2.2), so the store decides: a credential without a live session does not count, and if there are
 * two live sessions, neither counts.
 */
import { isNotReplicated, UntrustedOriginError } from "../leaves/errors.js";
import { parseToken } from "../leaves/token.js";
import type { EndedSession, Ending } from "../sessions/ending.js";
import type { Sighting } from "../sessions/sightings.js";
import type { SessionStore } from "../sessions/store.js";

/** How a token travels: in the session cookie, or in `Authorization: Bearer` (RFC 6750). */
export type Transport = "cookie" | "bearer";

/** The credential that a request brought. */
export interface Credential {
  /** `null` if what came is no token, or if no token of several can be trusted. */
  readonly token: string | null;
  readonly transport: Transport;
  /** Whether the browser has a token in the cookie, even if another came as a bearer token. */
  readonly inCookie: boolean;
  /** The tokens of the live sessions, if there is more than one. */
  readonly rivals?: readonly string[] | undefined;
  /** Whether every cookie with our name must be taken back with the session, wherever it comes from. */
  readonly crowded?: boolean | undefined;
  /** Why the sessions of several tokens have ended, if none of them is live: the latest ending that is known. */
  readonly ended?: Ending | undefined;
}

/** How many tokens of one request are looked up at most. */
const MOST_TOKENS = 4;

/** What {@link pickCredential} needs to know. */
export interface Presented {
  /** The values of the cookie, all different. */
  readonly cookies: readonly string[];
  /** What the bearer token holds, or `null` if that is no token of ours. `undefined` if none came. */
  readonly bearer: string | null | undefined;
  /** Whether the request may use the cookie. */
  isAllowed(): boolean;
  /** Looks a token up and changes nothing. */
  get(token: string): Promise<Sighting<object> | EndedSession | null>;
}

/**
 * The credential of a request that brought several. One round trip if two to four have the form of a token, else none.
 * Throws `UntrustedOriginError` if the cookie counts and another site sent it.
 */
export async function pickCredential({ cookies, bearer, isAllowed, get }: Presented): Promise<Credential> {
  const inCookie = cookies.length > 0;
  const transport = bearer === undefined ? "cookie" : "bearer";
  const byCookie = (token: string): Credential => {
    if (!isAllowed()) throw new UntrustedOriginError();
    return { token, transport: "cookie", inCookie };
  };
  if (bearer === undefined && !isAllowed()) throw new UntrustedOriginError();

  const tokens = [...new Set(bearer ? [bearer, ...cookies] : cookies)].filter((value) => parseToken(value) !== null);
  const [only, ...others] = tokens;
  // Another site cannot make a browser send a bearer token, so this request is not forged, whatever its cookie holds.
  if (others.length === 0 && only !== undefined && only !== bearer) return byCookie(only);
  if (others.length === 0) return { token: only ?? bearer ?? cookies[0] ?? null, transport, inCookie };

  const asked = tokens.slice(0, MOST_TOKENS);
  const found = await Promise.all(asked.map(get));
  const ids = new Set(found.map((each) => each?.session?.id));
  const live = asked.filter((_, n) => {
    const each = found[n];
    // During the grace of a rotation the old token and the new one are one session, and the new one stands for it.
    return each?.session && !(each.successor !== undefined && ids.has(each.successor));
  });
  const crowded = tokens.length > MOST_TOKENS;
  const [winner, ...rivals] = live;
  if (winner === undefined) return { token: null, transport, inCookie, crowded, ended: latestOf(found) };
  if (rivals.length === 0) {
    const credential: Credential = winner === bearer ? { token: winner, transport, inCookie } : byCookie(winner);
    return { ...credential, crowded };
  }
  return {
    token: null,
    transport: live.includes(bearer ?? "") ? "bearer" : "cookie",
    inCookie,
    rivals: live,
    // We must not end another application's session under the same name.
    crowded: crowded || live.length === tokens.length,
  };
}

function latestOf(found: readonly (Sighting<object> | EndedSession | null)[]): Ending | undefined {
  const endings = found.flatMap((each) => each?.ended ?? []);
  return endings.sort((a, b) => b.at - a.at)[0];
}

/** Ends the sessions of these tokens. Returns whether one was live. Throws as `revoke` does, after it has tried all. */
export async function revokeEach(store: Pick<SessionStore, "revoke">, tokens: readonly string[]): Promise<boolean> {
  const outcomes = await Promise.allSettled(tokens.map((token) => store.revoke(token)));
  const errors = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
  // "Revoked, but not confirmed" may be said only if it holds for all of them.
  if (errors.length > 0) throw errors.find((error) => !isNotReplicated(error)) ?? errors[0];
  return outcomes.some((outcome) => outcome.status === "fulfilled" && outcome.value);
}
