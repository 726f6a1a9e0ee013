/**
 * Write your own adapter: sessions for plain node:http. An adapter gives `load` one request as a port, hands the session
 * on in the way of its framework, and sees to it that errors become answers. Everything else is the kit's.
 *
 * Run it with `npx tsx --tsconfig examples/tsconfig.json examples/adapters/node-http.ts`.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createSessionStore, isSessionError, type SessionStore } from "coatcheck";
import { createHttpSessions, type HttpOptions, nodePort, type RequestSession } from "coatcheck/http";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";

/** A request listener that gets the session of each request, and whose errors become answers. */
export type SessionListener<Claims extends object> = (
  request: IncomingMessage,
  response: ServerResponse,
  session: RequestSession<Claims>,
) => Promise<void>;

/** Makes a listener for `createServer` of one that takes sessions. */
export function withSessions<Claims extends object>(
  store: SessionStore<Claims>,
  listener: SessionListener<Claims>,
  options?: HttpOptions,
  onError = answerError,
): RequestListener {
  const http = createHttpSessions(store, options);
  return async (request, response) => {
    try {
      // Where requests are not Node's own, the port is three members to write.
      await listener(request, response, await http.load(nodePort(request, response)));
    } catch (error) {
      onError(error, response);
    }
  };
}

/** Answers with the status and the headers that an error of coatcheck's has. */
export function answerError(error: unknown, response: ServerResponse): void {
  const { status = 500, expose = false, headers = {}, message = "" } = isSessionError(error) ? error : {};
  if (status === 500) console.error(error);
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { ...headers, "Content-Type": "application/json" });
  response.end(JSON.stringify({ error: expose ? message : "Try again later" }));
}

/** A tiny application: log in with `curl -X POST 'http://127.0.0.1:3000/login?user=ada' -c jar`. */
export function main(port = Number(process.env["PORT"] ?? 3000)): Server {
  const { REDIS_URL } = process.env;
  const store = createSessionStore(REDIS_URL === undefined ? new RedisMock() : new Redis(REDIS_URL));
  const app = withSessions(
    store,
    async (request, response, session) => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
      const route = `${request.method} ${pathname}`;
      // A real application checks a password first.
      if (route === "POST /login") await session.start({ userId: searchParams.get("user") ?? "nobody" });
      else if (route === "POST /logout") await session.end();
      else if (route === "GET /me") session.require();
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ user: session.current?.userId ?? null }));
    },
    { cookie: { secure: false } },
  );
  const server = createServer(app).listen(port, "127.0.0.1", () => {
    const address = server.address();
    console.log(`node:http on http://127.0.0.1:${typeof address === "object" ? address?.port : port}`);
  });
  return server;
}

if (process.argv[1] === import.meta.filename) main();
