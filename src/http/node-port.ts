/** The port for everything that uses Node's own request and response: Express, Koa, plain `node:http`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpPort } from "./port.js";

/**
 * Makes the port of one request. On an upgrade there is no response, or another object that takes no headers: leave it out, or
 * pass that object. `url` is for frameworks whose routers change the request's own.
 */
export function nodePort(
  request: IncomingMessage & { readonly originalUrl?: string | undefined },
  response?: ServerResponse,
  url = request.originalUrl ?? request.url,
): HttpPort {
  return new NodePort(request, response, url);
}

/** A class, and not an object of functions, because one is made for every request. */
class NodePort implements HttpPort {
  readonly method: string;
  readonly url: string | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse | undefined;

  constructor(request: IncomingMessage, response: ServerResponse | undefined, url: string | undefined) {
    this.method = request.method ?? "GET";
    this.url = url;
    this.#request = request;
    this.#response = response;
  }

  header(name: string): string | undefined {
    const { headers } = this.#request;
    // HTTP/2 has another name for it.
    const value = headers[name] ?? (name === "host" ? headers[":authority"] : undefined);
    return Array.isArray(value) ? value.join(", ") : value;
  }

  appendHeader(name: string, value: string): void {
    this.#response?.appendHeader(name, value);
  }

  writable(): boolean {
    // What libraries for WebSockets pass for a response is often an empty object.
    const response = this.#response;
    return typeof response?.appendHeader === "function" && !response.headersSent;
  }
}
