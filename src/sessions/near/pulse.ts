/**
 * How this process knows that it hears what ends and changes sessions: it sends beats through the client of the store, and its
 * lease runs from the sending of the last beat that it has heard on its subscription. A change that Redis executed before a beat
 * is published before it, on the same connection; so while the lease holds, the process has heard of every change but those of
 * the last lease. It knows nothing of the sessions in the memory.
 */
import type { Listener } from "../../redis/subscription.js";
import type { BeatStatus } from "../scripts/beat.js";
import { Lease, type Moment, momentOf } from "./lease.js";
import type { ProcessClock } from "./process-clock.js";

/**
 * `"serving"`: lookups are answered from memory where possible. `"lapsed"`: all of them go to Redis, because this process may not
 * have heard of a revocation. `"off"`: there is no near cache, or the store is closed.
 */
export type NearState = "off" | "lapsed" | "serving";

/**
 * Why the state is what it is. `heard`: a beat came back. `silence`: none did for the length of a lease; Redis does not answer, or
 * the subscriber hears nothing. `connection`: the client of the store has lost its connection; `subscriber`: the subscriber has.
 * `canary`: Redis has lost what this process had left there, so it may have lost anything: it was emptied, or has restarted from an
 * older state. `refused`: the user of Redis may not publish. `idle`: nobody has looked a session up for ten leases. `closed`: by
 * `close()` of the store.
 */
export type NearReason = "heard" | "silence" | "connection" | "subscriber" | "canary" | "refused" | "idle" | "closed";

/** What a pulse needs of the rest. */
export interface PulseParts {
  readonly clock: ProcessClock;
  /** ms. */
  readonly lease: number;
  /** The channel of the store, on which scripts tell of changes, and that of this process, without the client's `keyPrefix`. */
  readonly channels: { readonly feed: string; readonly own: string };
  readonly subscription: {
    add(listener: Listener): void;
    remove(listener: Listener): void;
    reconnect(): void;
  };
  /** How many connections the client of the store has lost. */
  readonly losses: () => number;
  /** Sends a beat through the client of the store. */
  readonly beat: (number: number, known: number) => Promise<BeatStatus>;
  /** A script has told of a change. */
  readonly pushed: (message: string) => void;
  /** A beat was heard that was sent at this instant. */
  readonly heard?: (sent: number) => void;
  /** Something may have been missed. */
  readonly missed: () => void;
  /** The state has changed. */
  readonly changed: (state: NearState, reason: NearReason) => void;
}

/** Beats in a lease. */
const BEATS = 4;
/** After how many leases without a lookup the beats end. */
const IDLE_LEASES = 10;
/** How many beats may be without a reply before no further beat is sent. */
const MOST_UNANSWERED = 8;

export class Pulse implements Listener {
  readonly channels: readonly string[];
  /** Somebody has looked a session up since the last tick. A field, because every lookup sets it. */
  isAsked = false;
  readonly #parts: PulseParts;
  readonly #lease: Lease;
  /** The beats that may still be heard, by number. */
  readonly #sent = new Map<number, Moment>();
  #number = 0;
  /** The highest number of a beat that has run, as far as is known. */
  #known = 0;
  #beats = 0;
  #lapses = 0;
  #unanswered = 0;
  #losses: number;
  #timer: NodeJS.Timeout | undefined;
  #quietTicks = 0;
  #isListening = false;
  #isReady = false;
  #isServing = false;
  #isClosed = false;
  #isMute = false;
  /** When a beat was last heard, or the subscription began: by the clock that only grows. */
  #heardAt = 0;
  /** Whether Redis has answered a beat that was sent since, and that was not heard. */
  #isUnheard = false;

  constructor(parts: PulseParts) {
    this.#parts = parts;
    this.#lease = new Lease(parts.lease);
    this.#losses = parts.losses();
    this.channels = [parts.channels.feed, parts.channels.own];
  }

  /** Whether memory may answer at this instant. */
  holds(now: number, wall: number): boolean {
    if (this.#losses !== this.#parts.losses()) this.#miss("connection");
    return this.#lease.holds(now, wall);
  }

  get state(): NearState {
    if (this.#isClosed) return "off";
    const { now, wall } = momentOf(this.#parts.clock);
    return this.holds(now, wall) ? "serving" : "lapsed";
  }

  /** How many beats were sent, and how often the lease has lapsed. */
  get counts(): { readonly beats: number; readonly lapses: number } {
    return { beats: this.#beats, lapses: this.#lapses };
  }

  /** Somebody has looked a session up, and memory did not answer. Begins to beat, unless it does already. */
  wake(): void {
    this.isAsked = true;
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#quietTicks = 0;
    // While there were no beats, nothing was to be heard.
    this.#heardAt = this.#parts.clock.now();
    this.#timer = setInterval(() => this.tick(), Math.max(1, Math.floor(this.#parts.lease / BEATS))).unref();
    if (!this.#isListening) {
      this.#isListening = true;
      this.#parts.subscription.add(this);
    }
    this.#send();
  }

  /** Ends the beats for good. */
  close(): void {
    if (this.#isClosed) return;
    this.#stop();
    this.#isClosed = true;
    this.#lease.end();
    this.#sent.clear();
    this.#parts.missed();
    this.#isServing = false;
    if (this.#isListening) this.#parts.subscription.remove(this);
    this.#parts.changed("off", "closed");
  }

  /** What happens four times a lease. Public for tests with a clock of their own. */
  tick(): void {
    this.#judge(this.#isMute ? "refused" : "silence");
    this.#quietTicks = this.isAsked ? 0 : this.#quietTicks + 1;
    this.isAsked = false;
    if (this.#quietTicks >= IDLE_LEASES * BEATS) {
      this.#stop();
      this.#lease.end();
      this.#judge("idle");
      return;
    }
    // Redis answers, and nothing is heard: the subscriber is connected to another server, or to one that has forgotten it.
    const { clock, lease, subscription } = this.#parts;
    if (this.#isReady && this.#isUnheard && clock.now() - this.#heardAt > 2 * lease) {
      this.#heardAt = clock.now();
      this.#isUnheard = false;
      subscription.reconnect();
    }
    this.#send();
  }

  message(channel: string, text: string): void {
    if (channel === this.#parts.channels.feed) this.#parts.pushed(text);
    else this.#hear(text);
  }

  ready(): void {
    this.#isReady = true;
    this.#heardAt = this.#parts.clock.now();
    this.#isUnheard = false;
    if (this.#timer !== undefined) this.#send();
  }

  lost(): void {
    this.#isReady = false;
    this.#miss("subscriber");
  }

  /** What a beat has published on the channel of this process. */
  #hear(text: string): void {
    if (text === "lost") {
      this.#miss("canary");
      return;
    }
    const number = Number(text);
    const sent = this.#sent.get(number);
    if (sent === undefined) return;
    for (const earlier of this.#sent.keys()) if (earlier <= number) this.#sent.delete(earlier);
    this.#known = Math.max(this.#known, number);
    this.#heardAt = this.#parts.clock.now();
    this.#isUnheard = false;
    this.#lease.extend(sent);
    this.#parts.heard?.(sent.now);
    this.#judge("heard");
  }

  #send(): void {
    // Nobody would hear it.
    if (!this.#isReady || this.#unanswered >= MOST_UNANSWERED) return;
    if (this.#losses !== this.#parts.losses()) this.#miss("connection");
    const number = ++this.#number;
    const sent = momentOf(this.#parts.clock);
    this.#sent.set(number, sent);
    this.#beats++;
    this.#unanswered++;
    const answered = (status?: BeatStatus) => {
      this.#unanswered--;
      this.#isMute = status === "mute";
      if (status === "told") {
        this.#known = Math.max(this.#known, number);
        // Else it was heard already, or from before a loss.
        if (this.#sent.has(number)) this.#isUnheard = true;
        return;
      }
      this.#sent.delete(number);
      // It was published too, but the subscriber may hear nothing for now, and the next beat would find this one in its place.
      if (status === "lost") this.#miss("canary");
    };
    // A beat that fails is not heard, and the lease tells the rest.
    this.#parts.beat(number, this.#known).then(answered, () => answered());
  }

  /** Something may have been missed, and beats that are under way do not tell whether. */
  #miss(reason: NearReason): void {
    this.#losses = this.#parts.losses();
    this.#sent.clear();
    this.#lease.end();
    this.#parts.missed();
    this.#judge(reason);
    if (this.#timer !== undefined) this.#send();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Tells of a change of the state. */
  #judge(reason: NearReason): void {
    const { now, wall } = momentOf(this.#parts.clock);
    const isServing = this.#lease.holds(now, wall);
    if (isServing === this.#isServing || this.#isClosed) return;
    this.#isServing = isServing;
    if (!isServing) this.#lapses++;
    this.#parts.changed(isServing ? "serving" : "lapsed", reason);
  }
}
