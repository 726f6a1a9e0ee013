import { createSessionStore } from "coatcheck";
import { createFetchSessions, type RequestSession, safeReturnTo } from "coatcheck/fetch";
import { Redis } from "ioredis";

const redis = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", { socketTimeout: 5000 });
const store = createSessionStore(redis);
// Behind HTTPS the cookie is __Host-session; a browser takes it from http://127.0.0.1 only without `secure`.
const http = createFetchSessions(store, { cookie: { secure: process.env["NODE_ENV"] === "production" } });

const redirect = (address: string) => new Response(null, { status: 303, headers: { Location: address } });

async function answer(request: Request, session: RequestSession): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  switch (`${request.method} ${pathname}`) {
    case "GET /login": {
      const form = "<form method=post><input name=user autofocus><button>Log in</button></form>";
      return new Response(form, { headers: { "Content-Type": "text/html;charset=UTF-8" } });
    }
    case "POST /login": {
      const user = new URLSearchParams(await request.text()).get("user") ?? "";
      // Check a password here.
      await session.start({ userId: user, claims: { role: "member" } });
      return redirect(safeReturnTo(searchParams.get("returnTo"), "/me"));
    }
    case "GET /me": {
      // The log-in page for a browser without a session; everybody else without one gets 401.
      const address = session.admit({ redirectTo: "/login" });
      return address === null ? Response.json(session.current?.claims) : redirect(address);
    }
    case "GET /admin":
      session.require({ where: { role: "admin" } });
      return Response.json("the keys to everything");
    case "POST /logout":
      return Response.json(await session.end());
    // For administrators in a real application: in effect with the very next request, wherever the user is logged in.
    case "POST /block":
      return Response.json(await store.blockUser(searchParams.get("user") ?? ""));
    default:
      return Response.json("not found", { status: 404 });
  }
}

// Bun and Deno serve what is the default export; on Node, see server.ts.
export default {
  port: Number(process.env["PORT"] ?? 3000),
  hostname: "127.0.0.1",
  fetch: (request: Request): Promise<Response> => http.handle(request, (session) => answer(request, session)),
};
