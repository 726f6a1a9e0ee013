/**
 * The history of log-ins, in the database: what the store's events tell, for users to look at and for audits.
 *
 * The events tell what this process did. A session that just expires ends without one.
 */
import type { FastifyBaseLogger } from "fastify";
import type { Database } from "./database.ts";
import type { ShopSessions } from "./sessions.ts";

export interface HistoryEntry {
  readonly at: Date;
  readonly event: string;
  readonly session: string;
  readonly userAgent: string | null;
}

interface Happening {
  readonly userId: string | null;
  readonly session: string;
  readonly event: string;
  readonly userAgent?: string | undefined;
}

export class History {
  readonly #db: Database;
  readonly #log: FastifyBaseLogger;
  #written: Promise<void> = Promise.resolve();

  constructor({ events }: ShopSessions, db: Database, log: FastifyBaseLogger) {
    this.#db = db;
    this.#log = log;
    events.on("created", ({ id, userId, client }) => {
      this.#add({ userId, session: id, event: "log-in", userAgent: client.userAgent });
    });
    events.on("rotated", ({ id, userId, previousId, previousUserId, client }) => {
      const event = userId === previousUserId ? "re-authentication" : "log-in";
      if (previousUserId !== userId) this.#add({ userId: previousUserId, session: previousId, event: "end: replaced" });
      this.#add({ userId, session: id, event, userAgent: client.userAgent });
    });
    events.on("revoked", ({ id, userId, reason }) => {
      this.#add({ userId, session: id, event: `end: ${reason}` });
    });
  }

  /** Resolves when all that has happened so far is written, or its error logged. */
  settled(): Promise<void> {
    return this.#written;
  }

  async of(userId: string): Promise<HistoryEntry[]> {
    const { rows } = await this.#db.query<HistoryEntry>(
      `SELECT at, event, session_id AS session, user_agent AS "userAgent"
       FROM login_history WHERE user_id = $1 ORDER BY id DESC LIMIT 100`,
      [userId],
    );
    return rows;
  }

  /**
   * An event's handler cannot be awaited, and what it throws or rejects with would end the process. So it only queues,
   * in the order of the events, and an error goes to the log.
   */
  #add({ userId, session, event, userAgent = undefined }: Happening): void {
    if (userId === null) return;
    const row = [new Date(), userId, session, event, userAgent ?? null];
    this.#written = this.#written.then(async () => {
      try {
        await this.#db.query(
          "INSERT INTO login_history (at, user_id, session_id, event, user_agent) VALUES ($1, $2, $3, $4, $5)",
          row,
        );
      } catch (error) {
        this.#log.error({ err: error, userId, session, event }, "The history of log-ins was not written.");
      }
    });
  }
}
