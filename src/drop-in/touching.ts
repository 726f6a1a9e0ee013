/**
 * The touches of requests: they extend a session, and never bring one back. It knows no framework.
 *
 * Nearly every request touches, so a touch writes as little as it can: if it moves only `cookie.expires`, it moves the time to
 * live of the key, and the record stays as it is. The next load then sets the expiry from the time to live (see
 * `ToldLifetime`). But other stores know only the record, and may refuse a session whose `expires` is in the past. So the
 * record is written before it is a quarter of the session's lifetime behind.
 */
import type { EventEmitter } from "node:events";
import type { Baseline, Version } from "./baseline.js";
import { announceDiscarded } from "./discarded.js";
import { Tries } from "./lanes.js";
import type { Fields, Lifetime } from "./merge.js";
import type { RecordFormat } from "./record-format.js";
import { mayHaveRun, type Records, type Wanted } from "./records.js";
import type { TtlOf } from "./saving.js";

/** By which part of a session's lifetime its record may be behind. */
const BEHIND = 1 / 4;

/** One touch that is under way. */
interface Touch {
  readonly sid: string;
  readonly baseline: Baseline;
  /** A copy of the cookie of the application's object. */
  readonly cookie: Fields;
  readonly ttl: number;
  readonly ttlOf: TtlOf;
}

export class Touching {
  readonly #records: Records;
  readonly #text: RecordFormat;
  readonly #lifetime: Lifetime;
  readonly #events: EventEmitter;

  constructor(records: Records, text: RecordFormat, lifetime: Lifetime, events: EventEmitter) {
    this.#records = records;
    this.#text = text;
    this.#lifetime = lifetime;
    this.#events = events;
  }

  /**
   * Extends a session, and changes nothing but its times. `false`: it has ended. One round trip; one more if the session has no
   * baseline, and one more with a user index.
   */
  touch(session: object, ttl: number, ttlOf: TtlOf, sid: string, known: Baseline | undefined): Promise<boolean> {
    if (!(ttl > 0)) return this.#records.remove(sid).then(() => false);
    // This is done now, because the application may change the session while the touch waits for its turn.
    const cookie = cookieOf(session);
    const touch = (baseline: Baseline) => {
      const one: Touch = { sid, baseline, cookie, ttl, ttlOf };
      return baseline.inTurn(() => this.#touch(one));
    };
    if (known !== undefined) return touch(known);
    return this.#records
      .load(sid, false)
      .then((loaded) => (loaded ? touch(loaded.baseline) : this.#discarded(sid, null)));
  }

  #touch(touch: Touch): Promise<boolean> {
    const { sid, baseline } = touch;
    const from = baseline.stored;
    // A new session that was not saved before the touch.
    if (from === null) return Promise.resolve(this.#discarded(sid, null));
    if (from.text !== baseline.seen) return this.#touchWhole(touch, from);
    if (this.#isInTtl(touch)) {
      return this.#records.areIndexed ? this.#enlistAndExtend(touch, from) : this.#extend(touch, from);
    }
    // With an index we must know whose session it is now: it must stay in the index of that user for as long as it lives.
    if (this.#records.areIndexed) return this.#touchWhole(touch, from);
    const head = this.#text.headOf(from.text);
    const newHead = this.#text.headOf(this.#encode(touch));
    const isHead = head !== undefined && head.length === newHead?.length;
    return isHead ? this.#moveTimes(touch, from, head, newHead) : this.#touchWhole(touch, from);
  }

  /** Whether a touch moves only what the time to live tells. */
  #isInTtl({ baseline, cookie, ttl }: Touch): boolean {
    const later = baseline.times && this.#lifetime.told?.later(baseline.times, cookie);
    // An earlier end must be written: connect-redis gives a key up to a second more than its record says, so a load ignores it.
    return later !== undefined && later >= 0 && later < ttl * BEHIND;
  }

  /** The cookie as the text of a record that holds nothing else. */
  #encode({ cookie }: Touch): string {
    return this.#text.encode({ cookie });
  }

  async #enlistAndExtend(touch: Touch, from: Version): Promise<boolean> {
    await this.#records.enlist(touch.sid, { ...from, ttl: touch.ttl });
    return this.#extend(touch, from);
  }

  // Without a deadline of the caller: the call begins its own now, which costs less.
  #extend(touch: Touch, from: Version): Promise<boolean> {
    const { sid, ttl } = touch;
    return this.#records.extend(sid, from, ttl).then((outcome) => {
      if (outcome === "ok") return true;
      if (outcome === "none") return this.#discarded(sid, from);
      return this.#text.obstacle(sid, outcome.conflict, null).then((there) => this.#touchWhole(touch, there));
    });
  }

  async #moveTimes(touch: Touch, from: Version, head: string, newHead: string): Promise<boolean> {
    const { sid, baseline, ttl } = touch;
    const { losses } = this.#records;
    const outcome = await this.#records.moveTimes(sid, { head, newHead, ttl });
    if (outcome === "none") return this.#discarded(sid, from);
    if (outcome === "ok") {
      baseline.stored = { text: newHead + from.text.slice(head.length), userId: from.userId };
      baseline.seen = baseline.stored.text;
      baseline.times = undefined;
      return true;
    }
    // If the command ran twice, its first run may have moved the times, and then another request: this one must not move them
    // again.
    if (this.#records.losses > losses) throw mayHaveRun();
    return this.#touchWhole(touch, await this.#text.obstacle(sid, outcome.conflict, null));
  }

  /** The same with a look at the whole record; `there` is the version to begin with. */
  async #touchWhole(touch: Touch, there: Version): Promise<boolean> {
    const { sid, baseline, ttlOf } = touch;
    const deadline = this.#records.deadline();
    const tries = new Tries(deadline);
    let from = there;
    let isInStep = from.text === baseline.seen;
    let entered: Wanted | undefined;
    for (;;) {
      const [current, mine] = await Promise.all([
        this.#text.fieldsOf(sid, from.text),
        this.#text.fieldsOf(sid, this.#encode(touch)),
      ]);
      const moved = isInStep ? mine : await this.#timesOnTop(touch, mine, current);
      const next = { ...current, ...moved };
      // If the times of another request are kept, the time to live follows them.
      const ttl = isInStep ? touch.ttl : ttlOf(next);
      const to = {
        text: this.#text.encode(next),
        userId: from.userId,
        ttl: ttl === null ? null : Math.max(1, ttl),
      };
      const outcome = await tries.run(async () => {
        entered = await this.#records.enlist(sid, to, entered, deadline);
        return this.#records.replace(sid, from, to, deadline);
      });
      if (outcome === "none") return this.#discarded(sid, from);
      if ("stored" in outcome) {
        baseline.stored = outcome.stored;
        if (isInStep) baseline.seen = outcome.stored.text;
        baseline.times = undefined;
        return true;
      }
      tries.lose();
      from = await this.#text.obstacle(sid, outcome.conflict, from);
      isInStep = false;
    }
  }

  /** The times of a session if another request may have moved them too. */
  async #timesOnTop({ sid, baseline }: Touch, mine: Fields, current: Fields): Promise<Fields> {
    const base = baseline.seen === null ? {} : await this.#text.fieldsOf(sid, baseline.seen);
    return this.#lifetime.merge(base, mine, current);
  }

  #discarded(sid: string, last: Version | null): false {
    announceDiscarded(this.#events, "touch", sid, last);
    return false;
  }
}

/** A copy of the cookie of a session, as JSON shows it. */
function cookieOf(session: object): Fields {
  const { cookie } = session as { cookie?: { toJSON?: unknown } | null };
  if (typeof cookie !== "object" || cookie === null) return {};
  const { toJSON } = cookie;
  return typeof toJSON === "function" ? (toJSON.call(cookie) as Fields) : { ...cookie };
}
