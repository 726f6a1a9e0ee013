/**
 * What a store must hold, as plain data: the judge of the model test. It knows nothing of Redis, nor of time: nothing
 * expires here.
 */
import { isDeepStrictEqual } from "node:util";
import type { Session, SessionLimitPolicy } from "../../../src/index.js";

export type Claims = Record<string, unknown>;

/** A live session. */
export interface ModelSession {
  readonly id: string;
  readonly userId: string | null;
  readonly createdAt: number;
  seenAt: number;
  claims: Claims;
  /** The one that a rotation with grace has put in this one's place, and the other way round. */
  successor: string | null;
  predecessor: string | null;
}

/** What a log-in has left of the session that it ended, for another log-in of the same user on that session. */
export interface Trail {
  readonly userId: string;
  readonly claims: Claims;
  /** Of a user's own session: what the log-in has put in its place, for as long as which another log-in may come. */
  readonly heir?: { readonly id: string; readonly claims: Claims };
}

/** How many sessions a user may have, and what happens beyond that. */
export interface Limit {
  readonly most: number;
  readonly policy: SessionLimitPolicy;
}

export class State {
  readonly live = new Map<string, ModelSession>();
  readonly blocked = new Set<string>();
  /** By the id of the session that has ended. */
  readonly trails = new Map<string, Trail>();

  constructor(readonly limits: ReadonlyMap<string, Limit>) {}

  copy(): State {
    const copy = new State(this.limits);
    for (const [id, session] of this.live) copy.live.set(id, { ...session });
    for (const userId of this.blocked) copy.blocked.add(userId);
    for (const [id, trail] of this.trails) copy.trails.set(id, trail);
    return copy;
  }

  add(session: Session<Claims>): ModelSession {
    const { id, userId, createdAt, lastSeenAt, claims } = session;
    const added = { id, userId, createdAt, seenAt: lastSeenAt, claims, successor: null, predecessor: null };
    this.live.set(id, added);
    return added;
  }

  /** Both tokens of a session in its grace, or the one it has: themselves, in either order. */
  withPartner(session: ModelSession): ModelSession[] {
    const partner = this.live.get(session.successor ?? session.predecessor ?? "");
    return partner === undefined ? [session] : [session, partner];
  }

  end(sessions: Iterable<ModelSession>): void {
    for (const { id } of sessions) this.live.delete(id);
  }

  of(userId: string): ModelSession[] {
    return [...this.live.values()].filter((session) => session.userId === userId);
  }

  /** Applies a patch to a session, in its grace to both halves. Gives the half that counts. */
  patch(session: ModelSession, patch: Claims): ModelSession {
    for (const half of this.withPartner(session)) half.claims = patched(half.claims, patch);
    return (session.successor === null ? undefined : this.live.get(session.successor)) ?? session;
  }

  /** Makes room for a new session of a user: `"blocked"` or `"limit"` where there is none to be had. */
  admit(userId: string): "ok" | "blocked" | "limit" {
    if (this.blocked.has(userId)) return "blocked";
    const limit = this.limits.get(userId);
    if (limit === undefined) return "ok";
    const counted = this.of(userId).filter(({ successor }) => successor === null);
    const surplus = counted.length + 1 - limit.most;
    if (surplus > 0 && limit.policy === "reject") return "limit";
    const rank = limit.policy === "evict-idle" ? "seenAt" : "createdAt";
    counted.sort((a, b) => a[rank] - b[rank] || (a.id < b.id ? -1 : 1));
    for (const evicted of counted.slice(0, Math.max(0, surplus))) this.end(this.withPartner(evicted));
    return "ok";
  }
}

export function patched(claims: Claims, patch: Claims): Claims {
  return Object.fromEntries(Object.entries({ ...claims, ...patch }).filter(([, value]) => value !== undefined));
}

/** Whether what a verb gave is this session, as far as the model knows it. */
export function isSame(
  outcome: unknown,
  session: Pick<ModelSession, "id" | "userId" | "createdAt" | "claims">,
): boolean {
  if (typeof outcome !== "object" || outcome === null) return false;
  const { id, userId, createdAt, claims } = outcome as Session<Claims>;
  return (
    id === session.id &&
    userId === session.userId &&
    createdAt === session.createdAt &&
    isDeepStrictEqual({ ...claims }, session.claims)
  );
}

/** One atomic step of an operation: changes the state, and says whether the outcome of the operation allows it. */
export type Step = (state: State) => boolean;

/**
 * Finds an order of atomic steps that explains all outcomes at once and ends in a state that `matches`: what it means to be
 * linearizable. The steps of one operation keep their order. `null` where there is none.
 */
export function explain(state: State, operations: Step[][], matches: (state: State) => boolean): State | null {
  const pending = operations.filter((steps) => steps.length > 0);
  if (pending.length === 0) return matches(state) ? state : null;
  for (const [at, steps] of pending.entries()) {
    const after = state.copy();
    if (steps[0]?.(after) !== true) continue;
    const rest = pending.map((other, index) => (index === at ? other.slice(1) : other));
    const end = explain(after, rest, matches);
    if (end !== null) return end;
  }
  return null;
}
