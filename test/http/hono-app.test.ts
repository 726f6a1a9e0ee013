/** Hono applications as people write them: answers of every kind, errors, mounted applications, sockets, tests without a server. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, upgradeWebSocket } from "@hono/node-server";
import { Hono } from "hono";
import { setCookie } from "hono/cookie";
import { HTTPException } from "hono/http-exception";
import { streamSSE, streamText } from "hono/streaming";
import { describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { requireSession, type SessionVariables, safeReturnTo, sessions } from "../../src/hono.js";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { listening } from "./contract/app.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix, timeout: 10_000 });

const logIn = async () => (await store.create({ userId: "ada", claims: { role: "member" } })).token;
const cookie = (token: string) => ({ Cookie: `__Host-session=${token}` });
const namesOf = ({ headers }: Response) => headers.getSetCookie().map((line) => line.split("=")[0]);

const application = () => {
  const app = new Hono<{ Variables: SessionVariables }>();
  app.use(sessions(store));
  return app;
};

async function served(app: { fetch: Hono["fetch"] }, options: object = {}): Promise<number> {
  const server = (await listening(createAdaptorServer({ fetch: app.fetch, ...options }) as Server)) as Server;
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

describe("a response of Hono", () => {
  it.each([
    ["c.text", () => new Hono().get("/", (c) => c.text("x"))],
    ["a raw Response", () => new Hono().get("/", () => new Response("x"))],
    ["c.redirect", () => new Hono().get("/", (c) => c.redirect("/"))],
    ["Response.redirect", () => new Hono().get("/", () => Response.redirect("https://app.example/", 302))],
    ["c.notFound", () => new Hono().get("/", (c) => c.notFound())],
    ["no route", () => new Hono()],
    ["no content", () => new Hono().get("/", (c) => c.body(null, 204))],
    ["a text stream", () => new Hono().get("/", (c) => streamText(c, async (s) => void (await s.write("x"))))],
    ["what fetch gave", () => new Hono().get("/", () => fetch("data:,x"))],
    ["its own Set-Cookie in place of all", () => new Hono().get("/", (c) => c.text("x", 200, { "Set-Cookie": "a=b" }))],
    ["a thrown HTTPException", () => new Hono().get("/", () => Promise.reject(new HTTPException(418)))],
  ])("of %s carries the cookie, and says no-store", async (kind, make) => {
    const app = application();
    app.use(async (c, next) => {
      await c.var.session.start({ userId: "ada" });
      await next();
    });
    app.route("/", make());
    const response = await app.request("/");
    expect(namesOf(response)).toContain("__Host-session");
    expect(namesOf(response)).toHaveLength(kind.startsWith("its own") ? 2 : 1);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("keeps the cookies that the handler sets before and after, and one that other middleware adds", async () => {
    const app = new Hono<{ Variables: SessionVariables }>();
    app.use(async (c, next) => {
      await next();
      setCookie(c, "outer", "1");
    });
    app.use(sessions(store));
    app.post("/", async (c) => {
      setCookie(c, "before", "1");
      await c.var.session.start({ userId: "ada" });
      setCookie(c, "after", "1");
      return c.text("");
    });
    const response = await app.request("/", { method: "POST" });
    expect(namesOf(response).sort()).toEqual(["__Host-session", "after", "before", "outer"]);
  });

  it("that is one object for all requests gets the cookie of none", async () => {
    const shared = new Response(null, { status: 204 });
    const app = application();
    app.post("/", async (c) => {
      await c.var.session.start({ userId: "ada" });
      return shared;
    });
    app.get("/", () => shared);
    expect(namesOf(await app.request("/", { method: "POST" }))).toEqual(["__Host-session"]);
    expect([...(await app.request("/")).headers]).toEqual([]);
    expect([...shared.headers]).toEqual([]);
  });

  it("of a handler's own keeps its length, and is no stream, unless it takes a cookie", async () => {
    const app = application();
    app.get("/", requireSession(), () => new Response("own"));
    app.post("/", async (c) => {
      await c.var.session.rotate();
      return new Response("own");
    });
    const url = `http://127.0.0.1:${await served(app)}/`;
    const headers = cookie(await logIn());
    const read = await fetch(url, { headers });
    expect([read.headers.get("content-length"), read.headers.get("transfer-encoding")]).toEqual(["3", null]);
    expect([read.headers.get("vary"), read.headers.get("cache-control")]).toEqual(["Cookie", "no-store"]);
    expect(await read.text()).toBe("own");
    const rotated = await fetch(url, { method: "POST", headers });
    expect([namesOf(rotated), await rotated.text()]).toEqual([["__Host-session"], "own"]);
  });

  it("to HEAD has the headers of the one to GET", async () => {
    const app = application();
    app.get("/", requireSession(), (c) => c.text("x"));
    const headers = cookie(await logIn());
    const head = await app.request("/", { method: "HEAD", headers });
    expect([head.status, head.headers.get("cache-control"), head.headers.get("vary")]).toEqual([
      ...[200, "no-store", "Cookie"],
    ]);
    expect((await app.request("/", { method: "HEAD" })).status).toBe(401);
  });

  it("of events begins with the cookie, and takes none later", async () => {
    const app = application();
    const late: unknown[] = [];
    app.post("/", async (c) => {
      await c.var.session.start({ userId: "ada" });
      return streamSSE(c, async (stream) => {
        await stream.writeSSE({ data: "one" });
        await stream.sleep(1);
        await c.var.session.start({ userId: "eve" }).catch((error: unknown) => late.push(error));
        await stream.writeSSE({ data: String(c.var.session.current?.userId) });
      });
    });
    const response = await fetch(`http://127.0.0.1:${await served(app)}/`, { method: "POST" });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(namesOf(response)).toEqual(["__Host-session"]);
    expect(await response.text()).toBe("data: one\n\ndata: ada\n\n");
    expect(late).toMatchObject([{ name: "TypeError", message: expect.stringContaining("nothing was changed") }]);
  });
});

describe("an error", () => {
  it("is answered by Hono's own handler with its status and headers, and is not logged", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const app = new Hono<{ Variables: SessionVariables }>();
    app.use(sessions(store, { bearer: true }));
    app.get("/", requireSession(), (c) => c.text("x"));
    app.post("/blocked", async (c) => c.json(await c.var.session.start({ userId: "blocked" })));
    app.get("/broken", () => {
      throw new Error("broken");
    });
    const refused = await app.request("/");
    expect([refused.status, await refused.text()]).toEqual([401, "Log in first"]);
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    expect(refused.headers.get("vary")).toBe("Cookie, Authorization");
    await store.blockUser("blocked");
    const blocked = await app.request("/blocked", { method: "POST" });
    expect([blocked.status, await blocked.text()]).toEqual([403, "The user is blocked"]);
    await store.unblockUser("blocked");
    const foreign = { method: "POST", headers: { Origin: "https://evil.example" } };
    expect((await app.request("/blocked", foreign)).status).toBe(403);
    expect(log).not.toHaveBeenCalled();
    expect((await app.request("/broken")).status).toBe(500);
    expect(log).toHaveBeenCalledTimes(1);
    vi.restoreAllMocks();
  });

  it("has its status for a handler of the application's, and the cookie survives that", async () => {
    const app = application();
    const seen: unknown[] = [];
    app.onError((error, c) => {
      seen.push("status" in error ? error.status : 500);
      return c.json({ error: error.message }, 401);
    });
    app.post("/", async (c) => {
      await c.var.session.end();
      return c.json(c.var.session.require());
    });
    const response = await app.request("/", { method: "POST", headers: cookie(await logIn()) });
    expect([await response.json(), seen]).toEqual([{ error: "Log in first" }, [401]]);
    expect(response.headers.getSetCookie()).toMatchObject([expect.stringContaining("Max-Age=0")]);
  });

  it("of a sub-application with a handler of its own keeps the cookie too", async () => {
    const app = application();
    const inner = new Hono<{ Variables: SessionVariables }>();
    inner.onError(() => new Response("inner", { status: 500 }));
    inner.post("/", async (c) => {
      await c.var.session.start({ userId: "ada" });
      throw new Error("broken");
    });
    app.route("/inner", inner);
    const response = await app.request("/inner", { method: "POST" });
    expect([await response.text(), namesOf(response)]).toEqual(["inner", ["__Host-session"]]);
  });
});

describe("an application in another", () => {
  const PAGE = { headers: { Accept: "text/html" } };
  const page = () => {
    const inner = application().basePath("/base");
    inner.get("/page", requireSession({ redirectTo: "/login" }), (c) => c.text("x"));
    return inner;
  };

  it.each([
    ["by itself", () => page(), "/base/page"],
    ["as a route", () => new Hono().route("/outer", page()), "/outer/base/page"],
    [
      "mounted with its whole address",
      () => new Hono().mount("/base", page().fetch, { replaceRequest: false }),
      "/base/page",
    ],
  ])("%s sends a browser to the log-in page, and tells the whole address", async (_, make, path) => {
    const response = await make().request(`${path}?a=b`, PAGE);
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe(`/login?returnTo=${encodeURIComponent(`${path}?a=b`)}`);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("may have sessions of its own", async () => {
    const outer = application();
    const inner = new Hono<{ Variables: SessionVariables }>();
    inner.use(sessions(store, { cookie: { name: "__Host-inner" } }));
    inner.post("/", async (c) => {
      await c.var.session.start({ userId: "ada" });
      return c.text("");
    });
    outer.route("/", inner);
    expect(namesOf(await outer.request("/", { method: "POST" }))).toEqual(["__Host-inner"]);
  });

  it("mounts any handler of Request and Response, whose response gets the cookie", async () => {
    const app = application();
    app.use("/there/*", async (c, next) => {
      await c.var.session.start({ userId: "ada" });
      await next();
    });
    app.mount("/there", () => Response.json("there"));
    expect(namesOf(await app.request("/there/x"))).toEqual(["__Host-session"]);
  });
});

describe("a WebSocket on @hono/node-server", () => {
  const open = async () => {
    const app = application();
    app.get(
      "/socket",
      requireSession(),
      upgradeWebSocket((c) => {
        const { current } = c.get("session") as SessionVariables["session"];
        return { onOpen: (_, socket) => socket.send(`hello ${current?.userId}`) };
      }),
    );
    return served(app, { websocket: { server: new WebSocketServer({ noServer: true }) } });
  };
  const outcome = (port: number, headers: Record<string, string>) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers });
      socket.on("message", (data) => {
        resolve(String(data));
        socket.terminate();
      });
      socket.on("unexpected-response", (_, response) => resolve(response.statusCode));
    });

  it("knows its user, and refuses nobody's and another site's", async () => {
    const port = await open();
    const headers = cookie(await logIn());
    expect(await outcome(port, headers)).toBe("hello ada");
    expect(await outcome(port, { ...headers, Origin: `http://127.0.0.1:${port}` })).toBe("hello ada");
    expect(await outcome(port, {})).toBe(401);
    expect(await outcome(port, { ...headers, Origin: "https://evil.example" })).toBe(403);
  });
});

describe("the middleware", () => {
  it("says so if another library has taken its place, and if it is missing", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const messages: string[] = [];
    const watched = (app: Hono) => {
      app.onError((error, c) => {
        messages.push(error.message);
        return c.text("", 500);
      });
      return app;
    };
    const taken = watched(new Hono()).use((c, next) => {
      c.set("session" as never, {} as never);
      return next();
    });
    await taken.use(sessions(store)).request("/");
    await watched(new Hono()).use(requireSession()).request("/");
    expect(messages).toEqual([
      'Another library has put its own "session" on the context: use one of the two',
      "requireSession() needs app.use(sessions(store)) before it",
    ]);
    expect(() => requireSession({ redirectTo: "//evil.example" })).toThrow(RangeError);
    expect(() => sessions(store, { cookie: false })).toThrow(TypeError);
    vi.restoreAllMocks();
  });

  it("leaves what the session needs not to be said unsaid", async () => {
    const app = application();
    app.get("/", (c) => c.text("file"));
    const { headers } = await app.request("/", { headers: cookie(await logIn()) });
    expect([headers.get("vary"), headers.get("cache-control")]).toEqual([null, null]);
  });

  it("takes part in tests without a server: log-in, guarded page, log-out", async () => {
    const app = application();
    app.post("/login", async (c) => {
      await c.var.session.start({ userId: "ada" });
      return c.redirect(safeReturnTo(c.req.query("returnTo"), "/"), 303);
    });
    app.get("/me", requireSession(), (c) => c.json(c.var.session.current?.userId));
    app.post("/logout", async (c) => c.json(await c.var.session.end()));
    const login = await app.request("/login?returnTo=/me", { method: "POST" });
    expect(login.headers.get("location")).toBe("/me");
    const headers = { Cookie: login.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
    expect(await (await app.request("/me", { headers })).json()).toBe("ada");
    expect(await (await app.request("/logout", { method: "POST", headers })).json()).toBe(true);
    expect((await app.request("/me", { headers })).status).toBe(401);
  });
});
