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
   * The response with what was added, unless it has that already. What tells caches goes to the response itself, because a copy
   * costs more than the rest of a short request: its body becomes a stream, whose length servers no longer know. Anything else
   * goes to a copy on the same body: a handler may give one response to many requests, and then the cookie of one user would
   * reach the others. From now on the port takes no more headers.
   */
  respond(response: Response): Response {
    this.#responded = true;
    const missing = this.#added.filter(([name, value]) => !has(response.headers, name, value));
    // No constructor makes a response with such a status: an upgrade, or an error that no server sends.
    if (missing.length === 0 || response.status < 200) return response;
    if (canStay(response, missing) && append(response.headers, missing)) return response;
    const headers = new Headers(response.headers);
    for (const [name, value] of missing) headers.append(name, value);
    const { status, statusText } = response;
    return new Response(response.body, { status, statusText, headers });
  }
}

type Added = readonly (readonly [name: string, value: string])[];

/** Whether headers may stay on a response, even if other requests get it too: they name no user, and it asks no cache to keep it. */
function canStay({ headers, status }: Response, added: Added): boolean {
  // The headers of `Response.redirect()` cannot be changed: to find that out takes longer than a copy without a body.
  if (status >= 300 && status < 400) return false;
  if (added.some(([name]) => name !== "Vary" && name !== "Cache-Control")) return false;
  const caching = headers.get("cache-control");
  return caching === null || itemsOf(caching).includes("no-store");
}

/** Adds headers. `false`: those of this response cannot be changed, such as one of `fetch()`. */
function append(headers: Headers, added: Added): boolean {
  try {
    for (const [name, value] of added) headers.append(name, value);
    return true;
  } catch {
    // Nothing was added, and the copy takes them, or throws what is wrong with them.
    return false;
  }
}

const itemsOf = (value: string) => value.split(",").map((item) => item.trim().toLowerCase());

/** Whether a response says that already, by itself or beside other things. */
function has(headers: Headers, name: string, value: string): boolean {
  // Values of cookies may have commas, and these headers are never one list.
  if (name === "Set-Cookie") return headers.getSetCookie().includes(value);
  const present = headers.get(name);
  if (present === null) return false;
  if (present === value) return true;
  const items = itemsOf(present);
  return itemsOf(value).every((item) => items.includes(item));
}
