/**
 * Ending every session that there is. No key names them all, so this goes through the keys of every master, in bounded steps.
 *
 * `SCAN` finds a key that is there from the beginning of a pass to its end. That holds for the index of a user as long as a
 * session of theirs lives, and the index names all of them, also one that is rotated meanwhile. A guest has no index, but a
 * rotation leaves their whereabouts (see record.lua) for five minutes: if a guest's session is rotated in one pass, the next one
 * finds that key, and ends the session that it names in the same step. It does not hold for keys that move to another master.
 * So there are passes until two in a row have found nothing and the same masters have served the same slots all the time: a key
 * that moves once in these two is seen by one of them. In a Cluster it takes three: a guest's session may be rotated in the first,
 * and what names the new one may move in the second.
 */
import { checkNames, show } from "../../leaves/arguments.js";
import { CorruptRecordError, type NotReplicatedError, StoreUnavailableError } from "../../leaves/errors.js";
import { buckets, mintToken } from "../../leaves/token.js";
import type { Master, Topology } from "../../redis/cluster/masters.js";
import type { Context } from "../context.js";
import type { Cause } from "../ending.js";
import type { NamedIndex, NamedKey } from "../keys.js";
import { type Cursor, START } from "../scripts/list.js";
import { runRevoke } from "../scripts/revoke.js";
import { type OldPage, runRevokeAllUser } from "../scripts/revoke-all-user.js";
import { endOld, endOldGuest, firstOf } from "./end.js";
import { announceEnd, checkNote } from "./revoke.js";

/** How far `revokeAll` has come. */
export interface RevokeAllProgress {
  /** How many live sessions have ended so far. */
  readonly ended: number;
  /** Which pass over all keys this is, from 1. The first one ends nearly all sessions; the last two find none, or three in a Cluster. */
  readonly pass: number;
}

/** How `revokeAll` reports, how to stop it, and what the bearers are told. */
export interface RevokeEverythingOptions {
  /** Called after each page of keys, up to some thousand times. What it throws rejects the call. */
  readonly onProgress?: ((progress: RevokeAllProgress) => void) | undefined;
  /** Stops it between two steps. What has ended stays ended. */
  readonly signal?: AbortSignal | undefined;
  /** With the option `endings`: what the bearers are told beside the reason. At most 64 characters. Default: none. */
  readonly note?: string | undefined;
}

/** How many keys a master looks at for one page: that takes a fraction of a ms. */
const KEYS_IN_PAGE = 500;

/**
 * How many sessions one script looks at, and how many scripts are on the way to one master. Redis may run all of them before
 * it serves another connection: together they take a few ms at most.
 */
const SESSIONS_IN_SCRIPT = 50;
const IN_FLIGHT = 8;

/** How many passes in a row must find nothing. */
const QUIET = { alone: 2, inCluster: 3 };

/** By how much the clocks of two masters may differ, ms. A session that has moved was created by the clock of another one. */
const CLOCK_DIFFERENCE = 2000;

export async function revokeAll<Claims extends object>(
  cx: Context<Claims>,
  options: RevokeEverythingOptions = {},
): Promise<number> {
  checkNames("revokeAll", options, ["onProgress", "signal", "note"]);
  const { onProgress, signal } = options;
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new TypeError(`onProgress must be a function, got ${show(onProgress)}`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal, got ${show(signal)}`);
  }
  const note = checkNote(options.note);
  signal?.throwIfAborted();
  return new Sweep(cx, options, { reason: "all", note }).run();
}

/** One call of `revokeAll`. */
class Sweep<Claims extends object> {
  readonly #cx: Context<Claims>;
  readonly #onProgress: RevokeEverythingOptions["onProgress"];
  readonly #signal: AbortSignal | undefined;
  readonly #cause: Cause;
  /** Up to when a session must have been created to end, by the address of the master on which it is found. */
  readonly #instants = new Map<string | undefined, number>();
  #latest = 0;
  #ended = 0;
  #told = 0;
  #pass = 0;
  /** Whether this pass has found a session that had to end. */
  #found = false;
  #failed = false;
  /** A key that holds something else must not save the other sessions. It is reported when they have ended. */
  #corrupt: CorruptRecordError | undefined;

  constructor(cx: Context<Claims>, { onProgress, signal }: RevokeEverythingOptions, cause: Cause) {
    this.#cx = cx;
    this.#onProgress = onProgress;
    this.#signal = signal;
    this.#cause = cause;
  }

  async run(): Promise<number> {
    try {
      await this.#sweep();
    } catch (error) {
      // Also what was under way when it failed or was stopped.
      if (this.#ended !== this.#told) this.#tell();
      throw error instanceof StoreUnavailableError ? this.#outage(error) : error;
    }
    if (this.#corrupt !== undefined) throw this.#corrupt;
    return this.#ended;
  }

  #outage(cause: StoreUnavailableError): StoreUnavailableError {
    const so = `${this.#ended} sessions have ended so far. It is safe to call revokeAll again: it ends the others`;
    return new StoreUnavailableError(`${cause.message}; ${so}`, cause.cause ?? cause);
  }

  async #sweep(): Promise<void> {
    let before = await this.#look();
    this.#begin(before);
    const enough = this.#cx.redis.inCluster ? QUIET.inCluster : QUIET.alone;
    let quiet = 0;
    while (quiet < enough) {
      this.#pass++;
      this.#found = false;
      await this.#each(before.masters, before.masters.length, (master) => this.#sweepMaster(master));
      const short = quiet === enough - 1 && !this.#found ? await this.#confirm(before.masters.length) : null;
      const after = await this.#look();
      quiet = this.#found || after.view !== before.view ? 0 : quiet + 1;
      if (quiet === enough && short !== null) throw short;
      before = after;
    }
  }

  /** The masters now. A connection that was lost may lead to another server now, so that counts as a change too. */
  async #look(): Promise<Topology> {
    const { masters, view } = await this.#cx.redis.masters();
    return { masters, view: `${view}\n${this.#cx.redis.losses}` };
  }

  #begin({ masters }: Topology): void {
    this.#latest = Math.max(...masters.map(({ now }) => now));
    for (const { server, now } of masters) {
      this.#instants.set(server.address, Math.min(this.#latest, now + CLOCK_DIFFERENCE));
    }
  }

  async #sweepMaster(master: Master): Promise<void> {
    const { redis, keys } = this.#cx;
    const instant = this.#instants.get(master.server.address) ?? this.#latest;
    let cursor = "0";
    do {
      this.#goOn();
      const [next, found] = await redis.keyPage(master, cursor, keys.prefix, KEYS_IN_PAGE);
      const named = found.map((key) => keys.named(key)).filter((name) => name !== null);
      await this.#each(named, IN_FLIGHT, (name) => this.#end(name, instant));
      this.#tell();
      cursor = next;
    } while (cursor !== "0");
  }

  async #end(name: NamedKey, instant: number): Promise<void> {
    try {
      if (name.kind === "index") await this.#endUser(name, instant);
      else if (name.kind === "guest") await this.#endGuest(name.id, instant);
      else await this.#endSession(name.id, instant);
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error;
      this.#corrupt ??= error;
    }
  }

  async #endUser({ user, userId }: NamedIndex, instant: number): Promise<void> {
    let after: Cursor | undefined = START;
    while (after !== undefined) {
      this.#goOn();
      const { endings } = this.#cx.options;
      const asked = { user, instant, after, most: SESSIONS_IN_SCRIPT, cause: this.#cause, endings };
      const page: OldPage = await runRevokeAllUser(this.#cx.redis, asked);
      if (page.status === "ok") this.#note(page.ids, userId);
      else await this.#each(page.ids, IN_FLIGHT, (id) => this.#endSession(id, instant));
      after = page.next;
    }
  }

  async #endSession(id: string, instant: number): Promise<void> {
    const { ended, userId } = await endOld(this.#cx, id, instant, this.#cause);
    this.#note(ended, userId);
  }

  async #endGuest(first: string, instant: number): Promise<void> {
    const { ended } = await endOldGuest(this.#cx, first, instant, this.#cause);
    this.#note(ended, null);
  }

  #note(ids: readonly string[], userId: string | null): void {
    if (ids.length === 0) return;
    this.#found = true;
    this.#ended += ids.length;
    announceEnd(this.#cx, ids, userId, "all");
  }

  #tell(): void {
    this.#told = this.#ended;
    this.#onProgress?.({ ended: this.#ended, pass: this.#pass });
  }

  /** Throws if the call was stopped. */
  #goOn(): void {
    this.#signal?.throwIfAborted();
  }

  /**
   * Does something with each item, with a few at a time. After a failure, or when the call is stopped, it begins with no
   * other, here and everywhere else, and throws when those under way are done.
   */
  async #each<Item>(items: readonly Item[], most: number, work: (item: Item) => Promise<void>): Promise<void> {
    const queue = items.values();
    const worker = async () => {
      for (const item of queue) {
        this.#goOn();
        if (this.#failed) return;
        await work(item);
      }
    };
    const workers = Array.from({ length: Math.min(most, items.length) }, () =>
      worker().catch((error: unknown) => {
        this.#failed = true;
        throw error;
      }),
    );
    const failure = (await Promise.allSettled(workers)).find((outcome) => outcome.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  }

  /**
   * With the `replicas` option, waits until the replicas of every master have everything that was ended: a `WAIT` behind a
   * write covers what any connection has written to that master before.
   */
  async #confirm(masters: number): Promise<NotReplicatedError | null> {
    const { redis, keys, options } = this.#cx;
    if (options.replicas === undefined) return null;
    const servers = new Map<string, string>();
    for (const bucket of buckets()) {
      // No session has this id: the script finds nothing, and writes something for the WAIT.
      const key = keys.session(mintToken(bucket).id);
      servers.set(redis.serverOf(key), key);
      if (servers.size === masters) break;
    }
    const none = { secretHash: "", alone: true, cause: { reason: "all" }, endings: 0 } as const;
    const ends = await Promise.all([...servers.values()].map((key) => runRevoke(redis, { key, ...none })));
    return firstOf(ends.map(({ shortfall }) => shortfall));
  }
}
