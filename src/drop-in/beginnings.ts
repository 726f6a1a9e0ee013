/**
 * The first saves of new sessions, which alone may make a key. Whatever goes wrong with one, no session comes to life that
 * somebody may have ended.
 */
import { StoreUnavailableError } from "../leaves/errors.js";
import type { Deadline } from "../redis/calls/deadline.js";
import type { Baseline, Version } from "./baseline.js";
import { mayHaveRun, type Records, type Wanted } from "./records.js";
import type { Conflict } from "./scripts/replies.js";

export class Beginnings {
  readonly #records: Records;
  /** Those that are under way, by session id. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(records: Records) {
    this.#records = records;
  }

  /** Stores a new session. A conflict: there is one under this id. */
  begin(sid: string, baseline: Baseline, to: Wanted & { ttl: number | null }, deadline: Deadline) {
    const beginning = this.#create(sid, baseline, to, deadline);
    this.#underWay.set(sid, beginning);
    const over = () => {
      if (this.#underWay.get(sid) === beginning) this.#underWay.delete(sid);
    };
    beginning.then(over, over);
    return beginning;
  }

  /** Ends a session, also one whose first save is under way. `false`: it was not live. */
  async end(sid: string): Promise<boolean> {
    const beginning = this.#underWay.get(sid);
    if (beginning === undefined) return this.#records.remove(sid);
    const deadline = this.#records.deadline();
    // It may take several steps, of which the last would come after this. Whether it fails is for its own caller to hear.
    await Promise.allSettled([beginning]);
    return this.#records.remove(sid, deadline);
  }

  /**
   * ioredis sends a command again whose reply was lost with its connection, and in between somebody may have ended what it
   * had made. So what nobody can tell from that is ended, and the save fails.
   */
  async #create(
    sid: string,
    baseline: Baseline,
    to: Wanted & { ttl: number | null },
    deadline: Deadline,
  ): Promise<{ readonly stored: Version } | Conflict> {
    if (baseline.failed) throw new StoreUnavailableError("The first save of this new session failed, and has ended it");
    await this.#records.enlist(sid, to, undefined, deadline);
    const { losses } = this.#records;
    let created: Awaited<ReturnType<Records["create"]>>;
    try {
      created = await this.#records.create(sid, to, deadline);
    } catch (error) {
      // It may have run, or run yet. What is sent behind it, on the same connection, runs after it.
      baseline.failed = true;
      this.#undo(sid, to, to.text).catch(() => {
        // The save has failed already, and that is what the caller hears.
      });
      throw error;
    }
    const lost = this.#records.losses - losses;
    if (typeof created === "object") {
      if (lost === 0) return created;
      // Most likely this save has made it, and another request has changed it since: to merge would undo that.
      baseline.failed = true;
      throw mayHaveRun();
    }
    // Sent again once, and found what it had made: nobody has ended that in between.
    if (lost === 0 || (lost === 1 && created === "again")) return { stored: to };
    baseline.failed = true;
    await this.#undo(sid, to, undefined, deadline);
    throw new StoreUnavailableError("The connection to Redis was lost while a new session was stored, so it was ended");
  }

  /** Ends what a save has stored, or may yet store; only this record, if one is given. */
  async #undo(sid: string, { userId }: Version, record: string | undefined, deadline?: Deadline): Promise<void> {
    await this.#records.removeOnly(sid, record, deadline);
    await this.#records.forget(sid, userId, deadline);
  }
}
