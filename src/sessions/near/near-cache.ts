/**
 * The near cache: looks sessions up in the memory of this process. It decides what may be answered from there, what may be kept,
 * and what must be forgotten. It knows neither Redis nor the channel: how a session is read, and how this process hears of
 * changes, it is given.
 */
import { StoreUnavailableError } from "../../leaves/errors.js";
import { hasTokenLength, parseToken, type Target } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import type { EndedSession } from "../ending.js";
import { parseFeed } from "../feed.js";
import type { Session, StoredSession } from "../session.js";
import type { Sighting } from "../sightings.js";
import { Entries, type Entry, entryOf, type SlidePace } from "./entries.js";
import { type Fill, Fills } from "./fills.js";
import { type Fingerprint, fingerprintOf, isTokenOf, placeOf } from "./fingerprint.js";
import { type Moment, momentOf } from "./lease.js";
import type { ProcessClock } from "./process-clock.js";

/** How sessions are read from Redis. */
export interface NearSource<Claims extends object> {
  /** How many connections the client has lost. */
  readonly losses: () => number;
  /** A deadline that begins now. */
  readonly deadline: () => Deadline;
  /** `touch` of the store, which announces why a token is refused, and may tell why its session has ended. */
  readonly touch: (target: Target, deadline?: Deadline) => Promise<StoredSession<Claims> | EndedSession | null>;
  /** The same, and announces nothing. */
  readonly slide: (target: Target) => Promise<StoredSession<Claims> | null>;
  /** Announces that something is no token. */
  readonly malformed: () => null;
}

/** Whether this process hears of changes: the pulse of pulse.ts, as the near cache sees it. */
export interface NearPulse {
  holds(now: number, wall: number): boolean;
  wake(): void;
  isAsked: boolean;
}

/** What a near cache has done since the store was made. */
export interface NearCounts {
  /** Lookups that were answered from memory. */
  readonly hits: number;
  /** Lookups that went to Redis: a `peek` that finds nothing is none of them. */
  readonly misses: number;
  /** Sessions that were put into memory, again after a slide. */
  readonly fills: number;
  /** Messages of scripts, about one session or many, of this process or others. */
  readonly pushes: number;
  /** How often all sessions were forgotten, because something could have been missed. */
  readonly flushes: number;
  /** Sessions in memory. */
  readonly size: number;
}

/** What a read asks for, and what memory will know its token by. */
interface FillTarget extends Target {
  readonly fingerprint: Fingerprint;
}

/** Slides behind lookups that are under way at most: more would only wait in the client. */
const MOST_SLIDES = 64;

export class NearCache<Claims extends object> {
  readonly #source: NearSource<Claims>;
  readonly #pulse: NearPulse;
  readonly #clock: ProcessClock;
  readonly #pace: SlidePace;
  readonly #entries: Entries<Claims>;
  readonly #fills = new Fills();
  #slides = 0;
  #hits = 0;
  #misses = 0;
  #filled = 0;
  #pushes = 0;
  #flushes = 0;

  constructor(
    source: NearSource<Claims>,
    pulse: NearPulse,
    clock: ProcessClock,
    { maxEntries, ...pace }: SlidePace & { readonly maxEntries: number },
  ) {
    this.#source = source;
    this.#pulse = pulse;
    this.#clock = clock;
    this.#pace = pace;
    this.#entries = new Entries(maxEntries);
  }

  get counts(): NearCounts {
    return {
      hits: this.#hits,
      misses: this.#misses,
      fills: this.#filled,
      pushes: this.#pushes,
      flushes: this.#flushes,
      size: this.#entries.size,
    };
  }

  /** The session of a token, from memory and at once. `undefined`: ask `touch`. */
  peek(token: unknown): Session<Claims> | undefined {
    return this.#find(token, true)?.session;
  }

  /** `touch` of the store. */
  touch(token: unknown): Promise<Session<Claims> | null> {
    const entry = this.#find(token, true);
    if (entry !== undefined) {
      entry.answer ??= Promise.resolve(entry.session);
      return entry.answer;
    }
    return this.#fetch(token).then((seen) => seen?.session ?? null);
  }

  /** The same, and tells when Redis read the session. */
  sight(token: unknown): Promise<Sighting<Claims> | EndedSession | null> {
    const entry = this.#find(token, true);
    return entry === undefined ? this.#fetch(token) : Promise.resolve(this.#sightingOf(entry));
  }

  /** The session of a token as memory has it, without a slide. `undefined`: Redis must be asked. */
  glance(token: unknown): Sighting<Claims> | undefined {
    const entry = this.#find(token, false);
    return entry === undefined ? undefined : this.#sightingOf(entry);
  }

  /**
   * Slides a session behind a lookup that {@link glance} has answered, if that is due. `false`: it is so near to its end that the
   * lookup must wait for the slide, by `touch`.
   */
  slide(id: string): boolean {
    const entry = this.#entries.of(id);
    return entry !== undefined && this.#slidBehind(entry, this.#clock.now());
  }

  /** A session has changed or ended: what is known of it holds no more, nor what a read that is under way brings. */
  forget(id: string): void {
    this.#entries.delete(id);
    this.#fills.spoil(id);
  }

  /** A call of this process has failed that would have changed a session, or those of a user: it may have done so. */
  doubt(id: string | undefined, userId: string | undefined): void {
    this.#entries.deleteAround(id, userId);
    this.#fills.spoilAll();
  }

  /** What a script has published. */
  push(message: string): void {
    this.#pushes++;
    const told = parseFeed(message);
    if (told === undefined) this.flush();
    else for (const id of told.ids) this.forget(id);
  }

  /** Something may have been missed: this forgets everything. */
  flush(): void {
    this.#flushes++;
    this.#entries.clear();
    this.#fills.spoilAll();
  }

  /** The entry that answers for a token. Every lookup passes here. */
  #find(token: unknown, slides: boolean): Entry<Claims> | undefined {
    const entry = hasTokenLength(token) ? this.#entries.at(placeOf(token)) : undefined;
    if (entry === undefined) {
      this.#pulse.wake();
      return undefined;
    }
    const now = this.#clock.now();
    const wall = this.#clock.wall();
    if (!(now < entry.until && wall < entry.wallUntil && this.#pulse.holds(now, wall))) {
      this.#pulse.wake();
      return undefined;
    }
    if (!isTokenOf(token as string, entry.fingerprint)) return undefined;
    if (slides && !this.#slidBehind(entry, now)) return undefined;
    this.#pulse.isAsked = true;
    this.#hits++;
    return entry;
  }

  #sightingOf({ session, readAt, sent }: Entry<Claims>): Sighting<Claims> {
    // The read came after its sending, so this is no earlier than the present of Redis, and a session seems no fresher than it is:
    // not even after a sleep of the machine, which only the wall clock counts.
    const age = Math.max(this.#clock.now() - sent.now, this.#clock.wall() - sent.wall);
    return { session, readAt: readAt + age };
  }

  /** Looks a session up in Redis, and keeps it if that is allowed. */
  async #fetch(token: unknown): Promise<Sighting<Claims> | EndedSession | null> {
    const parsed = parseToken(token);
    if (parsed === null) return this.#source.malformed();
    // An engine may keep a part of a text as a view into the whole: then an id that stays in memory would keep its token there.
    const target = { ...parsed, id: Buffer.from(parsed.id, "latin1").toString("latin1") };
    let sent = momentOf(this.#clock);
    let deadline: Deadline | undefined;
    const before = this.#fills.of(target.id);
    if (before !== undefined && this.#pulse.holds(sent.now, sent.wall)) {
      deadline = this.#source.deadline();
      await before.settled();
      const entry = this.#find(token, true);
      if (entry !== undefined) return this.#sightingOf(entry);
      sent = momentOf(this.#clock);
    }
    this.#misses++;
    // Without a lease nobody would tell that what this read brings is from before a change: so it is not kept.
    const mayKeep = this.#pulse.holds(sent.now, sent.wall) && this.#fills.of(target.id) === undefined;
    if (!mayKeep) return this.#source.touch(target, deadline);
    return this.#fill({ ...target, fingerprint: fingerprintOf(token as string) }, sent, deadline);
  }

  async #fill(
    target: FillTarget,
    sent: Moment,
    deadline: Deadline | undefined,
  ): Promise<StoredSession<Claims> | EndedSession | null> {
    const fill = this.#fills.begin(target.id, sent, this.#source.losses());
    try {
      const stored = await this.#source.touch(target, deadline);
      this.#keep(fill, target, stored);
      fill.succeed();
      return stored;
    } catch (error) {
      this.#fills.end(target.id);
      fill.fail(error);
      throw error;
    }
  }

  /** Slides a session behind its lookup, if that is due. `false`: the lookup must wait for it. */
  #slidBehind(entry: Entry<Claims>, now: number): boolean {
    if (now < entry.slideAt) return true;
    if (now >= entry.waitAt) return false;
    const { id } = entry.session;
    // If another is under way, or there are too many, the next hit tries again.
    if (this.#slides < MOST_SLIDES && this.#fills.of(id) === undefined) this.#slide(entry, id);
    return true;
  }

  async #slide({ secretHash, fingerprint }: Entry<Claims>, id: string): Promise<void> {
    const target = { id, secretHash, fingerprint };
    const fill = this.#fills.begin(id, momentOf(this.#clock), this.#source.losses());
    this.#slides++;
    try {
      const stored = await this.#source.slide(target);
      // The secret was right, so the session has ended.
      if (stored === null) this.#entries.delete(id);
      this.#keep(fill, target, stored);
      fill.succeed();
    } catch (error) {
      this.#fills.end(id);
      // Nobody has asked for this. After an outage the next hit tries again; any other failure is for the next lookup to find.
      if (!(error instanceof StoreUnavailableError)) this.#entries.delete(id);
      fill.fail(error);
    } finally {
      this.#slides--;
    }
  }

  /** Keeps what a read has brought, if nothing has happened since it was sent that it may not show. */
  #keep(fill: Fill, target: FillTarget, stored: StoredSession<Claims> | EndedSession | null): void {
    this.#fills.end(target.id);
    // During the grace of a rotation what happens to the new session happens to this one too, and it ends soon.
    if (stored === null || stored.session === null || stored.successor !== undefined) return;
    if (fill.isSpoiled || fill.losses !== this.#source.losses()) return;
    const entry = entryOf(stored, target, fill.sent, this.#pace);
    this.#entries.set(entry);
    this.#filled++;
  }
}
