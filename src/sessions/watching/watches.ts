/**
 * The watched sessions of one store in this process. It hears of ends and changes through the feed, looks sessions up when they
 * are due, and tells their watches. It knows no scripts: it is given the reads.
 */
import { refuseObject } from "../../leaves/arguments.js";
import { StoreUnavailableError, type WatchEnd, WatchEndedError } from "../../leaves/errors.js";
import { parseTarget, type Target } from "../../leaves/token.js";
import type { Listener, Subscription } from "../../redis/subscription.js";
import { parseFeed } from "../feed.js";
import { type ProcessClock, SleepSense } from "../near/process-clock.js";
import type { Pulse } from "../near/pulse.js";
import type { StoredSession } from "../session.js";
import { LookUps } from "./look-ups.js";
import { Timetable } from "./timetable.js";
import { limitsOf, NEVER, type Watch, Watcher, type WatchLimits, type WatchOptions } from "./watch.js";
import { learn, newWatched, type Watched } from "./watched.js";

/** What the watches of a store need of the rest. */
export interface WatchesParts<Claims extends object> {
  readonly clock: ProcessClock;
  /** The channel of the feed, without the client's `keyPrefix`. */
  readonly channel: string;
  readonly subscription: Pick<Subscription, "add" | "remove" | "whenReady" | "isReady">;
  /** Tells by beats that everything is heard. It ends by itself if nobody asks for it. */
  readonly pulse: Pick<Pulse, "wake" | "close"> & { isAsked: boolean };
  /** How long to wait for the subscription, ms. */
  readonly timeout: number;
  /** `lookUpEvery` of a watch that sets none; ms, `Infinity` for never. */
  readonly lookUpEvery: number;
  /** Reads what a caller has named, and announces a refusal. */
  readonly read: (target: Target) => Promise<StoredSession<Claims> | null>;
  /** Reads a session by its id, and announces nothing. */
  readonly lookUp: (id: string) => Promise<StoredSession<Claims> | null>;
  /** Announces a token that is none. */
  readonly malformed: () => void;
}

/** For how long the end of a session, which a look-up has found, waits for the message that tells why, ms. */
const REASON_WAIT = 200;

/** How often due sessions are looked for, ms. */
const TICK = 1000;

export class Watches<Claims extends object> implements Listener {
  readonly channels: readonly string[];
  readonly #parts: WatchesParts<Claims>;
  /** One for all watches that set none. */
  readonly #usualLimits: WatchLimits;
  readonly #watched = new Map<string, Watched<Claims>>();
  /** Those that may end as `"unsure"`. */
  readonly #limited = new Set<Watcher<Claims>>();
  readonly #timetable: Timetable<Watched<Claims>>;
  readonly #lookUps: LookUps<Watched<Claims>>;
  #timer: NodeJS.Timeout | undefined;
  #round = 0;
  #heardAt = 0;
  readonly #sleeps: SleepSense;
  #isClosed = false;

  constructor(parts: WatchesParts<Claims>) {
    this.#parts = parts;
    this.channels = [parts.channel];
    this.#usualLimits = { unsureAfter: NEVER, lookUpEvery: parts.lookUpEvery };
    this.#timetable = new Timetable(this.#parts.clock.now());
    this.#sleeps = new SleepSense(parts.clock);
    this.#lookUps = new LookUps((watched) => this.#lookUp(watched));
  }

  /** How many sessions are watched, or about to be. */
  get size(): number {
    return this.#watched.size;
  }

  async watch(target: string | null | undefined, options: WatchOptions = {}): Promise<Watch<Claims>> {
    refuseObject("watch", target);
    const limits = limitsOf(options, this.#usualLimits);
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#isClosed) throw closedError();
    const named = parseTarget(target);
    const watcher = new Watcher<Claims>(named?.id, limits, this, signal);
    if (named === null) {
      if (target !== null && target !== undefined) this.#parts.malformed();
      watcher.finish(new WatchEndedError("unknown"));
      return watcher;
    }
    try {
      await this.#begin(named, watcher);
      signal?.throwIfAborted();
    } catch (error) {
      watcher.close();
      throw error;
    }
    return watcher;
  }

  /** Ends all watches as `"unsure"`, because nobody will tell of the ends of their sessions. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const watched of [...this.#watched.values()]) this.#finish(watched, "unsure");
    this.#parts.pulse.close();
    this.#parts.subscription.remove(this);
  }

  /** A watch was closed by its owner. */
  forget(watcher: Watcher<Claims>): void {
    this.#limited.delete(watcher);
    const watched = watcher.id === undefined ? undefined : this.#watched.get(watcher.id);
    if (watched === undefined) return;
    const at = watched.watchers.indexOf(watcher);
    if (at !== -1) watched.watchers.splice(at, 1);
    this.#dropIfUnwatched(watched);
  }

  /** What a script has told. */
  message(_channel: string, text: string): void {
    const message = parseFeed(text);
    // Of a later version: it may be about any of them.
    if (message === undefined) this.#lookUpAll(() => true);
    for (const id of message?.ids ?? []) {
      const watched = this.#watched.get(id);
      if (watched === undefined || message === undefined) continue;
      if (message.kind === "changed") this.#lookUps.add(watched, true);
      else this.#finish(watched, message.reason);
    }
  }

  /** What was told before this may have been missed. */
  ready(): void {
    // What was read since the loss is no better: it may have ended before this.
    this.#round++;
    this.doubt();
  }

  lost(): void {
    for (const watched of this.#watched.values()) watched.sureAt = this.#sureAt(watched);
    this.#round++;
  }

  /** Something may have been missed. Those whose watch is beginning have yet to be read. */
  doubt(): void {
    this.#lookUpAll(({ stored }) => stored !== undefined);
  }

  /** A beat was heard that was sent at `sent`: so everything was heard that Redis had told before that. */
  heard(sent: number): void {
    this.#heardAt = Math.max(this.#heardAt, sent);
  }

  /** What happens once a second. Public for tests with a clock of their own. */
  tick(): void {
    const now = this.#parts.clock.now();
    this.#parts.pulse.isAsked = true;
    // The timetable stood still meanwhile. Somebody may also have set the wall clock, so this ends nothing: it is a reason to ask.
    if (this.#sleeps.mayHaveSlept()) this.doubt();
    for (const watched of this.#timetable.take(now)) {
      // No touch moves the absolute deadline, so there is nothing to ask.
      if (now >= watched.endsSurelyAt) this.#finish(watched, "expired");
      else this.#lookUps.add(watched, false);
    }
    for (const watcher of [...this.#limited]) {
      const watched = this.#watched.get(watcher.id as string);
      if (watched === undefined || now - this.#sureAt(watched) <= watcher.limits.unsureAfter) continue;
      this.forget(watcher);
      watcher.finish(new WatchEndedError("unsure"));
    }
  }

  async #begin(target: Target, watcher: Watcher<Claims>): Promise<void> {
    const watched = this.#join(target.id);
    try {
      // First the subscription, and then the look-up: so nothing can happen between them.
      this.#parts.subscription.add(this);
      await this.#parts.subscription.whenReady(this, this.#parts.timeout);
      const [sent, round] = [this.#parts.clock.now(), this.#round];
      const stored = await this.#parts.read(target);
      if (watched.end !== undefined) {
        if (stored !== null) watcher.show(stored.session, false);
        watcher.finish(watched.end);
      } else if (stored === null) {
        // Maybe only the secret is wrong: that is no news for the others who watch this session.
        watcher.finish(new WatchEndedError("unknown"));
      } else if (stored.successor !== undefined) {
        // It is in the grace of its rotation.
        watcher.show(stored.session, false);
        watcher.finish(new WatchEndedError("rotated"));
      } else {
        this.#learn(watched, stored, sent, round);
        watcher.show((watched.stored ?? stored).session, false);
        this.#admit(watched, watcher);
        // If the subscription is back already; otherwise `ready` sees to it.
        if (round !== this.#round) this.#lookUps.add(watched, false);
      }
    } finally {
      watched.beginning--;
      this.#dropIfUnwatched(watched);
    }
  }

  #admit(watched: Watched<Claims>, watcher: Watcher<Claims>): void {
    if (watcher.isOver) return;
    watched.watchers.push(watcher);
    if (watcher.limits.unsureAfter !== NEVER) this.#limited.add(watcher);
    this.#timer ??= setInterval(() => this.tick(), TICK).unref();
    this.#parts.pulse.wake();
  }

  #join(id: string): Watched<Claims> {
    const watched = this.#watched.get(id) ?? newWatched<Claims>(id, this.#round);
    watched.beginning++;
    this.#watched.set(id, watched);
    return watched;
  }

  /** Takes in what a read has found that was sent at `sent`, and tells the watches. */
  #learn(watched: Watched<Claims>, stored: StoredSession<Claims>, sent: number, round: number): void {
    const known = watched.stored;
    if (!learn(watched, stored, { sent, round, clock: this.#parts.clock })) return;
    const isUpdate = known !== undefined && known.version !== stored.version;
    for (const watcher of [...watched.watchers]) watcher.show(stored.session, isUpdate);
  }

  async #lookUp(watched: Watched<Claims>): Promise<void> {
    const [sent, round] = [this.#parts.clock.now(), this.#round];
    let stored: StoredSession<Claims> | null;
    try {
      stored = await this.#parts.lookUp(watched.id);
    } catch {
      // Nobody waits for this read, and unknown is not absent: it is tried again with the next tick.
      if (this.#isWatched(watched)) this.#timetable.set(watched, this.#parts.clock.now());
      return;
    }
    if (!this.#isWatched(watched)) return;
    if (stored === null) return this.#gone(watched);
    if (stored.successor !== undefined) return this.#finish(watched, "rotated");
    this.#learn(watched, stored, sent, round);
    this.#schedule(watched);
  }

  /** There is no such session any more. The message of the script that has ended it is on its way on another connection. */
  #gone(watched: Watched<Claims>): void {
    const isOver = this.#parts.clock.now() >= watched.endsAt || this.#parts.clock.wall() >= watched.endsByWallAt;
    if (isOver) this.#finish(watched, "expired");
    else if (!this.#parts.subscription.isReady(this)) this.#finish(watched, "unknown");
    else setTimeout(() => this.#isWatched(watched) && this.#finish(watched, "unknown"), REASON_WAIT).unref();
  }

  #lookUpAll(which: (watched: Watched<Claims>) => boolean): void {
    for (const watched of this.#watched.values()) if (which(watched)) this.#lookUps.add(watched, false);
  }

  /** The last instant at which the session was surely live and told of: when it was read, or a beat was sent that was heard. */
  #sureAt({ readAt, round, sureAt }: Watched<Claims>): number {
    return Math.max(readAt, sureAt, round === this.#round ? this.#heardAt : 0);
  }

  #schedule(watched: Watched<Claims>): void {
    let every = NEVER;
    for (const { limits } of watched.watchers) every = Math.min(every, limits.lookUpEvery);
    this.#timetable.set(watched, Math.min(watched.endsAt, watched.readAt + every));
  }

  #isWatched(watched: Watched<Claims>): boolean {
    return this.#watched.get(watched.id) === watched;
  }

  #finish(watched: Watched<Claims>, reason: WatchEnd): void {
    const end = new WatchEndedError(reason);
    watched.end = end;
    this.#drop(watched);
    for (const watcher of watched.watchers.splice(0)) {
      this.#limited.delete(watcher);
      watcher.finish(end);
    }
  }

  #dropIfUnwatched(watched: Watched<Claims>): void {
    if (watched.beginning === 0 && watched.watchers.length === 0) this.#drop(watched);
    else if (watched.watchers.length > 0) this.#schedule(watched);
  }

  #drop(watched: Watched<Claims>): void {
    if (!this.#isWatched(watched)) return;
    this.#watched.delete(watched.id);
    this.#timetable.remove(watched);
    this.#lookUps.remove(watched);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError("The store is closed: it watches nothing any more");
}
