/**
 * The application of the contract on `Request` and `Response`: those of Node itself, or those that @hono/node-server puts in their
 * place, which have no stream and no `Headers` until somebody asks.
 */
import { getRequestListener } from "@hono/node-server";
import { createFetchSessions } from "../../../src/fetch.js";
import type { RegisteredClaims, RequestSession, Requirement } from "../../../src/http.js";
import { streamed } from "../streamed.js";
import { type Start, served } from "./served.js";

type Session = RequestSession<RegisteredClaims>;
type Route = (session: Session, query: URLSearchParams) => Response | Promise<Response>;

const show: Route = (session) => Response.json({ user: session.current?.userId ?? null });
const redirect = (address: string) => new Response(null, { status: 303, headers: { Location: address } });
const userOf = (query: URLSearchParams) => ({ userId: String(query.get("user")) });

/** There is no middleware, and so no guard to put before a route. */
const guarded =
  (requirement: Requirement<RegisteredClaims>): Route =>
  (session, query) => {
    const address = session.admit(requirement);
    return address === null ? show(session, query) : redirect(address);
  };

const routes: Record<string, Route> = {
  "GET /": show,
  "GET /public": () => new Response("public"),
  "GET /me": guarded({}),
  "GET /admin": guarded({ where: ({ userId }) => userId === "admin" }),
  "GET /app/page": guarded({ redirectTo: "/sign-in" }),
  "POST /login": async (session, query) => {
    const transport = (query.get("transport") ?? undefined) as "cookie" | "bearer" | undefined;
    const { token } = await session.start({ ...userOf(query), transport });
    return Response.json({ token }, { headers: { "Set-Cookie": "theme=dark" } });
  },
  "POST /login/redirect": async (session, query) => {
    await session.start(userOf(query));
    return redirect("/me");
  },
  "POST /login/stream": async (session, query) => {
    await session.start(userOf(query));
    return new Response(new Blob(["one", "two"]).stream());
  },
  "POST /login/late": (session, query) =>
    new Response(
      streamed(() =>
        session.start(userOf(query)).then(
          () => "none",
          (error: Error) => error.name,
        ),
      ),
    ),
  "POST /logout": async (session) => Response.json({ ended: await session.end() }),
  "POST /rotate": async (session) => Response.json({ rotated: (await session.rotate()) !== null }),
  "GET /boom": () => {
    throw new Error("boom");
  },
};

export const startFetchOn =
  (classes: "Node's" | "Hono's"): Start =>
  async (store, options) => {
    const http = createFetchSessions(store, options);
    const answer = (request: Request) =>
      http.handle(request, (session) => {
        const { pathname, searchParams } = new URL(request.url);
        const method = request.method === "HEAD" ? "GET" : request.method;
        return routes[`${method} ${pathname}`]?.(session, searchParams) ?? new Response(null, { status: 404 });
      });
    const errorHandler = () => new Response("Internal Server Error", { status: 500 });
    return served(getRequestListener(answer, { overrideGlobalObjects: classes === "Hono's", errorHandler }));
  };
