import { createSessionStore } from "coatcheck";
import { createFetchSessions, type RequestSession, safeReturnTo } from "coatcheck/fetch";
import { H3, html, redirect, serve, toResponse } from "h3";
import { Redis } from "ioredis";

declare module "h3" {
  interface H3EventContext {
    session: RequestSession<{ role: "member" | "admin" }>;
  }
}

const redis = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", { socketTimeout: 5000 });
const store = createSessionStore<{ role: "member" | "admin" }>(redis);
// Behind HTTPS the cookie is __Host-session; a browser takes it from http://127.0.0.1 only without `secure`.
const http = createFetchSessions(store, { cookie: { secure: process.env["COOKIE_INSECURE"] !== "1" } });

const app = new H3();

// Before all routes. An error of coatcheck becomes its response here, so h3 prints no stack for it; h3 answers all others.
app.use((event, next) =>
  http.handle(event.req, async (session) => {
    event.context.session = session;
    return toResponse(await next(), event);
  }),
);

app.get("/login", () => html`<form method=post><input name=user autofocus><button>Log in</button></form>`);
app.post("/login", async ({ req, url, context }) => {
  const form = await req.formData();
  // Check a password here.
  await context.session.start({ userId: String(form.get("user")), claims: { role: "member" } });
  return redirect(safeReturnTo(url.searchParams.get("returnTo"), "/account"), 303);
});
// Sends a browser without a session to the log-in page, and answers everybody else with 401.
app.get("/account", ({ context: { session } }) => {
  const address = session.admit({ redirectTo: "/login" });
  return address === null ? { user: session.current?.userId } : redirect(address, 303);
});
app.get("/admin", ({ context: { session } }) => {
  session.require({ where: { role: "admin" } });
  return "the keys to everything";
});
app.post("/logout", async ({ context: { session } }) => ({ ended: await session.end() }));

serve(app, { port: Number(process.env["PORT"] ?? 3000), hostname: "127.0.0.1" });
