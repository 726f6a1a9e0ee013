/** What the stores of all frameworks have in common: their client, their events, and the calls for a user's sessions. */
import { EventEmitter } from "node:events";
import type { DiscardedWrite } from "./discarded.js";
import { type DestroyAllOptions, type ListedSession, UserSessions } from "./many.js";
import type { Fields, Lifetime } from "./merge.js";
import {
  type DropInOptions,
  type ResolvedDropInOptions,
  resolveDropInOptions,
  type Serializer,
  type SessionRecord,
} from "./options.js";
import { RecordFormat } from "./record-format.js";
import { Records } from "./records.js";
import { Saving } from "./saving.js";
import type { UserId } from "./user-id.js";
import { UserIndex } from "./user-index.js";

/** What a store emits. */
export interface StoreEvents {
  connect: [];
  disconnect: [];
  discarded: [write: DiscardedWrite];
}

/** What the store of a framework adds. */
interface StoreKind {
  /** The names of its options. */
  readonly names: readonly string[];
  readonly prefix: string;
  readonly lifetime: Lifetime;
  /** Whether a load also asks for the time to live. */
  readonly clocked: boolean;
}

export abstract class DropInStore<Data extends object = SessionRecord> extends EventEmitter<StoreEvents> {
  /** The client that the store was made with. */
  readonly client: DropInOptions<Data>["client"];
  /** What the key of every session begins with. */
  readonly prefix: string;
  /** What turns sessions into strings and back. */
  readonly serializer: Serializer;
  protected readonly options: ResolvedDropInOptions;
  protected readonly text: RecordFormat;
  protected readonly index: UserIndex | undefined;
  protected readonly records: Records;
  protected readonly saving: Saving;
  readonly #lifetime: Lifetime;

  constructor(options: DropInOptions<Data>, { names, prefix, lifetime, clocked }: StoreKind) {
    super();
    this.options = resolveDropInOptions("RedisStore", options, names, prefix);
    this.client = options.client;
    this.prefix = this.options.prefix;
    this.serializer = this.options.serializer;
    const { keyspace } = this.options;
    this.text = new RecordFormat(this.options, lifetime);
    this.index = this.options.userId && new UserIndex(keyspace, this.prefix);
    this.records = new Records({
      keyspace,
      text: this.text,
      index: this.index,
      prefix: this.prefix,
      lifetime,
      clocked,
    });
    this.saving = new Saving(this.records, this.text, lifetime, this);
    this.#lifetime = lifetime;
    keyspace.watch({ ready: () => this.emit("connect"), end: () => this.emit("disconnect") });
  }

  /** The live sessions of a user, each with its `id`; those that expire last come first. Needs the option `userId`. */
  async listForUser(userId: UserId): Promise<ListedSession<Data>[]> {
    return this.#users.list(userId);
  }

  /**
   * Ends all sessions of a user, except the one whose id is in `except` (`req.sessionID`, `request.session.sessionId`,
   * `ctx.session.externalKey`). Returns how many were live. Once this has resolved, no request that has loaded one of them can
   * bring it back. Needs the option `userId`. A log-in that is under way counts as a later one, and its session stays.
   */
  async destroyAllForUser(userId: UserId, options?: DestroyAllOptions): Promise<number> {
    return this.#users.destroyAll(userId, options);
  }

  /**
   * Changes top-level properties in all live sessions of a user; `undefined` removes one. Returns how many sessions it changed.
   * If a request that is under way changes the same property, its value is kept. Needs the option `userId`.
   * @example await store.updateForUser("42", { role: "member" });
   */
  async updateForUser(userId: UserId, patch: Partial<Data>): Promise<number> {
    return this.#users.update(userId, patch as Fields);
  }

  get #users(): UserSessions<Data> {
    return new UserSessions<Data>(this.records, this.text, this.index, this.#lifetime);
  }
}
