/** What all requests of an application share, and the options of the verbs of a request's session. Knows no request. */

import type { ClaimsPatch } from "../sessions/claims.js";
import type { SessionStore } from "../sessions/store.js";
import { type GivenTimeouts, hasTimeouts, resolveTimeouts, type Timeouts } from "../sessions/timeouts.js";
import type { CreateOptions } from "../sessions/verbs/create.js";
import type { BearerFormat } from "./bearer.js";
import type { SessionCookie } from "./cookie.js";
import type { Transport } from "./credentials.js";
import type { HttpPort } from "./port.js";

/** What a log-in starts with. */
export interface StartOptions<Claims extends object> {
  /** Who has logged in. Without it, a guest's session. */
  readonly userId?: string | undefined;
  /** Claims to begin with. A guest's claims are kept, and these are added. */
  readonly claims?: ClaimsPatch<Claims> | undefined;
  /** What to remember of the client. Default: the `User-Agent` header, or what the session of the request remembers. */
  readonly client?: CreateOptions<Claims>["client"];
  /**
   * How long this session lasts without use, and how long in any case, ms: for "remember me". Default: as in the options of the
   * store. `absoluteTimeout` decides `Max-Age` of the cookie.
   */
  readonly idleTimeout?: number | undefined;
  readonly absoluteTimeout?: number | undefined;
  /**
   * Whether the browser keeps the cookie when it closes. It is stored with the session, so it holds for the cookies of later
   * rotations too. Default: `cookie.persistent` of the application.
   */
  readonly persistent?: boolean | undefined;
  /** How the token will travel. Default: as it came; for a request without a token in a cookie, if cookies are on. */
  readonly transport?: Transport | undefined;
}

/** The names of {@link StartOptions}. */
export const START_OPTIONS = [
  ...["userId", "claims", "client"],
  ...["idleTimeout", "absoluteTimeout", "persistent", "transport"],
] as const;

/** How long a session lasts that starts now. Throws as `create` of the store does, before anything is changed. */
export function timeoutsOf(options: StartOptions<object>, usual: Timeouts | undefined): GivenTimeouts {
  const { userId, idleTimeout, absoluteTimeout } = options;
  if (usual === undefined) return { idleTimeout, absoluteTimeout };
  // Without a log-in, the session of a guest goes on with its own timeouts.
  return userId === undefined && !hasTimeouts(options) ? {} : resolveTimeouts(usual, options);
}

/** How a log-out ends. */
export interface EndOptions {
  /** Also makes the browser delete what it keeps of this origin, with `Clear-Site-Data`. Default: `false`. */
  readonly clearSiteData?: boolean | undefined;
}

/** What all requests of one application share. */
export interface RequestContext<Claims extends object> {
  readonly store: SessionStore<Claims>;
  /** `undefined` if cookies are off. */
  readonly cookie: SessionCookie | undefined;
  /** `undefined` if bearer tokens are off. */
  readonly bearer: BearerFormat | undefined;
  /** The timeouts of a log-in that sets none; `undefined` if the store does not tell them. */
  readonly timeouts: Timeouts | undefined;
  /** The headers by which sessions are found, as in `Vary`. */
  readonly vary: string;
  /** Whether a request may do what it does: it changes nothing, or no browser sent it on behalf of another site. */
  readonly isAllowed: (port: HttpPort) => boolean;
}
