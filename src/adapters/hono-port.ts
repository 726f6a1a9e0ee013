/** The port of a request of Hono: it knows its framework, and how that one sets headers. */
import type { Context } from "hono";
import { FetchPort } from "../http/fetch-port.js";

/** Gives Hono the headers at once, so that `c.json()` and the like need no second response. */
export class HonoPort extends FetchPort {
  readonly #c: Context;

  constructor(c: Context) {
    super(c.req.raw);
    this.#c = c;
  }

  override appendHeader(name: string, value: string): void {
    super.appendHeader(name, value);
    if (!this.#c.finalized) this.#c.header(name, value, { append: true });
  }

  /** Adds them to a response that did not get them: a handler's own `Response`, or one whose headers were replaced. */
  finish(): void {
    const before = this.#c.res;
    const after = this.respond(before);
    if (after === before) return;
    // Hono would put the headers of the response that it has on top of those of the new one.
    this.#c.res = undefined;
    this.#c.res = after;
  }
}
