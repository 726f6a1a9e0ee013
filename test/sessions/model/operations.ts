/** The verbs of the store as the model knows them: how each is called, and which steps its outcome allows. */
import { isDeepStrictEqual } from "node:util";
import {
  type IssuedSession,
  type RotateOptions,
  type Session,
  SessionLimitError,
  type SessionStore,
  UserBlockedError,
} from "../../../src/index.js";
import { type Claims, isSame, type ModelSession, patched, type State, type Step, type Trail } from "./state.js";

/** What an operation is called with, and what it should come to. */
export interface Reference {
  /** A token or an id. */
  readonly target: string;
  /** The id of the session that it opens while that lives; `null` for a forged token, which opens nothing. */
  readonly opens: string | null;
  /** The user whose session the target names, rightly or not. */
  readonly owner: string | null;
}

export interface Operation {
  readonly name: string;
  /** The user who gets a session by it. */
  readonly joins?: string | null;
  /** Whether it comes in several steps, so that others may see it half done. */
  readonly inSteps?: boolean;
  /** The user all of whose sessions it deals with. */
  readonly whole?: string;
  run(store: SessionStore<Claims>): Promise<unknown>;
  /** What must have happened for this outcome, step by step. */
  steps(outcome: unknown): Step[];
}

type Issued = IssuedSession<Claims>;

const REFUSALS = { blocked: UserBlockedError, limit: SessionLimitError } as const;

/** Makes room for a session of the user; its outcome must be a refusal exactly where there is none. */
function admits(state: State, userId: string | null, outcome: unknown): boolean {
  const verdict = userId === null ? "ok" : state.admit(userId);
  return verdict === "ok" ? !(outcome instanceof Error) : outcome instanceof REFUSALS[verdict];
}

function find(state: State, { opens }: Reference): ModelSession | undefined {
  return opens === null ? undefined : state.live.get(opens);
}

/** A verb on one session that gives `null` or `false` where it is not live, and else does as told. */
function onSession(
  name: string,
  reference: Reference,
  run: Operation["run"],
  step: (state: State, session: ModelSession, outcome: unknown) => boolean,
): Operation {
  return {
    name: `${name} ${reference.target.slice(0, 26)}${reference.opens === null ? " (forged)" : ""}`,
    run,
    steps: (outcome) => [
      (state) => {
        const session = find(state, reference);
        return session === undefined ? outcome === null || outcome === false : step(state, session, outcome);
      },
    ],
  };
}

export function create(userId: string | null, claims: Claims): Operation {
  return {
    name: `create for ${userId}`,
    joins: userId,
    run: (store) => store.create({ ...(userId === null ? {} : { userId }), claims }),
    steps: (outcome) => [
      (state) => {
        if (!admits(state, userId, outcome)) return false;
        if (outcome instanceof Error) return true;
        const { session } = outcome as Issued;
        state.add(session);
        return isSame(session, { ...session, userId, claims });
      },
    ],
  };
}

export const get = (reference: Reference) =>
  onSession(
    "get",
    reference,
    (store) => store.get(reference.target),
    (_, session, outcome) => isSame(outcome, session),
  );

export const findById = (id: string) =>
  onSession(
    "find",
    { target: id, opens: id, owner: null },
    (store) => store.find(id),
    (_, session, outcome) => isSame(outcome, session),
  );

export const touch = (reference: Reference) =>
  onSession(
    "touch",
    reference,
    (store) => store.touch(reference.target),
    (_, session, outcome) => {
      if (!isSame(outcome, session)) return false;
      session.seenAt = (outcome as Session).lastSeenAt;
      return true;
    },
  );

export const patch = (reference: Reference, changes: Claims) =>
  onSession(
    "patch",
    reference,
    (store) => store.updateClaims(reference.target, changes),
    (state, session, outcome) => isSame(outcome, state.patch(session, changes)),
  );

const visits = (claims: Readonly<Claims>) => ({ visits: Number(claims["visits"] ?? 0) + 1 });

export const increment = (reference: Reference) =>
  onSession(
    "increment",
    reference,
    (store) => store.updateClaims(reference.target, visits),
    (state, session, outcome) => {
      const head = (session.successor === null ? undefined : state.live.get(session.successor)) ?? session;
      return isSame(outcome, state.patch(session, visits(head.claims)));
    },
  );

export const revoke = (reference: Reference) =>
  onSession(
    "revoke",
    reference,
    (store) => store.revoke(reference.target),
    (state, session, outcome) => {
      state.end(state.withPartner(session));
      return outcome === true;
    },
  );

export const rotate = (reference: Reference, options: RotateOptions<Claims> & { claims: Claims }) =>
  onSession(
    `rotate (grace ${options.grace ?? 0})`,
    reference,
    (store) => store.rotate(reference.target, options),
    (state, session, outcome) => replace(state, session, options, outcome),
  );

function replace(
  state: State,
  session: ModelSession,
  { grace = 0, claims }: RotateOptions<Claims> & { claims: Claims },
  outcome: unknown,
): boolean {
  // What was rotated already cannot be rotated again.
  if (session.successor !== null || outcome === null) return session.successor !== null && outcome === null;
  const added = state.add((outcome as Issued).session);
  if (session.predecessor !== null) state.live.delete(session.predecessor);
  if (grace > 0) {
    session.successor = added.id;
    session.predecessor = null;
    added.predecessor = session.id;
  } else {
    state.live.delete(session.id);
  }
  return isSame(added, { ...session, id: added.id, claims: patched(session.claims, claims) });
}

/** What an earlier log-in of the same user has left of the session, once that has ended. */
function trailOf(state: State, { opens }: Reference, userId: string): Trail | undefined {
  const trail = opens === null || state.live.has(opens) ? undefined : state.trails.get(opens);
  return trail?.userId === userId ? trail : undefined;
}

/**
 * A log-in on a session: the rotation of the user's own, or else the hand-over in three steps. Where an earlier log-in of the
 * same user has ended the session, it goes on from what that one found; it may also come too late for that, after ten seconds,
 * or because the session of the earlier one has ended or changed meanwhile.
 */
export function logIn(reference: Reference, userId: string, claims: Claims): Operation {
  const run: Operation["run"] = (store) => store.rotate(reference.target, { userId, claims });
  const name = `log in as ${userId} on`;
  return reference.owner === userId
    ? renewal(name, reference, userId, claims, run)
    : handOver(name, reference, userId, claims, run);
}

function renewal(name: string, reference: Reference, userId: string, claims: Claims, run: Operation["run"]): Operation {
  const onLive = onSession(name, reference, run, (state, session, outcome) => {
    if (!replace(state, session, { claims }, outcome)) return false;
    if (outcome !== null) {
      const heir = { id: (outcome as Issued).session.id, claims: patched(session.claims, claims) };
      state.trails.set(session.id, { userId, claims: session.claims, heir });
    }
    return true;
  });
  return {
    ...onLive,
    steps: (outcome) => [
      (state) => {
        const trail = trailOf(state, reference, userId);
        if (trail === undefined || outcome === null) return onLive.steps(outcome).every((step) => step(state));
        // No limit: the store is one without, as for every rotation of a user's own.
        if (state.blocked.has(userId)) return outcome instanceof UserBlockedError;
        // What was revoked, rotated or changed since is not brought back.
        const heir = state.live.get(trail.heir?.id ?? "");
        if (heir === undefined || heir.successor !== null) return false;
        if (!isDeepStrictEqual(heir.claims, trail.heir?.claims)) return false;
        const { session } = outcome as Issued;
        state.add(session);
        return isSame(session, { ...session, userId, claims: patched(trail.claims, claims) });
      },
    ],
  };
}

function handOver(
  name: string,
  reference: Reference,
  userId: string,
  claims: Claims,
  run: Operation["run"],
): Operation {
  const isGuest = reference.owner === null;
  const isFresh: Step = (state) => find(state, reference)?.successor === null;
  const opens: Step = (state) => isFresh(state) || trailOf(state, reference, userId) !== undefined;
  const end: (issued: Issued) => Step = (issued) => (state) => {
    const old = find(state, reference);
    // A guest who was rotated meanwhile is not logged in; of another user nothing is carried over, so it does not matter.
    if (isGuest && old !== undefined && old.successor !== null) return false;
    const left = old === undefined ? trailOf(state, reference, userId) : { userId, claims: isGuest ? old.claims : {} };
    if (left === undefined) return false;
    if (old !== undefined) {
      state.end(state.withPartner(old));
      state.trails.set(old.id, left);
    }
    return isSame(issued.session, { ...issued.session, userId, claims: patched(left.claims, claims) });
  };
  return {
    name: `${name} ${reference.target.slice(0, 26)}`,
    joins: userId,
    inSteps: true,
    run,
    steps: (outcome) => {
      if (outcome === null) return [(state) => !isFresh(state)];
      const admission: Step = (state) => {
        if (!admits(state, userId, outcome)) return false;
        if (!(outcome instanceof Error)) state.add((outcome as Issued).session);
        return true;
      };
      return outcome instanceof Error ? [opens, admission] : [opens, admission, end(outcome as Issued)];
    },
  };
}

/** A verb on all sessions of a user. */
function onUser(name: string, whole: string, run: Operation["run"], step: (state: State, outcome: unknown) => boolean) {
  return {
    name: `${name} ${whole}`,
    whole,
    run,
    steps: (outcome: unknown) => [(state: State) => step(state, outcome)],
  };
}

export const revokeAll = (userId: string, except: Reference | null) =>
  onUser(
    `revoke all${except === null ? "" : ` but ${except.target.slice(0, 26)}`} of`,
    userId,
    (store) => store.revokeAllForUser(userId, except === null ? {} : { except: except.target }),
    (state, outcome) => {
      const spared = except === null ? undefined : state.live.get(except.target.slice(0, 26));
      const kept = spared?.userId === userId ? state.withPartner(spared) : [];
      const ended = state.of(userId).filter((session) => !kept.includes(session));
      state.end(ended);
      return outcome === ended.length;
    },
  );

export const block = (userId: string) =>
  onUser(
    "block",
    userId,
    (store) => store.blockUser(userId),
    (state, outcome) => {
      const ended = state.of(userId);
      state.end(ended);
      state.blocked.add(userId);
      return outcome === ended.length;
    },
  );

export const unblock = (userId: string) =>
  onUser(
    "unblock",
    userId,
    (store) => store.unblockUser(userId),
    (state, outcome) => state.blocked.delete(userId) === outcome,
  );

export const getBlock = (userId: string) =>
  onUser(
    "get the block on",
    userId,
    (store) => store.getBlock(userId),
    (state, outcome) => state.blocked.has(userId) === (outcome !== null),
  );

export const updateAll = (userId: string, changes: Claims) =>
  onUser(
    "update all of",
    userId,
    (store) => store.updateClaimsForUser(userId, changes),
    (state, outcome) => {
      const sessions = state.of(userId);
      for (const session of sessions) session.claims = patched(session.claims, changes);
      return outcome === sessions.length;
    },
  );

export const list = (userId: string) =>
  onUser(
    "list",
    userId,
    (store) => store.listForUser(userId),
    (state, outcome) => {
      const expected = state.of(userId).filter(({ successor }) => successor === null);
      expected.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
      const listed = outcome as Session[];
      return listed.length === expected.length && expected.every((session, at) => isSame(listed[at], session));
    },
  );
