/** A reader of the micro-blog with one browser, as far as `fetch` is one: it keeps the cookie and sends forms. */
import { expect } from "vitest";

export interface Answer {
  readonly status: number;
  /** Where the answer sends the browser; "" where it does not. */
  readonly location: string;
  readonly headers: Headers;
  readonly text: string;
}

export class Visitor {
  readonly #base: string;
  readonly #userAgent: string;
  /** The session cookie as it would be sent: `session=…`; "" for none. */
  cookie = "";

  constructor(base: string, userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0") {
    this.#base = base;
    this.#userAgent = userAgent;
  }

  /** The public half of the token. */
  get sessionId(): string {
    return this.cookie.slice("session=".length).split(".")[0] ?? "";
  }

  get(path: string): Promise<Answer> {
    return this.#send(path, {});
  }

  /** Sends a form of the site itself, or with `headers` as somebody else would send it. */
  post(path: string, form: Readonly<Record<string, string>> = {}, headers: Readonly<Record<string, string>> = {}) {
    const own = { origin: this.#base, "sec-fetch-site": "same-origin" };
    return this.#send(path, { method: "POST", body: new URLSearchParams(form), headers: { ...own, ...headers } });
  }

  async logIn(name: string, password: string, next = "/"): Promise<this> {
    const { status, location } = await this.post("/login", { name, password, next });
    expect([status, location]).toEqual([303, next]);
    expect(this.cookie).toMatch(/^session=[0-9A-Z]{26}\.[\w-]{43}$/);
    return this;
  }

  /** Another browser with a copy of this one's cookie. */
  copy(): Visitor {
    const thief = new Visitor(this.#base, this.#userAgent);
    thief.cookie = this.cookie;
    return thief;
  }

  async #send(path: string, init: RequestInit): Promise<Answer> {
    const headers = new Headers(init.headers);
    headers.set("user-agent", this.#userAgent);
    if (this.cookie !== "") headers.set("cookie", this.cookie);
    const response = await fetch(this.#base + path, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      this.cookie = /max-age=0/i.test(line) ? "" : pair;
    }
    const { status } = response;
    return {
      status,
      headers: response.headers,
      location: response.headers.get("location") ?? "",
      text: await response.text(),
    };
  }
}
