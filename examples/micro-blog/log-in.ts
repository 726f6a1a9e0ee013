/**
 * Where accounts and sessions meet. An account can change while somebody logs in to it: its role, its password. Each
 * change is written to the account first and to the sessions then, and a log-in looks at the account once more when its
 * session exists; so whichever comes last, no session is left behind with what is no longer true.
 */
import type { SessionStore } from "coatcheck";
import type { RequestSession } from "coatcheck/express";
import type { Claims } from "./claims.ts";
import type { Role, User, Users } from "./users.ts";

export class LogIn {
  readonly #users: Users;
  readonly #store: SessionStore<Claims>;

  constructor(users: Users, store: SessionStore<Claims>) {
    this.#users = users;
    this.#store = store;
  }

  /** Logs a user in who has just proved who they are. `false`: their password has changed since. */
  async start(session: RequestSession<Claims>, user: User, client: { ip?: string; userAgent?: string }) {
    const { name, email, role, passwordHash } = user;
    await session.start({ userId: name, claims: { user_name: name, email, role }, client });
    const now = await this.#users.get(name);
    if (now?.passwordHash !== passwordHash) {
      await session.end();
      return false;
    }
    await this.#spreadRole(name, role);
    return true;
  }

  /** Changes a role, in the account and in all live sessions: it is in effect with the user's next request. */
  async changeRole(name: string, role: Role): Promise<void> {
    await this.#users.setRole(name, role);
    await this.#spreadRole(name);
  }

  /** Writes the account's role to the sessions until they agree: two moderators may change it at the same moment. */
  async #spreadRole(name: string, written?: Role): Promise<void> {
    for (let before = written; ; ) {
      const role = (await this.#users.get(name))?.role;
      if (role === undefined || role === before) return;
      await this.#store.updateClaimsForUser(name, { role });
      before = role;
    }
  }

  /**
   * Changes the password of a user who has just given the old one: this session goes on with a new token, and all others
   * end (OWASP ASVS 5.0, 7.4.3). `false`: the old one is no longer right.
   */
  async changePassword(session: RequestSession<Claims>, user: User, password: string): Promise<boolean> {
    if (!(await this.#users.setPassword(user, password))) return false;
    await session.endAll({ exceptCurrent: true });
    await session.rotate({ reauthenticated: true });
    return true;
  }
}
