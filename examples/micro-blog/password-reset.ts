/**
 * The reset of a forgotten password (OWASP ASVS 5.0, 6.4.3 and 7.4.3): a link in a mail, which works once and for ten
 * minutes. It goes to confirmed addresses alone, since one with a typo is a stranger's. Knows no page.
 */
import type { SessionStore } from "coatcheck";
import { IssueLimitError, type OneTimeTokens } from "coatcheck/one-time";
import type { Claims } from "./claims.ts";
import { isEmail, type Mail } from "./mail.ts";
import { PASSWORD_CHANGED } from "./pages/ended.ts";
import type { User, Users } from "./users.ts";

export interface PasswordResetOptions {
  readonly users: Users;
  readonly store: SessionStore<Claims>;
  readonly tokens: OneTimeTokens<null>;
  /** The address of the page that a token leads to. */
  readonly linkTo: (token: string) => string;
}

export class PasswordReset {
  readonly #users: Users;
  readonly #store: SessionStore<Claims>;
  readonly #tokens: OneTimeTokens<null>;
  readonly #linkTo: (token: string) => string;

  constructor({ users, store, tokens, linkTo }: PasswordResetOptions) {
    this.#users = users;
    this.#store = store;
    this.#tokens = tokens;
    this.#linkTo = linkTo;
  }

  /** The mails to write to whom a user name or an address belongs: none, one, or some where accounts share the address. */
  async write(who: string): Promise<Mail[]> {
    const users = isEmail(who) ? await this.#users.withEmail(who) : [await this.#users.get(who.toLowerCase())];
    const mails: Mail[] = [];
    for (const user of users) {
      if (user === null || !user.emailVerified) continue;
      const mail = await this.#writeTo(user);
      if (mail !== null) mails.push(mail);
    }
    return mails;
  }

  /** Whose password a link would set, and until when it works; the link stays good. `null`: it is not. */
  async peek(token: string): Promise<{ name: string; expiresAt: number } | null> {
    const found = await this.#tokens.peek(token);
    return found && { name: found.subject, expiresAt: found.expiresAt };
  }

  /**
   * Uses the link up, sets the password, and then ends every session of the user: a log-in that began with the old
   * password looks at the account once more when its session exists, so none is left. Returns whose it was; `null`: the
   * link does not work. When this rejects, the user has not been told of success, and asks for another link.
   */
  async use(token: string, password: string): Promise<string | null> {
    const used = await this.#tokens.consume(token);
    if (used === null || !(await this.#users.resetPassword(used.subject, password))) return null;
    await this.#store.revokeAllForUser(used.subject, { note: PASSWORD_CHANGED });
    return used.subject;
  }

  /** Voids the link that a user may have: for who has just changed the password. */
  async void(name: string): Promise<void> {
    await this.#tokens.revokeForSubject(name);
  }

  /** `null`: enough has been written to the user within the hour. The page must not say so: it would tell who has an account. */
  async #writeTo({ name, email }: User): Promise<Mail | null> {
    try {
      const { token } = await this.#tokens.issue({ subject: name });
      return {
        to: email,
        subject: "A new password for micro-blog",
        text: [
          `Hello ${name},`,
          "somebody, probably you, asked for a new password. Set it here, within ten minutes:",
          this.#linkTo(token),
          "It was not you? Then do nothing: your password stays as it is.",
        ].join("\n\n"),
      };
    } catch (error) {
      if (error instanceof IssueLimitError) return null;
      throw error;
    }
  }
}
