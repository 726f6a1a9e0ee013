/**
 * What the store tells operators: typed events, also published on `node:diagnostics_channel` as `coatcheck:<event>`.
 * Payloads carry ids and names of claims, never tokens, secrets or values of claims.
 */
import { channel } from "node:diagnostics_channel";
import { EventEmitter } from "node:events";
import type { Client } from "./session.js";

/** Why a session ended: by its own id or token, with all of its user's, by a block, or to make room for another. */
export type RevocationReason = "revoked" | "user" | "blocked" | "limit";

/**
 * Why a token was refused. `malformed`: not a token at all; Redis was not asked. `unknown`: no such session; it expired,
 * was revoked or never was. `secret`: the session lives, and the secret is not its own: worth an alarm. `superseded`: a
 * rotation was asked for a token that has been rotated already.
 *
 * Of JWTs alone (coatcheck/jwt), which never reached Redis: `untrusted`: no key here has signed this as what it was taken
 * for; `misdirected`: signed, with another issuer or audience, or without a claim that it needs; `premature`: from the
 * future, by the clock of this process; `expired`: by the same clock.
 */
export type RejectionReason =
  | "malformed"
  | "unknown"
  | "secret"
  | "superseded"
  | "untrusted"
  | "misdirected"
  | "premature"
  | "expired";

/** The events of a store and their payloads. */
export interface SessionEvents {
  created: { readonly id: string; readonly userId: string | null; readonly client: Client };
  /** A log-in is a rotation whose `previousUserId` differs from `userId`. */
  rotated: {
    readonly id: string;
    readonly previousId: string;
    readonly userId: string | null;
    readonly previousUserId: string | null;
    readonly client: Client;
  };
  updated: { readonly id: string; readonly userId: string | null; readonly claims: readonly string[] };
  revoked: { readonly id: string; readonly userId: string | null; readonly reason: RevocationReason };
  rejected: { readonly id: string | null; readonly reason: RejectionReason };
}

type EventMap = { [Name in keyof SessionEvents]: [SessionEvents[Name]] };

const channels = {
  created: channel("coatcheck:created"),
  rotated: channel("coatcheck:rotated"),
  updated: channel("coatcheck:updated"),
  revoked: channel("coatcheck:revoked"),
  rejected: channel("coatcheck:rejected"),
} as const;

/** The emitter behind `store.events`. */
export class Events extends EventEmitter<EventMap> {
  /** Tells listeners and subscribers. What a listener throws is an uncaught exception, and never the verb's failure. */
  announce<Name extends keyof SessionEvents>(name: Name, payload: SessionEvents[Name]): void {
    const { hasSubscribers } = channels[name];
    if (!hasSubscribers && this.listenerCount(name) === 0) return;
    Object.freeze(payload);
    if (hasSubscribers) channels[name].publish(payload);
    try {
      (this as EventEmitter).emit(name, payload);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}
