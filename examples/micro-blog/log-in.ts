/**
 * Where accounts and sessions meet. An account can change while somebody logs in to it: its role, its password, whether
 * its address is confirmed. Each
 * change is written to the account first and to the sessions then, and a log-in looks at the account once more when its
 * session exists; so whichever comes last, no session is left behind with what is no longer true.
 */
import type { SessionStore } from "coatcheck";
import type { RequestSession } from "coatcheck/express";
import type { Claims } from "./claims.ts";
import { PASSWORD_CHANGED } from "./pages/ended.ts";
import type { PasswordReset } from "./password-reset.ts";
import type { Role, User, Users } from "./users.ts";

export class LogIn {
  readonly #users: Users;
  readonly #store: SessionStore<Claims>;
  readonly #reset: PasswordReset;

  constructor(users: Users, store: SessionStore<Claims>, reset: PasswordReset) {
    this.#users = users;
    this.#store = store;
    this.#reset = reset;
  }

  /** Logs a user in who has just proved who they are. `false`: their password has changed since. */
  async start(session: RequestSession<Claims>, user: User, client: { ip?: string; userAgent?: string }) {
    const { name, email, passwordHash } = user;
    await session.start({ userId: name, claims: { user_name: name, email, ...standingOf(user) }, client });
    const now = await this.#users.get(name);
    if (now?.passwordHash !== passwordHash) {
      await session.end();
      return false;
    }
    await this.#spread(name, user);
    return true;
  }

  /** Changes a role, in the account and in all live sessions: it is in effect with the user's next request. */
  async changeRole(name: string, role: Role): Promise<void> {
    await this.#users.setRole(name, role);
    await this.#spread(name);
  }

  /** Marks an address as the user's, in the account and in all live sessions. `false`: the account has another one. */
  async verifyEmail(name: string, email: string): Promise<boolean> {
    if (!(await this.#users.verifyEmail(name, email))) return false;
    await this.#spread(name);
    return true;
  }

  /** Writes what the account says to the sessions until they agree: two moderators may change it at the same moment. */
  async #spread(name: string, written?: User): Promise<void> {
    for (let before = written; ; ) {
      const user = await this.#users.get(name);
      if (user === null) return;
      if (user.role === before?.role && user.emailVerified === before.emailVerified) return;
      await this.#store.updateClaimsForUser(name, standingOf(user));
      before = user;
    }
  }

  /**
   * Changes the password of a user who has just given the old one: this session goes on with a new token, all others end
   * (OWASP ASVS 5.0, 7.4.3), and a link to set another password is void. `false`: the old one is no longer right.
   */
  async changePassword(session: RequestSession<Claims>, user: User, password: string): Promise<boolean> {
    if (!(await this.#users.setPassword(user, password))) return false;
    await this.#reset.void(user.name);
    await session.endAll({ exceptCurrent: true, note: PASSWORD_CHANGED });
    await session.rotate({ reauthenticated: true });
    return true;
  }
}

/** The claims that change while sessions live. */
function standingOf({ role, emailVerified }: User): Pick<Claims, "role" | "email_verified"> {
  return { role, email_verified: emailVerified };
}
