/**
 * Sessions of a framework in Redis, in the layout of connect-redis: a string under `prefix` + session id. Reading one, and
 * the single steps that write one, each with what it needs of the user's index. It knows neither frameworks nor requests.
 */

import { show } from "../leaves/arguments.js";
import { CorruptRecordError } from "../leaves/errors.js";
import type { Deadline } from "../redis/calls/deadline.js";
import type { Keyspace } from "../redis/keyspace.js";
import { Origin, type Version } from "./baseline.js";
import type { Lifetime } from "./merge.js";
import type { ResolvedOptions } from "./options.js";
import { RecordText } from "./record-text.js";
import { dropInScripts as scripts } from "./scripts/scripts.js";
import { UserIndex } from "./user-index.js";

/** A session from Redis, and where it came from. */
export interface Loaded<Data> {
  readonly data: Data;
  readonly origin: Origin;
}

/** What is to be stored. */
export interface Wanted extends Version {
  readonly ttl: number | null | "keep";
}

/** What became of a write: it is done, there is no session, or there is another version of it. */
export type Outcome = "ok" | "none" | { readonly conflict: string };

export class Records {
  readonly keyspace: Keyspace;
  readonly text: RecordText;
  readonly index: UserIndex | undefined;
  readonly #prefix: string;

  constructor(options: ResolvedOptions, lifetime: Lifetime) {
    this.keyspace = options.keyspace;
    this.text = new RecordText(options, lifetime);
    this.index = options.userId && new UserIndex(options.keyspace, options.prefix);
    this.#prefix = options.prefix;
  }

  /** Reads a session; `null` where there is none. One round trip; `clocked` asks for its time to live along with it. */
  async load<Data>(sid: string, clocked = false): Promise<Loaded<Data> | null> {
    if (!clocked) return new Promise((resolve, reject) => this.fetch<Data>(sid, resolve, reject));
    const [text, left] = await this.run(sid, scripts.read, []);
    return this.#loaded<Data>(sid, text ?? null, { left: Number(left), at: performance.now() });
  }

  /** The same by callback, on the shortest way, because every request does this. */
  fetch<Data>(sid: string, succeed: (loaded: Loaded<Data> | null) => void, fail: (error: unknown) => void): void {
    let key: string;
    try {
      key = this.#key(sid);
    } catch (error) {
      fail(error);
      return;
    }
    this.keyspace.fetch(
      key,
      (text) => {
        let loaded: Loaded<Data> | null | Promise<Loaded<Data>>;
        try {
          loaded = this.#loaded<Data>(sid, text, null);
        } catch (error) {
          fail(error);
          return;
        }
        if (loaded instanceof Promise) loaded.then(succeed, fail);
        else succeed(loaded);
      },
      (error) => fail(this.#shortened(sid, error)),
    );
  }

  #loaded<Data>(sid: string, reply: string | null, ttl: Origin["ttl"]): Loaded<Data> | null | Promise<Loaded<Data>> {
    if (!reply) return null;
    // A client of node-redis with type mappings gives a Buffer.
    const text = typeof reply === "string" ? reply : String(reply);
    const data = this.text.parse(sid, text);
    const loadedAs = (session: object) => ({
      data: session as Data,
      origin: new Origin(sid, { text, userId: this.text.userOf(session) }, ttl),
    });
    return data instanceof Promise ? data.then(loadedAs) : loadedAs(data);
  }

  /** Where a session came from that was loaded in some other way than by this store. */
  originOf(sid: string, session: object): Origin {
    return new Origin(sid, { text: this.text.encode(session), userId: this.text.userOf(session) });
  }

  /** Ends a session, and takes it out of its user's index. `false`: it was not live. */
  async remove(sid: string, deadline?: Deadline): Promise<boolean> {
    const [status, text] = await this.run(sid, scripts.remove, [""], deadline);
    if (status !== "ok") return false;
    const userId = await this.text.userOfText(sid, text as string);
    if (userId !== undefined) await this.index?.strike(userId, [sid], deadline);
    return true;
  }

  /** Puts a record in the place of another. The index of its user knows of it before the session is stored. */
  async replace(sid: string, from: Version, to: Wanted, deadline?: Deadline): Promise<Outcome> {
    await this.#enlist(sid, to, deadline);
    const outcome = outcomeOf(await this.run(sid, scripts.replace, [from.text, to.text, to.ttl ?? ""], deadline));
    // The id of a session that has ended never comes back, so nobody else can be about to store it.
    if (outcome === "none" && to.userId !== undefined) await this.index?.strike(to.userId, [sid], deadline);
    return outcome;
  }

  /** Stores a record where there is none. */
  async create(sid: string, to: Wanted, deadline: Deadline): Promise<(string | null)[]> {
    await this.#enlist(sid, to, deadline);
    return this.run(sid, scripts.create, [to.text, to.ttl ?? ""], deadline);
  }

  async #enlist(sid: string, { userId, ttl }: Wanted, deadline?: Deadline): Promise<void> {
    this.#key(sid);
    // What keeps its time to live stays where it is in the index, too.
    if (userId !== undefined && ttl !== "keep") await this.index?.enlist(userId, sid, ttl, deadline);
  }

  /** Runs a script on a session. */
  run(
    sid: string,
    script: (typeof scripts)[keyof typeof scripts],
    args: (string | number)[],
    deadline?: Deadline,
  ): Promise<(string | null)[]> {
    const running = this.keyspace.run(script, [this.#key(sid)], args, deadline) as Promise<(string | null)[]>;
    return running.catch((error: unknown) => {
      throw this.#shortened(sid, error);
    });
  }

  /** An error that does not name the key of the session in full. */
  #shortened(sid: string, error: unknown): unknown {
    return error instanceof CorruptRecordError ? this.text.corrupt(sid, error.cause) : error;
  }

  #key(sid: string): string {
    // Joined to the prefix, an object such as the session itself would name a key that nothing is ever stored at.
    if (typeof sid === "object" || typeof sid === "function") {
      throw new TypeError(`A session id must be a string, got ${show(sid)}`);
    }
    const key = this.#prefix + sid;
    if (this.index?.owns(key)) throw new RangeError("A session id must not begin like the key of a user's index");
    return key;
  }
}

export function outcomeOf([status, text]: (string | null)[]): Outcome {
  if (status === "conflict") return { conflict: text as string };
  return status === "none" ? "none" : "ok";
}
