/** Passes a request on to a service and its answer back, as an HTTP proxy does (RFC 9110, 7.6.1). Knows no session. */
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import { pipeline } from "node:stream/promises";
import { Problem } from "./answer.ts";

/** What belongs to one connection, and not to the request. */
const HOP_BY_HOP = [
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
  ...["proxy-authenticate", "proxy-authorization"],
];
/** What the client says here is not for the service: its credentials, and by which way it came. */
const OURS = [
  "authorization",
  "cookie",
  "host",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
];

export interface Destination {
  /** Where the service is, such as `http://127.0.0.1:3001`. */
  readonly url: string;
  /** How long it may be silent, ms. */
  readonly timeout: number;
  /** By which the service knows on whose behalf it is called. */
  readonly token: string;
}

/** Throws `Problem` where there is no whole answer: 502, or 504 where it took too long. */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { url, timeout, token }: Destination,
): Promise<void> {
  const { hostname, port } = new URL(url);
  const { method, url: path } = request;
  const headers = { ...endToEnd(request.headers, OURS), authorization: `Bearer ${token}` };
  const outgoing = send({ hostname, port, method, path, headers, timeout });
  // A client that has gone away waits for no answer.
  response.once("close", () => outgoing.destroy());
  outgoing.once("timeout", () => outgoing.destroy(new Problem(504, "The service took too long")));

  let incoming: IncomingMessage;
  try {
    incoming = await new Promise((resolve, reject) => {
      outgoing.once("response", resolve);
      outgoing.once("error", reject);
      pipeline(request, outgoing).catch(reject);
    });
  } catch (error) {
    if (response.destroyed) return;
    throw error instanceof Problem ? error : new Problem(502, "The service does not answer", {}, error);
  }

  let fault: unknown;
  incoming.once("error", (error) => {
    if (!response.destroyed) fault = error;
  });
  response.writeHead(incoming.statusCode ?? 502, endToEnd(incoming.headers));
  try {
    await pipeline(incoming, response);
  } catch {
    // It was the client that went away, or the service: only one is worth a line in the log.
    if (fault !== undefined) throw new Problem(502, "The service broke off", {}, fault);
  }
}

function endToEnd(headers: IncomingHttpHeaders, others: readonly string[] = []): IncomingHttpHeaders {
  const named = (headers.connection ?? "").toLowerCase().split(/ *, */);
  const dropped = new Set([...HOP_BY_HOP, ...named, ...others]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}
