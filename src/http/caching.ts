/** What a response tells caches about itself. Knows no session. */
import type { HttpPort } from "./port.js";
import { isWritable } from "./response-head.js";

/** What one response has told caches so far. When its headers are sent it is too late, and nothing is added. */
export class Caching {
  readonly #port: HttpPort;
  readonly #credentials: string;
  #varies = false;
  #noStore = false;

  /** `credentials`: the headers of requests by which their sessions are found, as in `Vary`. */
  constructor(port: HttpPort, credentials: string) {
    this.#port = port;
    this.#credentials = credentials;
  }

  /** The response depends on who asks: a cache must not give it to a request with other credentials (RFC 9110, 12.5.5). */
  varies(): void {
    if (this.#varies || !isWritable(this.#port)) return;
    this.#varies = true;
    this.#port.appendHeader("Vary", this.#credentials);
  }

  /**
   * The response is only for one user: no cache keeps it, not even that of the browser (RFC 9111, 5.2.2.5; ASVS 5.0, 14.3.2).
   */
  noStore(): void {
    if (this.#noStore || !isWritable(this.#port)) return;
    this.#noStore = true;
    this.#port.appendHeader("Cache-Control", "no-store");
  }
}
