/** The port of whatever sits on Node's own request and response: Express, Koa, plain `node:http`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpPort } from "./port.js";

/** Makes the port of one request. */
export function nodePort(request: IncomingMessage, response: ServerResponse): HttpPort {
  return {
    method: request.method ?? "GET",
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    appendHeader: (name, value) => response.appendHeader(name, value),
  };
}
