/** Calls that go through many sessions, all of the store or all of a user, in bounded steps with a deadline each. */
import { checkClaims, checkNames, checkString } from "../leaves/arguments.js";
import type { Version } from "./baseline.js";
import type { Fields, Lifetime } from "./merge.js";
import type { RecordFormat } from "./record-format.js";
import type { Records } from "./records.js";
import { type UserId, userIdOf } from "./user-id.js";
import type { UserIndex } from "./user-index.js";

/**
 * A stored session with its id, which is a credential: the session belongs to whoever has the id and the secret of the cookie.
 */
export type ListedSession<Data> = Data & { id: string };

/** Which session `destroyAllForUser` spares. */
export interface DestroyAllOptions {
  /** The id of a session that stays. For "sign out everywhere else". */
  readonly except?: string | undefined;
}

/** The live sessions among these ids. */
export async function loadLive<Data>(records: Records, sids: readonly string[]): Promise<ListedSession<Data>[]> {
  const found = await Promise.all(sids.map((sid) => records.load<Data>(sid)));
  return found.flatMap((one) => (one === null ? [] : [{ ...one.data, id: one.baseline.sid }]));
}

/** The calls for the sessions of a user, for stores with the option `userId`. */
export class UserSessions<Data extends object> {
  readonly #records: Records;
  readonly #text: RecordFormat;
  readonly #index: UserIndex;
  readonly #lifetime: Lifetime;

  constructor(records: Records, text: RecordFormat, index: UserIndex | undefined, lifetime: Lifetime) {
    if (index === undefined) {
      throw new TypeError("What concerns a user needs the store's option userId, which tells whose session it is");
    }
    this.#records = records;
    this.#text = text;
    this.#index = index;
    this.#lifetime = lifetime;
  }

  /** The live sessions; those that expire last come first. */
  async list(user: UserId): Promise<ListedSession<Data>[]> {
    const userId = userIdOf(user);
    const found: [expires: number, session: ListedSession<Data>][] = [];
    await this.#visit(userId, async (sid, expires) => {
      const loaded = await this.#records.load<Data>(sid);
      if (loaded?.baseline.stored?.userId !== userId) return "other";
      found.push([expires, { ...loaded.data, id: sid }]);
      return "kept";
    });
    return found.sort(([a], [b]) => b - a).map(([, session]) => session);
  }

  /** Ends all sessions but the spared one. Gives how many were live. */
  async destroyAll(user: UserId, options: DestroyAllOptions = {}): Promise<number> {
    checkNames("destroyAllForUser", options, ["except"]);
    if (options.except !== undefined) checkString("except", options.except);
    const userId = userIdOf(user);
    let ended = 0;
    await this.#visit(userId, async (sid) => {
      if (sid === options.except) return "kept";
      const outcome = await this.#end(sid, userId);
      if (outcome === "gone") ended++;
      return outcome;
    });
    return ended;
  }

  /** Changes properties of all live sessions; `undefined` removes. Gives how many it changed. */
  async update(user: UserId, patch: Fields): Promise<number> {
    const changes = Object.entries(checkClaims("patch", patch));
    for (const [name] of changes) {
      if (this.#lifetime.properties.includes(name)) {
        throw new TypeError(`patch must not contain ${name}, which is how long each session lives`);
      }
    }
    const userId = userIdOf(user);
    let changed = 0;
    await this.#visit(userId, async (sid) => {
      const outcome = await this.#change(sid, userId, changes);
      if (outcome === "kept") changed++;
      return outcome;
    });
    return changed;
  }

  /** Ends a session if it is this user's: another user may have logged in with it meanwhile. */
  async #end(sid: string, userId: string): Promise<Standing> {
    const { losses } = this.#records;
    // By a script, whose reply is surely that to this call: `null` from another one would leave the session alive.
    let there = (await this.#records.load(sid, true))?.baseline.stored;
    while (there?.userId === userId) {
      const outcome = await this.#records.removeOnly(sid, there.text);
      // If the connection was lost, the command may have run twice, and the first run has ended the session.
      if (outcome === "none") return this.#records.losses > losses ? "gone" : "other";
      if ("removed" in outcome) return "gone";
      there = await this.#text.obstacle(sid, outcome.conflict, there);
    }
    return "other";
  }

  async #change(sid: string, userId: string, changes: readonly [string, unknown][]): Promise<Standing> {
    const loaded = await this.#records.load(sid, true);
    let there: Version | null | undefined = loaded?.baseline.stored;
    while (there?.userId === userId) {
      const fields = new Map(Object.entries(await this.#text.parse(sid, there.text)));
      for (const [name, value] of changes) {
        if (value === undefined) fields.delete(name);
        else fields.set(name, value);
      }
      const wanted = { ...this.#text.versionOf(Object.fromEntries(fields)), ttl: "keep" } as const;
      if (wanted.userId !== undefined && wanted.userId !== userId) {
        // The patch gives the session to another user: it must be in that user's index first.
        const left = loaded?.baseline.ttl?.left ?? -1;
        await this.#index.enlist(wanted.userId, sid, left < 0 ? null : left);
      }
      const outcome = await this.#records.replace(sid, there, wanted);
      if (outcome === "none") return "other";
      if ("stored" in outcome) return "kept";
      there = await this.#text.obstacle(sid, outcome.conflict, there);
    }
    return "other";
  }

  /** Visits every id in a user's index, many at once, and takes out those that do not belong there. */
  async #visit(userId: string, visitor: (sid: string, expires: number) => Promise<Standing>): Promise<void> {
    for await (const page of this.#index.members(userId)) {
      const verdicts = await Promise.all(page.map(([sid, expires]) => visitor(sid, expires)));
      const sids = (verdict: Standing) => page.flatMap(([sid], at) => (verdicts[at] === verdict ? [sid] : []));
      await this.#index.strike(userId, sids("gone"));
      await this.#index.tidy(userId, sids("other"));
    }
  }
}

/**
 * What to do with an entry of the index. It stays; this call has ended the session; or the session was gone before, or is
 * another user's.
 */
type Standing = "kept" | "gone" | "other";
