/** The port of a Fastify request: it knows its framework, and how that one sets headers. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { HttpPort } from "../http/port.js";

/** The port of one request. A class, and not an object of functions, because one is made for every request. */
export class FastifyPort implements HttpPort {
  readonly method: string;
  readonly url: string;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.method = request.method;
    this.url = request.originalUrl;
    this.#request = request;
    this.#reply = reply;
  }

  header(name: string) {
    const { headers } = this.#request;
    // HTTP/2 has another name for it.
    const value = headers[name] ?? (name === "host" ? headers[":authority"] : undefined);
    return Array.isArray(value) ? value.join(", ") : value;
  }

  appendHeader(name: string, value: string) {
    // Fastify adds to Set-Cookie and replaces any other header.
    const before = name === "Set-Cookie" ? undefined : this.#reply.getHeader(name);
    this.#reply.header(name, before === undefined ? value : `${before}, ${value}`);
  }

  writable() {
    // After `hijack`, or if somebody has written to `reply.raw`, Fastify ignores headers that are set here.
    return !this.#reply.sent && !this.#reply.raw.headersSent;
  }
}
