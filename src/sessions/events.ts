/**
 * What the store tells operators: typed events, also published on `node:diagnostics_channel` as `coatcheck:<event>`.
 * Payloads carry ids and names of claims, never tokens, secrets or values of claims.
 */
import { channel } from "node:diagnostics_channel";
import { EventEmitter } from "node:events";
import type { NearReason, NearState } from "./near/pulse.js";
import type { Client } from "./session.js";

/**
 * Why a session ended: by its own id or token, with all of its user's, by a block, to make room for another, or with all that
 * there are (`revokeAll`).
 */
export type RevocationReason = "revoked" | "user" | "blocked" | "limit" | "all";

/**
 * Why a token was refused. `malformed`: not a token at all; Redis was not asked. `unknown`: there is no such session; it has
 * expired, was revoked or never existed. `secret`: the session lives, but the secret is wrong: worth an alarm. `superseded`:
 * somebody asked for a rotation of a token that has been rotated already.
 *
 * Only for JWTs (coatcheck/jwt), for which Redis was not asked: `untrusted`: none of our keys has signed it as this kind of
 * JWT; `misdirected`: it is signed, but has another issuer or audience, or lacks a claim; `premature`: it is from the future,
 * by the clock of this process; `expired`: by the same clock.
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
  /** The block holds from now on. Sessions of the user may still be ending. `until` is `null` for a block without end. */
  blocked: { readonly userId: string; readonly until: number | null };
  /** A block was lifted by `unblockUser`. One that ends by itself is not told. */
  unblocked: { readonly userId: string };
  /**
   * A verb has rejected because Redis could not do its part. `STORE_UNAVAILABLE`: it did not answer in time or cannot serve.
   * `NOT_REPLICATED`: it has revoked, and too few replicas have confirmed that.
   */
  unavailable: { readonly verb: string; readonly code: "STORE_UNAVAILABLE" | "NOT_REPLICATED" };
  /** The near cache of this process answers from memory from now on, or no more, and why: see {@link NearReason}. */
  near: { readonly state: NearState; readonly reason: NearReason };
}

type EventMap = { [Name in keyof SessionEvents]: [SessionEvents[Name]] };

const channels = {
  created: channel("coatcheck:created"),
  rotated: channel("coatcheck:rotated"),
  updated: channel("coatcheck:updated"),
  revoked: channel("coatcheck:revoked"),
  rejected: channel("coatcheck:rejected"),
  blocked: channel("coatcheck:blocked"),
  unblocked: channel("coatcheck:unblocked"),
  unavailable: channel("coatcheck:unavailable"),
  near: channel("coatcheck:near"),
} as const;

/** The emitter behind `store.events`. */
export class Events extends EventEmitter<EventMap> {
  /** Whether anybody would hear an event. */
  isHeard(name: keyof SessionEvents): boolean {
    return channels[name].hasSubscribers || this.listenerCount(name) > 0;
  }

  /** Tells listeners and subscribers. An error of a listener is an uncaught exception, and never the failure of the verb. */
  announce<Name extends keyof SessionEvents>(name: Name, payload: SessionEvents[Name]): void {
    if (!this.isHeard(name)) return;
    Object.freeze(payload);
    if (channels[name].hasSubscribers) channels[name].publish(payload);
    try {
      (this as EventEmitter).emit(name, payload);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}
