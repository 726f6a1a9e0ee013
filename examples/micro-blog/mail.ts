/** How mails leave the blog: through a program of the machine, or, for a look at it, into a list. Knows no account. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Mail {
  /** One address, as `isEmail` has found it. */
  readonly to: string;
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
}

export interface Mailer {
  /** Resolves when the mail is on its way; rejects when it will not be. */
  send(mail: Mail): Promise<void>;
}

/** RFC 5321, 4.5.3.1.3, without its angle brackets. */
export const MAX_ADDRESS = 254;
/** What browsers accept in `<input type="email">` (HTML, 4.10.5.1.5): no spaces, no commas, no names in front. */
const ADDRESS =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** How long the program may take to accept a mail, ms. */
const TIMEOUT = 30_000;

/** Whether a text is one address, to which a mail can be sent without being more or other than one. */
export function isEmail(text: string): boolean {
  return text.length <= MAX_ADDRESS && ADDRESS.test(text);
}

/** Hands mails to a program that takes them as `sendmail` does: the recipient as an argument, the message on its input. */
export class Sendmail implements Mailer {
  readonly #program: string;
  readonly #from: string;

  constructor(program: string, from: string) {
    if (!isEmail(from)) throw new TypeError("The sender of mails must be an e-mail address");
    this.#program = program;
    this.#from = from;
  }

  async send({ to, subject, text }: Mail): Promise<void> {
    const head = [
      `From: ${this.#from}`,
      `To: ${to}`,
      `Subject: ${subject}`,
      `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 8bit",
      // RFC 3834, 5: no out-of-office note in answer.
      "Auto-Submitted: auto-generated",
    ];
    const child = spawn(this.#program, ["-i", "-f", this.#from, "--", to], {
      stdio: ["pipe", "ignore", "inherit"],
      timeout: TIMEOUT,
    });
    // A program that ends before it has read all is known by its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(`${head.join("\n")}\n\n${text}\n`);
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    if (code !== 0) throw new Error(`${this.#program} did not take a mail: it ended with ${code ?? signal}`);
  }
}

/** A mail that waits in the outbox. */
export interface OutboxMail extends Mail {
  /** Epoch ms. */
  readonly sentAt: number;
}

const KEPT = 50;

/**
 * Sends nothing: keeps the last mails in memory, to be read on a page. Whoever reaches that page reads everybody's mail,
 * links to new passwords included, so it is for a developer's own machine.
 */
export class Outbox implements Mailer {
  #mails: readonly OutboxMail[] = [];

  /** The newest first. */
  get mails(): readonly OutboxMail[] {
    return this.#mails;
  }

  async send(mail: Mail): Promise<void> {
    this.#mails = [{ ...mail, sentAt: Date.now() }, ...this.#mails].slice(0, KEPT);
  }
}

/** Mails that no page waits for: how long a page takes must not tell whether there was anybody to write to. */
export class Dispatch {
  readonly #mailer: Mailer;
  readonly #log: (error: unknown) => void;
  readonly #underWay = new Set<Promise<void>>();

  constructor(mailer: Mailer, log: (error: unknown) => void) {
    this.#mailer = mailer;
    this.#log = log;
  }

  /** Writes mails and sends them, after the current request has been answered. What fails goes to the log. */
  start(write: () => Promise<readonly Mail[]>): void {
    const sent = this.#run(write).finally(() => this.#underWay.delete(sent));
    this.#underWay.add(sent);
  }

  /** Sends a mail for which the page does wait. */
  send(mail: Mail): Promise<void> {
    return this.#mailer.send(mail);
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #run(write: () => Promise<readonly Mail[]>): Promise<void> {
    try {
      for (const mail of await write()) await this.#mailer.send(mail);
    } catch (error) {
      this.#log(error);
    }
  }
}
