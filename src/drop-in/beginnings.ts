/**
 * The first saves of new sessions. Only these may make a key. If one goes wrong, no session comes back that somebody may have
 * ended.
 */
import { StoreUnavailableError } from "../leaves/errors.js";
import type { Deadline } from "../redis/calls/deadline.js";
import type { Baseline, Version } from "./baseline.js";
import { mayHaveRun, type Records, type Wanted } from "./records.js";
import type { Conflict } from "./scripts/replies.js";

export class Beginnings {
  readonly #records: Records;
  /** The saves that are under way, by session id. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(records: Records) {
    this.#records = records;
  }

  /** Stores a new session. A conflict: there is already one with this id. */
  begin(sid: string, baseline: Baseline, to: Wanted & { ttl: number | null }, deadline: Deadline) {
    const beginning = this.#create(sid, baseline, to, deadline);
    this.#underWay.set(sid, beginning);
    const over = () => {
      if (this.#underWay.get(sid) === beginning) this.#underWay.delete(sid);
    };
    beginning.then(over, over);
    return beginning;
  }

  /** Ends a session, even if its first save is under way. `false`: it was not live. */
  async end(sid: string): Promise<boolean> {
    const beginning = this.#underWay.get(sid);
    if (beginning === undefined) return this.#records.remove(sid);
    const deadline = this.#records.deadline();
    // The save may take several steps, and the last could come after this. If it fails, its own caller gets the error.
    await Promise.allSettled([beginning]);
    return this.#records.remove(sid, deadline);
  }

  /**
   * ioredis sends a command again if its reply was lost with the connection, and in between somebody may have ended the session
   * that the first run made. If nobody can tell, the session is ended and the save fails.
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
      // The script may have run, or may still run. A command that is sent behind it on the same connection runs after it.
      baseline.failed = true;
      this.#undo(sid, to, to.text).catch(() => {
        // The save has failed already, and the caller gets that error.
      });
      throw error;
    }
    const lost = this.#records.losses - losses;
    if (typeof created === "object") {
      if (lost === 0) return created;
      // Probably this save has made the session, and another request has changed it since: a merge would undo that change.
      baseline.failed = true;
      throw mayHaveRun();
    }
    // It was sent again once, and found what its first run had made: nobody has ended it in between.
    if (lost === 0 || (lost === 1 && created === "again")) return { stored: to };
    baseline.failed = true;
    await this.#undo(sid, to, undefined, deadline);
    throw new StoreUnavailableError("The connection to Redis was lost while a new session was stored, so it was ended");
  }

  /** Ends what a save has stored, or may still store. If a record is given, it ends only this one. */
  async #undo(sid: string, { userId }: Version, record: string | undefined, deadline?: Deadline): Promise<void> {
    await this.#records.removeOnly(sid, record, deadline);
    await this.#records.forget(sid, userId, deadline);
  }
}
