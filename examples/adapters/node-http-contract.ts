/**
 * The application of the contract of adapters (docs/testing.md), on the adapter for node:http that is beside this file. Its routes are
 * those that the contract asks for.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { RegisteredClaims, RequestSession, Requirement } from "coatcheck/http";
import type { AdapterSubject } from "coatcheck/testing";
import { withSessions } from "./node-http.ts";

/** One request, for its route. */
interface Turn {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly session: RequestSession<RegisteredClaims>;
  readonly query: URLSearchParams;
}

const json = ({ response }: Turn, body: object) => void response.end(JSON.stringify(body));
const show = (turn: Turn) => json(turn, { user: turn.session.current?.userId ?? null });
const userOf = ({ query }: Turn) => ({ userId: String(query.get("user")) });

/** There is no middleware, and so no guard to put before a route. */
const guarded = (requirement: Requirement<RegisteredClaims>) => async (turn: Turn) => {
  const address = turn.session.admit(requirement);
  if (address === null) show(turn);
  else turn.response.writeHead(303, { Location: address }).end();
};

const routes: Record<string, (turn: Turn) => Promise<void>> = {
  "GET /": async (turn) => show(turn),
  "GET /public": async ({ response }) => void response.end("public"),
  "GET /me": guarded({}),
  "GET /admin": guarded({ where: ({ userId }) => userId === "admin" }),
  "GET /app/page": guarded({ redirectTo: "/sign-in" }),
  "POST /login": async (turn) => {
    turn.response.appendHeader("Set-Cookie", "theme=dark");
    const transport = (turn.query.get("transport") ?? undefined) as "cookie" | "bearer" | undefined;
    json(turn, { token: (await turn.session.start({ ...userOf(turn), transport })).token });
  },
  "POST /login/redirect": async (turn) => {
    await turn.session.start(userOf(turn));
    turn.response.writeHead(303, { Location: "/me" }).end();
  },
  "POST /login/stream": async (turn) => {
    await turn.session.start(userOf(turn));
    turn.response.write("one");
    turn.response.end("two");
  },
  "POST /login/late": async (turn) => {
    turn.response.flushHeaders();
    const outcome = turn.session.start(userOf(turn)).then(
      () => "none",
      (error: Error) => error.name,
    );
    turn.response.end(await outcome);
  },
  "POST /logout": async (turn) => json(turn, { ended: await turn.session.end() }),
  "POST /rotate": async (turn) => json(turn, { rotated: (await turn.session.rotate()) !== null }),
  "GET /boom": async () => {
    throw new Error("boom");
  },
};

/** Answers a request that has its session. */
export async function answerRoute(
  request: IncomingMessage,
  response: ServerResponse,
  session: RequestSession<RegisteredClaims>,
): Promise<void> {
  const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://localhost");
  const method = request.method === "HEAD" ? "GET" : request.method;
  const route = routes[`${method} ${pathname}`];
  if (route === undefined) response.writeHead(404).end();
  else await route({ request, response, session, query });
}

/** Serves the application. */
export const start: AdapterSubject["start"] = async (store, options) => {
  const server = createServer(withSessions(store, answerRoute, options));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
};
