/** The contract of the session store, and what its verbs promise. It is put together in `assembly.ts`. */
import type { CheckReport } from "./check.js";
import type { ClaimsPatch } from "./claims.js";
import type { Explanation } from "./ending.js";
import type { Events } from "./events.js";
import type { Near } from "./near/near.js";
import type { Session } from "./session.js";
import type { Block, BlockOptions } from "./verbs/block.js";
import type { CreateOptions, IssuedSession } from "./verbs/create.js";
import type { RevokeAllOptions, RevokeOptions } from "./verbs/revoke.js";
import type { RevokeEverythingOptions } from "./verbs/revoke-all.js";
import type { RotateOptions } from "./verbs/rotate-options.js";
import type { ClaimsChange } from "./verbs/update.js";
import type { Watch, WatchOptions } from "./watching/watch.js";

/**
 * Sessions in Redis. Absence is a value: `null`, `false` or `0` mean that Redis has said that there is no such live session.
 * They do not tell why; `events` does. Every verb may reject with `StoreUnavailableError` when Redis did not answer in time, or
 * not as our scripts do, or cannot serve, and with `CorruptRecordError` when a key holds something else. A client may send a
 * call again whose reply was lost with its connection. Then the call answers as its first run did, or rejects with
 * `StoreUnavailableError` because it may have run.
 *
 * A *target* is a token, whose secret is then checked, or a session id, for administrators and server-side calls. A verb that
 * takes one throws `TypeError` for an object, such as a session instead of its id; so does `find`. A verb is one round trip
 * unless its own text says more; a malformed token costs none.
 */
export interface SessionStore<Claims extends object = Record<string, unknown>> {
  /**
   * Creates a session; without a `userId` it is a guest's. Only this call returns its token. Throws `UserBlockedError`,
   * `SessionLimitError` and `ClaimsError`.
   * @example const { token, session } = await store.create({ userId: "42", claims: { role: "admin" } });
   */
  create(options?: CreateOptions<Claims>): Promise<IssuedSession<Claims>>;

  /** Looks a token up and changes nothing. `null`: no live session has this token. */
  get(token: unknown): Promise<Session<Claims> | null>;

  /**
   * Like `get`, and slides the idle deadline if `touchInterval` has passed since the last slide. For every request. With `near`,
   * this and `get` are answered from memory where possible; then a slide that is due is made behind the answer.
   */
  touch(token: unknown): Promise<Session<Claims> | null>;

  /**
   * With `near`: the session as `touch` would give it, from memory and at once. `undefined`: memory cannot tell, so ask `touch`;
   * it does not mean that there is no such session. Without `near` always `undefined`. Throws nothing, and costs no round trip.
   * @example const session = store.peek(token) ?? (await store.touch(token));
   */
  peek(token: unknown): Session<Claims> | undefined;

  /**
   * Changes single claims: a value sets a claim, `undefined` removes it, `null` is a value. Other claims stay as they are, so
   * concurrent updates of different claims are all kept. A function gets the current claims and returns the patch; it runs
   * again if somebody else was faster, so counters and carts are exact (two round trips, and one more for each further run).
   * `null`: no such live session, and nothing was written. If the reply is lost and the session ends or is rotated before the
   * change is sent again, it rejects with `StoreUnavailableError`, though the change was made. Throws `ClaimsError`.
   * @example await store.updateClaims(token, ({ cart }) => ({ cart: [...cart, item] }));
   */
  updateClaims(target: string | null | undefined, change: ClaimsChange<Claims>): Promise<Session<Claims> | null>;

  /**
   * Changes claims in every live session of a user: a new role takes effect with their next request. Returns how many
   * sessions it reached: all that were live at the call, and all that were created before its last step. It ends even if
   * log-ins go on. Up to 250 sessions are one atomic step; of more it takes 250 at a time, or fewer if they are large. With a
   * schema it checks every session before it writes the first; sessions that are created meanwhile are checked afterwards.
   * Throws `ClaimsError`.
   */
  updateClaimsForUser(userId: string, patch: ClaimsPatch<Claims>): Promise<number>;

  /**
   * Gives a session a new id and secret; the old token ends in the same step, or after `grace` (ASVS 5.0, 7.2.4). During the
   * grace both are one session: revoking one ends both, claims change in both, and the old one can neither be rotated nor
   * extended. With a `userId` it is a log-in. `null`: no such live session. If the reply is lost and the new session ends
   * before the call is sent again, it rejects with `StoreUnavailableError`, as it may have run. Throws `UserBlockedError`,
   * `SessionLimitError` (only with another `userId`) and `ClaimsError`. One round trip, two with a schema and `claims`; three
   * if a log-in gives the session to another user.
   */
  rotate(token: unknown, options?: RotateOptions<Claims>): Promise<IssuedSession<Claims> | null>;

  /**
   * Ends a session: once this has resolved, no lookup anywhere accepts it (ASVS 5.0, 7.4.1). `false`: it was not live.
   * Throws `NotReplicatedError` with the `replicas` option.
   */
  revoke(target: string | null | undefined, options?: RevokeOptions): Promise<boolean>;

  /**
   * Ends all sessions of a user, except the one in `except` (ASVS 5.0, 7.4.3). Returns how many were live. Up to 250 sessions
   * are one atomic step; of more it takes 250 at a time. Throws `NotReplicatedError` with the `replicas` option.
   */
  revokeAllForUser(userId: string, options?: RevokeAllOptions): Promise<number>;

  /**
   * Ends every session of this prefix that existed when it was called, of all users and guests, on every master of a Cluster
   * (ASVS 5.0, 7.4.5). Log-ins go on: a session that is created later stays, so stop log-ins first if the passwords were stolen.
   * "When it was called" is judged by the clocks of the masters; a session that is created in the same ms ends, and in a Cluster
   * also one that is created up to 2 s later, if the clocks of its masters differ by so much. Blocks and one-time tokens stay.
   *
   * It goes through all keys of the servers, at least twice, in steps of a few ms, so others are served meanwhile. On a busy
   * machine with two cores it ended 100 000 sessions of 20 000 users in 20 s while log-ins went on. `onProgress` tells how far
   * it is; an aborted `signal` makes it reject with `signal.reason` after the step. It is safe to call again, whatever it has
   * rejected with. Returns how many live sessions it ended. Throws `NotReplicatedError` with the `replicas` option, when all have
   * ended on the masters; and `CorruptRecordError` for a key that holds something else, when it has ended all others. Redis must
   * allow `SCAN`.
   */
  revokeAll(options?: RevokeEverythingOptions): Promise<number>;

  /** The live sessions of a user, newest first; one more round trip for every 250. */
  listForUser(userId: string): Promise<Session<Claims>[]>;

  /** Looks a session up by its public id, for administrators. `null`: no such live session, or not an id. */
  find(id: string | null | undefined): Promise<Session<Claims> | null>;

  /**
   * Why a token is refused: its session has ended, and has left its ending (option `endings`); only its bearer is told. Knows
   * nothing of sessions that have expired. As with any lookup, the event `rejected` tells of a token that is refused.
   */
  explain(token: unknown): Promise<Explanation>;

  /**
   * Ends all sessions of a user, and no session is created until the block ends: a log-in that races with this is either
   * refused with `UserBlockedError` or revoked. Replaces an earlier block. Up to 250 sessions end in the step that makes the
   * block; of more it ends 250 at a time. If it rejects in between, the user is blocked, but the sessions that are left can
   * still be read, touched and changed until they expire, though not rotated. Call it again to end them. Returns how many
   * sessions it ended. Throws `RangeError` for an `until` that has passed, and `NotReplicatedError` with the `replicas` option.
   */
  blockUser(userId: string, options?: BlockOptions): Promise<number>;

  /** Lifts a block; sessions that it ended stay dead. `false`: the user was not blocked. */
  unblockUser(userId: string): Promise<boolean>;

  /** The block on a user. `null`: not blocked. */
  getBlock(userId: string): Promise<Block | null>;

  /**
   * Watches a session for as long as a connection lasts that was opened with it: a WebSocket, an event stream. Looks it up, and
   * tells as soon as it ends or its claims change, wherever that was done; by itself it keeps no session alive. A rotation
   * ends the watch at once, even one with `grace`. A target that names no live session gives a watch that has already ended, as
   * `"unknown"`. One round trip; the first watch also subscribes, on a duplicate of the Redis client that `close()` ends.
   * Throws `StoreUnavailableError` if Redis does not confirm that, or if the store is closed.
   * @example const watch = await store.watch(token);
   * watch.signal.addEventListener("abort", () => socket.close(4401, watch.signal.reason.reason));
   */
  watch(target: string | null | undefined, options?: WatchOptions): Promise<Watch<Claims>>;

  /** Looks at the server and the client for settings that would break a promise. Several round trips. */
  check(): Promise<CheckReport>;

  /** The events of this process: see {@link SessionEvents}. */
  readonly events: Events;

  /** Whether sessions are served from the memory of this process, and how often. Without `near` the state is `"off"`. */
  readonly near: Near;

  /**
   * For the end of a process: ends all watches, as `"unsure"`, the near cache, and the store's own connection to Redis, if it has
   * made one. The clients stay yours. May be called again. Afterwards `watch` rejects with `StoreUnavailableError`; other verbs
   * still work, each by a round trip, because they need nothing but your client.
   */
  close(): Promise<void>;
  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
