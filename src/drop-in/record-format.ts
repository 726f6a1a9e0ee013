/**
 * A session as the text that Redis holds: how it is written and read, whose it is, where its times are, and how an error may
 * name it. It knows no Redis.
 */

import { isThenable, show } from "../leaves/arguments.js";
import { CorruptRecordError } from "../leaves/errors.js";
import type { Version } from "./baseline.js";
import type { Fields, Lifetime } from "./merge.js";
import type { ResolvedDropInOptions } from "./options.js";
import { SessionOwner } from "./user-id.js";

export class RecordFormat {
  readonly #options: Pick<ResolvedDropInOptions, "prefix" | "serializer">;
  readonly #owner: SessionOwner | undefined;
  readonly #isJson: boolean;
  /** Matches the beginning of a text up to the end of its times, if these are one flat object that comes first. */
  readonly #head: RegExp | undefined;

  constructor(options: ResolvedDropInOptions, lifetime: Lifetime) {
    this.#options = options;
    this.#owner = options.userId && new SessionOwner(options.userId);
    this.#isJson = options.serializer === JSON;
    const [name, ...more] = lifetime.properties;
    // It allows strings without a backslash, and other values that are not nested: so the brace that follows is the end of the
    // object.
    const flat = `^\\{"${name}":\\{(?:[^"{}\\\\]|"[^"\\\\]*")*\\}`;
    this.#head = this.#isJson && more.length === 0 ? new RegExp(flat) : undefined;
  }

  encode(session: object): string {
    const text: unknown = this.#options.serializer.stringify(session);
    // Otherwise a text such as "[object Promise]" would be stored, and the session would be lost.
    if (typeof text !== "string") throw new TypeError(`serializer.stringify must return a string, got ${show(text)}`);
    return text;
  }

  /** A session as a version of its record. */
  versionOf(session: object): Version {
    return { text: this.encode(session), userId: this.userOf(session) };
  }

  /** A session from its text. Fails with `CorruptRecordError`. */
  parse(sid: string, text: string): object | Promise<object> {
    let data: unknown;
    try {
      data = this.#options.serializer.parse(text);
    } catch {
      // Without the cause: a parser quotes the text that it could not read.
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

  /** The same as the plain fields that a merge needs. */
  async fieldsOf(sid: string, text: string): Promise<Fields> {
    return (await this.parse(sid, text)) as Fields;
  }

  #checked(sid: string, data: unknown): object {
    if (typeof data !== "object" || data === null) throw this.corrupt(sid);
    return data;
  }

  /** The user of a session; `undefined` for a guest, or if the store has no index. */
  userOf(session: object): string | undefined {
    return this.#owner?.of(session);
  }

  /** The same for a text. A record that nobody can read belongs to no user: it must still be possible to end it. */
  async userOfText(sid: string, text: string): Promise<string | undefined> {
    if (this.#owner === undefined) return undefined;
    try {
      return this.userOf(await this.parse(sid, text));
    } catch (error) {
      if (error instanceof CorruptRecordError) return undefined;
      throw error;
    }
  }

  /** The version that a write has found in Redis in the place of `failed`, the one that it expected. */
  async obstacle(sid: string, text: string, failed: Version | null): Promise<Version> {
    // Bytes that are not UTF-8 come back as another text, so the write would find a change again and again.
    if (text === failed?.text) throw this.corrupt(sid);
    return { text, userId: this.userOf(await this.parse(sid, text)) };
  }

  /**
   * A text that replaces another. It ends in blanks that no text of this session has had for a while. Without them, a later
   * save of an earlier text would look the same, and a save that is sent again after a lost reply would undo what came in
   * between. Blanks at the end mean nothing in JSON; the text of another serializer stays as it is.
   */
  successor(text: string, of: string): string {
    if (!this.#isJson) return text;
    const before = of.endsWith("}") ? 0 : turnOf(of.slice(-BLANKS));
    return text.trimEnd() + blanksOf((before + 1) % TURNS);
  }

  /** The beginning of a text up to the end of its times; `undefined` if one must read all of it to find that. */
  headOf(text: string): string | undefined {
    return this.#head?.exec(text)?.[0];
  }

  /** A key as an error may name it: the id of a session is a credential, and must not be in it as a whole. */
  label(sid: string): string {
    return `${this.#options.prefix}${beginningOf(sid)}`;
  }

  corrupt(sid: string, cause?: unknown): CorruptRecordError {
    return new CorruptRecordError(this.label(sid), cause);
  }
}

/** This many blanks, each a space or a tab, count the saves of a session. After 64 saves the count begins again. */
const BLANKS = 6;
const TURNS = 2 ** BLANKS;

function blanksOf(turn: number): string {
  return turn.toString(2).padStart(BLANKS, "0").replaceAll("0", " ").replaceAll("1", "\t");
}

/** 0 if these are no such blanks. */
function turnOf(blanks: string): number {
  return /^[ \t]{6}$/.test(blanks) ? Number.parseInt(blanks.replaceAll(" ", "0").replaceAll("\t", "1"), 2) : 0;
}

/** Enough of a session id to find it in a log. */
export function beginningOf(sid: string): string {
  return `${sid.slice(0, 8)}…`;
}
