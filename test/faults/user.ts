/**
 * The users of a running load and their sessions, as far as a user knows them. Every user does one thing after another, so
 * what was acknowledged is known for sure, and so is what nobody can know. What contradicts it is ledger.ts's to say.
 */
import type { Counter, Register } from "./memory.js";

/** When a call began and when it was answered, by `performance.now()`. */
export interface Span {
  readonly begun: number;
  readonly ended: number;
}

/** How a session ends. */
export type End = "revocation" | "rotation" | "expiry";

/** One session, as far as its user knows it. */
export interface Known {
  readonly id: string;
  /** `null` for one that was only seen in a list: made by a call that was never answered. */
  readonly token: string | null;
  readonly user: User;
  /** Not the user's yet, so in no index. */
  readonly guest: boolean;
  readonly born: Span;
  /** What its loss would be. */
  readonly bornBy: "create" | "rotation";
  /** `unsure`: a call that would end it, or has ended it, was not answered. `lost`: a failover undid its creation. */
  state: "live" | "unsure" | "dead" | "lost";
  /** The call that ended it. */
  died: (Span & { readonly by: End }) | null;
  /** Claim `n`, which is counted up; of no use where the token is not known. */
  readonly n: Counter;
  /** All other claims, which are set. */
  readonly claims: Map<string, Register>;
  /** The earliest and the latest end that the calls so far can have given it, epoch ms. */
  expires: { readonly earliest: number; readonly latest: number };
  readonly idle: number;
}

/** One user, who does one thing after another. */
export interface User {
  readonly id: string;
  readonly sessions: Map<string, Known>;
  /** Those that are dead, the last to die at the end. */
  readonly dead: Known[];
  /**
   * How many sessions there may be, or may yet be, that nobody knows: one of each call without an answer; and of each that makes
   * another session because a connection was lost, the first one, since a copy of its script may still run.
   */
  ghosts: number;
  /** Whether a block is there. */
  block: "none" | "blocked" | "unsure";
  /** The call that last set or lifted it. */
  blockChanged: Span | null;
  /** A call that concerns all sessions has no answer, and may yet run: from then on only the dead are known for sure. */
  retired: boolean;
}
