/** One request of the contract over a real socket, and its answer. Sends exactly the headers that it is given. Knows no session. */
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

/** Headers by name; an array sends the header several times. */
export type SentHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** How long an answer may take, ms: far beyond what any needs, also on a busy machine. */
const PATIENCE = 20_000;

/** What came back. */
export interface Answer {
  /** The request, for messages: `GET /me`. */
  readonly request: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Each `Set-Cookie` as it came. */
  readonly cookies: readonly string[];
  readonly body: string;
}

/** Sends a request. Without an agent, on a connection of its own. */
export function exchange(
  base: string,
  method: string,
  path: string,
  headers: SentHeaders = {},
  agent: Agent | false = false,
): Promise<Answer> {
  const { hostname, port, host } = new URL(base);
  const length = method === "POST" ? { "Content-Length": "0" } : {};
  // The flat form goes out as it is; the object form would join headers that come several times.
  const flat = Object.entries({ Host: host, ...length, ...headers }).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().flatMap((each) => [name, each]),
  );
  const name = `${method} ${path}`;
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) =>
      reject(new Error(`${name} got no answer: ${reason}`, cause === undefined ? {} : { cause }));
    const outgoing = request({ hostname, port, method, path, headers: flat, agent, timeout: PATIENCE });
    outgoing.on("response", (incoming) => {
      read(name, incoming).then(resolve, (error: unknown) => fail("the server broke it off", error));
    });
    outgoing.on("timeout", () => {
      fail(
        `nothing came within ${PATIENCE / 1000} s. Does the adapter go on to the next handler when the session is loaded?`,
      );
      outgoing.destroy();
    });
    outgoing.on("error", (error) => fail(`the connection failed (${error.message})`, error));
    outgoing.end();
  });
}

async function read(name: string, incoming: IncomingMessage): Promise<Answer> {
  let body = "";
  for await (const chunk of incoming.setEncoding("utf8")) body += chunk as string;
  const { statusCode = 0, headers } = incoming;
  return { request: name, status: statusCode, headers, cookies: headers["set-cookie"] ?? [], body };
}
