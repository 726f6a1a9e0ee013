/** JSON over plain `node:http`: what the gateway and the service both need of it. */
import type { IncomingMessage, ServerResponse } from "node:http";

const MAX_BODY = 16 * 1024;

/** What the client is told went wrong. */
export class Problem extends Error {
  override name = "Problem";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}, cause?: unknown) {
    super(message, { cause });
    this.status = status;
    this.headers = headers;
  }
}

export function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  // All that is said here is said to one user.
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store", ...headers });
  response.end(`${JSON.stringify(body)}\n`);
}

/** The bearer token of a request (RFC 6750, 2.1); `undefined` for none. */
export function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
}

/** A 401 with its challenge (RFC 6750, 3). */
export function unauthenticated(token: string | undefined): Problem {
  const challenge = token === undefined ? "Bearer" : 'Bearer error="invalid_token"';
  return new Problem(401, "Log in first", { "WWW-Authenticate": challenge });
}

/** A member of the JSON object in the body, which must be a text. */
export async function textIn(request: IncomingMessage, name: string): Promise<string> {
  let body = "";
  request.setEncoding("utf8");
  for await (const chunk of request) {
    body += chunk;
    if (body.length > MAX_BODY) throw new Problem(413, "The body is too large", { Connection: "close" });
  }
  let value: unknown;
  try {
    value = (JSON.parse(body) as Record<string, unknown> | null)?.[name];
  } catch {
    throw new Problem(400, "The body is not JSON");
  }
  if (typeof value !== "string" || value === "")
    throw new Problem(400, `The body needs ${JSON.stringify(name)}, a text`);
  return value;
}
