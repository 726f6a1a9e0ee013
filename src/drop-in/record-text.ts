/**
 * A session as the text that Redis holds: how it is written and read, whose it is, where its times stand in it, and how an
 * error may call it. It knows no Redis.
 */

import { checkUserId, show } from "../leaves/arguments.js";
import { CorruptRecordError } from "../leaves/errors.js";
import type { Version } from "./baseline.js";
import type { Fields, Lifetime } from "./merge.js";
import type { ResolvedOptions } from "./options.js";

export class RecordText {
  readonly #options: Pick<ResolvedOptions, "prefix" | "serializer" | "userId">;
  readonly #lifetime: Lifetime;
  /** Matches the beginning of a text through its times, where these are one flat object that comes first. */
  readonly #head: RegExp | undefined;

  constructor(options: ResolvedOptions, lifetime: Lifetime) {
    this.#options = options;
    this.#lifetime = lifetime;
    const [name, ...more] = lifetime.properties;
    // Strings without a backslash, and what is neither a string nor nested: so the last brace is the end of the object.
    const flat = `^\\{"${name}":\\{(?:[^"{}\\\\]|"[^"\\\\]*")*\\}`;
    this.#head = options.serializer === JSON && more.length === 0 ? new RegExp(flat) : undefined;
  }

  encode(session: object): string {
    const text: unknown = this.#options.serializer.stringify(session);
    // Else it would be stored as the text that it becomes, such as "[object Promise]", and the session be lost.
    if (typeof text !== "string") throw new TypeError(`serializer.stringify must return a string, got ${show(text)}`);
    return text;
  }

  /** The times of a session, as the text of a record that holds nothing else. */
  encodeTimes(session: object): string {
    const times: Record<string, unknown> = {};
    for (const name of this.#lifetime.properties) times[name] = this.#plain((session as Fields)[name]);
    return this.encode(times);
  }

  /** A cookie in the form that becomes the same JSON soonest: `JSON` takes twice as long where it meets a `Date`. */
  #plain(value: unknown): unknown {
    if (this.#options.serializer !== JSON || typeof value !== "object" || value === null) return value;
    const { toJSON } = value as { toJSON?: () => unknown };
    const plain = (typeof toJSON === "function" ? toJSON.call(value) : value) as { expires?: unknown } | null;
    const expires = plain?.expires;
    return expires instanceof Date ? { ...plain, expires: expires.toJSON() } : plain;
  }

  /** A session from its text. Fails with `CorruptRecordError`. */
  parse(sid: string, text: string): object | Promise<object> {
    let data: unknown;
    try {
      data = this.#options.serializer.parse(text);
    } catch {
      // Without its cause: a parser quotes what it could not read.
      throw this.corrupt(sid);
    }
    if (isThenable(data)) {
      return Promise.resolve(data).then(
        (parsed) => this.#checked(sid, parsed),
        () => Promise.reject(this.corrupt(sid)),
      );
    }
    return this.#checked(sid, data);
  }

  #checked(sid: string, data: unknown): object {
    if (typeof data !== "object" || data === null) throw this.corrupt(sid);
    return data;
  }

  /** The user of a session; `undefined` for a guest's, or where the store has no index. */
  userOf(session: object): string | undefined {
    const userId = this.#options.userId?.(session) ?? undefined;
    return userId === undefined ? undefined : checkUserId(userId);
  }

  /** The same for a text; what nobody can read belongs to nobody, and must still be possible to end. */
  async userOfText(sid: string, text: string): Promise<string | undefined> {
    if (this.#options.userId === undefined) return undefined;
    try {
      return this.userOf(await this.parse(sid, text));
    } catch (error) {
      if (error instanceof CorruptRecordError) return undefined;
      throw error;
    }
  }

  /** What stands in the way of a write, after `failed` was expected there. */
  async versionOf(sid: string, text: string, failed: Version | null): Promise<Version> {
    // Bytes that are not UTF-8 come back as another text than they are, and could be taken for changed for ever.
    if (text === failed?.text) throw this.corrupt(sid);
    return { text, userId: this.userOf(await this.parse(sid, text)) };
  }

  /** How a text begins, through its times; `undefined` where that cannot be seen without reading all of it. */
  headOf(text: string): string | undefined {
    return this.#head?.exec(text)?.[0];
  }

  /** The id of a session is a credential: an error must not name its key in full. */
  label(sid: string): string {
    return `${this.#options.prefix}${beginningOf(sid)}`;
  }

  corrupt(sid: string, cause?: unknown): CorruptRecordError {
    return new CorruptRecordError(this.label(sid), cause);
  }
}

/** Whether a value is a promise, also one of a library's own. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** Enough of a session id to find it in a log. */
export function beginningOf(sid: string): string {
  return `${sid.slice(0, 8)}…`;
}
