/** Who has an e-mail address shows it by a link in a mail to it, which works once and for a day. Knows no page. */
import type { OneTimeTokens } from "coatcheck/one-time";
import type { LogIn } from "./log-in.ts";
import type { Mail } from "./mail.ts";

/** Which address of which account. */
export interface Address {
  readonly name: string;
  readonly email: string;
}

export interface EmailVerificationOptions {
  readonly logIn: LogIn;
  readonly tokens: OneTimeTokens<Pick<Address, "email">>;
  /** The address of the page that a token leads to. */
  readonly linkTo: (token: string) => string;
}

export class EmailVerification {
  readonly #logIn: LogIn;
  readonly #tokens: OneTimeTokens<Pick<Address, "email">>;
  readonly #linkTo: (token: string) => string;

  constructor({ logIn, tokens, linkTo }: EmailVerificationOptions) {
    this.#logIn = logIn;
    this.#tokens = tokens;
    this.#linkTo = linkTo;
  }

  /** The mail with the link. The one before is void. Throws `IssueLimitError` where it was asked for too often. */
  async write({ name, email }: Address): Promise<Mail> {
    const { token } = await this.#tokens.issue({ subject: name, data: { email } });
    return {
      to: email,
      subject: "Is this your address?",
      text: [
        `Hello ${name},`,
        "somebody, probably you, signed up for micro-blog with this address. Confirm that it is yours, within a day:",
        this.#linkTo(token),
        "It was not you? Then do nothing.",
      ].join("\n\n"),
    };
  }

  /** What a link would confirm; the link stays good. `null`: it is not. */
  async peek(token: string): Promise<Address | null> {
    const found = await this.#tokens.peek(token);
    return found && { name: found.subject, ...found.data };
  }

  /** Uses the link up. Returns what it has confirmed; `null`: the link does not work. */
  async use(token: string): Promise<Address | null> {
    const used = await this.#tokens.consume(token);
    if (used === null || !(await this.#logIn.verifyEmail(used.subject, used.data.email))) return null;
    return { name: used.subject, ...used.data };
  }
}
