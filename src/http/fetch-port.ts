/** The port for everything that uses the `Request` and `Response` of the web: Hono, Bun, Deno, route handlers. */
import type { HttpPort } from "./port.js";

/** The port of one request. What is added to its response waits here until there is one. */
export class FetchPort implements HttpPort {
  readonly method: string;
  readonly #request: Request;
  readonly #added: [name: string, value: string][] = [];
  /** Servers other than Node's make the response to an upgrade themselves, and send no header of ours with it. */
  readonly #isUpgrade: boolean;
  #responded = false;

  constructor(request: Request) {
    this.method = request.method;
    this.#request = request;
    this.#isUpgrade = request.headers.get("upgrade")?.toLowerCase().includes("websocket") ?? false;
  }

  get url(): string {
    const { pathname, search } = new URL(this.#request.url);
    return pathname + search;
  }

  header(name: string): string | null {
    const value = this.#request.headers.get(name);
    // Over HTTP/2, and in tests, no header names the host: it is in the address.
    return value === null && name === "host" ? new URL(this.#request.url).host : value;
  }

  appendHeader(name: string, value: string): void {
    this.#added.push([name, value]);
  }

  writable(): boolean {
    return !this.#responded && !this.#isUpgrade;
  }

  /**
   * The response with what was added, unless it has that already. It is a copy, on the same body: a handler may give one
   * response to many requests, and then the cookie of one user would reach the others. A response that needs nothing is given
   * back as it is. From now on the port takes no more headers.
   */
  respond(response: Response): Response {
    this.#responded = true;
    const missing = this.#added.filter(([name, value]) => !has(response.headers, name, value));
    // No constructor makes a response with such a status: an upgrade, or an error that no server sends.
    if (missing.length === 0 || response.status < 200) return response;
    const headers = new Headers(response.headers);
    for (const [name, value] of missing) headers.append(name, value);
    const { status, statusText } = response;
    return new Response(response.body, { status, statusText, headers });
  }
}

const itemsOf = (value: string) => value.split(",").map((item) => item.trim().toLowerCase());

/** Whether a response says that already, by itself or beside other things. */
function has(headers: Headers, name: string, value: string): boolean {
  // Values of cookies may have commas, and these headers are never one list.
  if (name === "Set-Cookie") return headers.getSetCookie().includes(value);
  const present = headers.get(name);
  if (present === null) return false;
  const items = itemsOf(present);
  return itemsOf(value).every((item) => items.includes(item));
}
