/** What goes through many sessions, in bounded steps that each have their own deadline: all there are, or all of a user. */
import { checkClaims, checkNames, checkString, checkUserId } from "../leaves/arguments.js";
import type { Version } from "./baseline.js";
import type { Fields, Lifetime } from "./merge.js";
import type { Records } from "./records.js";
import { dropInScripts as scripts } from "./scripts/scripts.js";
import type { UserIndex } from "./user-index.js";

/** A stored session with its id, which is a credential: whoever has it, and the secret of the cookie, has the session. */
export type ListedSession<Data> = Data & { id: string };

/** Which session `destroyAllForUser` spares. */
export interface DestroyAllOptions {
  /** The id of a session that stays. For "sign out everywhere else". */
  readonly except?: string | undefined;
}

/** The ids of all sessions, a page at a time, each once. */
export async function* idsOf(records: Records, prefix: string, scanCount: number): AsyncGenerator<string[]> {
  const seen = new Set<string>();
  for await (const keys of records.keyspace.keys(prefix, scanCount)) {
    const fresh: string[] = [];
    for (const key of keys) {
      if (seen.has(key) || records.index?.owns(key)) continue;
      seen.add(key);
      fresh.push(key.slice(prefix.length));
    }
    yield fresh;
  }
}

/** The sessions among some ids that are live. */
export async function read<Data>(records: Records, sids: readonly string[]): Promise<ListedSession<Data>[]> {
  const found = await Promise.all(sids.map((sid) => records.load<Data>(sid)));
  return found.flatMap((one) => (one === null ? [] : [{ ...one.data, id: one.origin.sid }]));
}

/** The sessions of users: what a store offers that is given `userId`. */
export class UserSessions<Data extends object> {
  readonly #records: Records;
  readonly #index: UserIndex;
  readonly #lifetime: Lifetime;

  constructor(records: Records, lifetime: Lifetime) {
    if (records.index === undefined) {
      throw new TypeError("What concerns a user needs the store's option userId, which tells whose session it is");
    }
    this.#records = records;
    this.#index = records.index;
    this.#lifetime = lifetime;
  }

  /** The live sessions, those that expire last first. */
  async list(userId: string): Promise<ListedSession<Data>[]> {
    const found: [expires: number, session: ListedSession<Data>][] = [];
    await this.#visit(userId, async (sid, expires) => {
      const loaded = await this.#records.load<Data>(sid);
      if (loaded?.origin.stored?.userId !== userId) return "other";
      found.push([expires, { ...loaded.data, id: sid }]);
      return "kept";
    });
    return found.sort(([a], [b]) => b - a).map(([, session]) => session);
  }

  /** Ends all sessions but the spared one. Gives how many were live. */
  async destroyAll(userId: string, options: DestroyAllOptions = {}): Promise<number> {
    checkNames("destroyAllForUser", options, ["except"]);
    if (options.except !== undefined) checkString("except", options.except);
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
  async update(userId: string, patch: Fields): Promise<number> {
    const changes = Object.entries(checkClaims("patch", patch));
    for (const [name] of changes) {
      if (this.#lifetime.properties.includes(name)) {
        throw new TypeError(`patch must not contain ${name}, which is how long each session lives`);
      }
    }
    let changed = 0;
    await this.#visit(userId, async (sid) => {
      const outcome = await this.#change(sid, userId, changes);
      if (outcome === "kept") changed++;
      return outcome;
    });
    return changed;
  }

  /** Ends a session if it is this user's: it may be another's by now, who has logged in with it. */
  async #end(sid: string, userId: string): Promise<Verdict> {
    let there = (await this.#records.load(sid))?.origin.stored;
    while (there?.userId === userId) {
      const [status, text] = await this.#records.run(sid, scripts.remove, [there.text]);
      if (status === "ok") return "gone";
      if (status === "none") return "other";
      there = await this.#records.text.versionOf(sid, text as string, there);
    }
    return "other";
  }

  async #change(sid: string, userId: string, changes: readonly [string, unknown][]): Promise<Verdict> {
    const loaded = await this.#records.load(sid, true);
    let there: Version | null | undefined = loaded?.origin.stored;
    while (there?.userId === userId) {
      const fields = new Map(Object.entries(await this.#records.text.parse(sid, there.text)));
      for (const [name, value] of changes) {
        if (value === undefined) fields.delete(name);
        else fields.set(name, value);
      }
      const next = Object.fromEntries(fields);
      const wanted = {
        text: this.#records.text.encode(next),
        userId: this.#records.text.userOf(next),
        ttl: "keep",
      } as const;
      if (wanted.userId !== undefined && wanted.userId !== userId) {
        // The patch hands the session to another user: their index comes first.
        const left = loaded?.origin.ttl?.left ?? -1;
        await this.#index.enlist(wanted.userId, sid, left < 0 ? null : left);
      }
      const outcome = await this.#records.replace(sid, there, wanted);
      if (outcome === "ok") return "kept";
      if (outcome === "none") return "other";
      there = await this.#records.text.versionOf(sid, outcome.conflict, there);
    }
    return "other";
  }

  /** Visits every id in a user's index, many at once, and takes those out that turn out not to belong there. */
  async #visit(userId: string, visitor: (sid: string, expires: number) => Promise<Verdict>): Promise<void> {
    for await (const page of this.#index.members(checkUserId(userId))) {
      const verdicts = await Promise.all(page.map(([sid, expires]) => visitor(sid, expires)));
      const sids = (verdict: Verdict) => page.flatMap(([sid], at) => (verdicts[at] === verdict ? [sid] : []));
      await this.#index.strike(userId, sids("gone"));
      await this.#index.tidy(userId, sids("other"));
    }
  }
}

/** What is with a session in the index: it stays there; it was ended by us; or it was gone before, or is another's. */
type Verdict = "kept" | "gone" | "other";
