/** `Request` and `Response` without a server: what a session adds, to whatever response a handler gives. */
import { describe, expect, it } from "vitest";
import { createFetchSessions } from "../../src/fetch.js";
import { createSessionStore, StoreUnavailableError, UnauthenticatedError } from "../../src/index.js";
import { rejection } from "../fixtures/every-verb.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore<{ role: string }>(redis, { prefix, timeout: 10_000 });
const http = createFetchSessions(store);

const requestFor = (path: string, init: RequestInit = {}) => new Request(`https://app.example${path}`, init);
const withToken = (token: string, init: RequestInit = {}) =>
  requestFor("/", { ...init, headers: { ...init.headers, Cookie: `__Host-session=${token}` } });
const logIn = async () => (await store.create({ userId: "ada", claims: { role: "member" } })).token;

/** A request that has logged in, and what is yet to be said of it. */
async function loggedIn() {
  const loaded = await http.load(requestFor("/login", { method: "POST" }));
  await loaded.session.start({ userId: "ada", claims: { role: "member" } });
  return loaded;
}

const namesOf = ({ headers }: Response) => headers.getSetCookie().map((line) => line.split("=")[0]);

/** What comes from elsewhere: its headers cannot be changed. */
const fetched = () => fetch("data:text/plain;charset=utf-8,from elsewhere");

describe("respond", () => {
  it.each([
    ["of a handler's own", () => new Response("own", { status: 201, statusText: "Made" }), 201, "own"],
    ["with JSON", () => Response.json({ own: true }), 200, '{"own":true}'],
    ["that redirects", () => Response.redirect("https://app.example/", 303), 303, ""],
    ["that fetch gave", fetched, 200, "from elsewhere"],
    ["without a body", () => new Response(null, { status: 204 }), 204, ""],
    ["that says that nothing has changed", () => new Response(null, { status: 304 }), 304, ""],
    ["of an error", () => new Response("broken", { status: 500 }), 500, "broken"],
  ])("adds the cookie to a response %s, and leaves the rest", async (_, make, status, body) => {
    const { respond } = await loggedIn();
    const given = await make();
    const before = [...given.headers];
    const response = respond(given);
    expect([response.status, response.statusText]).toEqual([status, given.statusText]);
    expect(namesOf(response)).toEqual(["__Host-session"]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect([...response.headers]).toEqual(expect.arrayContaining(before));
    expect(await response.text()).toBe(body);
  });

  it("never puts a cookie on the response that it was given, which may be that of other requests too", async () => {
    const shared = new Response(null, { status: 204, headers: { "X-Shared": "yes" } });
    const first = (await loggedIn()).respond(shared);
    const second = (await loggedIn()).respond(shared);
    expect([...shared.headers]).toEqual([["x-shared", "yes"]]);
    expect(first.headers.getSetCookie()).toHaveLength(1);
    expect(second.headers.getSetCookie()).toHaveLength(1);
    expect(first.headers.getSetCookie()).not.toEqual(second.headers.getSetCookie());
  });

  it("passes a stream on as it comes", async () => {
    const { respond } = await loggedIn();
    let push: (text: string) => void = () => {};
    const stream = new ReadableStream({
      start: (controller) => {
        push = (text) => controller.enqueue(new TextEncoder().encode(text));
      },
    });
    const reader = respond(new Response(stream)).body?.getReader();
    // Nothing ends this stream, so it is never read to its end.
    push("first");
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
    push("second");
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("second");
    await reader?.cancel();
  });

  it("keeps the cookies of the handler, and says nothing twice", async () => {
    const { session, respond } = await loggedIn();
    expect(session.current?.userId).toBe("ada");
    const headers = new Headers({ Vary: "Accept-Encoding, cookie", "Cache-Control": "private" });
    headers.append("Set-Cookie", "theme=dark; Expires=Wed, 21 Oct 2026 07:28:00 GMT");
    headers.append("Set-Cookie", "lang=de");
    const once = respond(new Response("", { headers }));
    expect(namesOf(once)).toEqual(["theme", "lang", "__Host-session"]);
    expect(once.headers.get("vary")).toBe("Accept-Encoding, cookie");
    expect(once.headers.get("cache-control")).toBe("private, no-store");
    // Two layers of an application may both finish the response.
    expect(respond(once)).toBe(once);
  });

  it("takes no part of a name for the name", async () => {
    const { session, respond } = await http.load(withToken(await logIn()));
    expect(session.current).not.toBeNull();
    const { headers } = respond(new Response("", { headers: { Vary: "X-Cookie", "Cache-Control": "no-store-x" } }));
    expect([headers.get("vary"), headers.get("cache-control")]).toEqual(["X-Cookie, Cookie", "no-store-x, no-store"]);
  });

  it("gives back a response that needs nothing as it is", async () => {
    const { respond } = await http.load(requestFor("/file"));
    const response = new Response("file");
    expect(respond(response)).toBe(response);
  });

  it("gives back what no constructor makes: an upgrade of another server, and an error", async () => {
    const upgrade = Object.defineProperty(new Response(null), "status", { value: 101 });
    expect((await loggedIn()).respond(upgrade)).toBe(upgrade);
    expect([...upgrade.headers]).toEqual([]);
    const error = Response.error();
    expect((await loggedIn()).respond(error)).toBe(error);
    const { session, respond } = await http.load(withToken(await logIn()));
    expect(session.current).not.toBeNull();
    expect(respond(upgrade)).toBe(upgrade);
    expect([...upgrade.headers]).toEqual([]);
  });

  it("is the end: afterwards nothing starts, and a session can still end", async () => {
    const { session, respond } = await loggedIn();
    respond(new Response(""));
    const id = session.current?.id ?? "";
    await expect(session.start({ userId: "eve" })).rejects.toThrow("can take no cookie any more");
    await expect(session.rotate()).rejects.toThrow("can take no cookie any more");
    expect((await store.find(id))?.userId).toBe("ada");
    expect(await session.end()).toBe(true);
    expect(await store.find(id)).toBeNull();
  });

  it("sends Clear-Site-Data with a log-out", async () => {
    const { session, respond } = await http.load(withToken(await logIn(), { method: "POST" }));
    await session.end({ clearSiteData: true });
    const { headers } = respond(new Response(null, { status: 204 }));
    expect(headers.get("clear-site-data")).toBe('"cache", "cookies", "storage"');
    expect(headers.getSetCookie()[0]).toMatch(/^__Host-session=; Max-Age=0/);
  });
});

/** What is to be said of a request that has read its session. */
async function looked(request: Request) {
  const { session, respond } = await http.load(request);
  return { user: session.current?.userId, respond };
}

const streamOf = (...parts: string[]) =>
  new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });

const cookies = () => {
  const headers = new Headers({ "Set-Cookie": "theme=dark; Expires=Wed, 21 Oct 2026 07:28:00 GMT" });
  headers.append("Set-Cookie", "lang=de");
  return headers;
};

describe("what respond tells caches", () => {
  it.each([
    ["of a handler's own", () => new Response("own", { status: 201, statusText: "Made" }), "own"],
    ["with JSON", () => Response.json({ own: true }), '{"own":true}'],
    ["that is a stream", () => new Response(streamOf("one", "two")), "onetwo"],
    ["without a body", () => new Response(null, { status: 204 }), ""],
    ["of an error", () => new Response("broken", { status: 500 }), "broken"],
    ["with cookies", () => new Response("own", { headers: cookies() }), "own"],
    ["that says no-store", () => new Response("own", { headers: { "Cache-Control": "private, no-store" } }), "own"],
  ])("is on the response %s itself, whose body stays as it is", async (_, make, body) => {
    const { user, respond } = await looked(withToken(await logIn()));
    expect(user).toBe("ada");
    const [given, same] = [make(), make()];
    expect(respond(given)).toBe(given);
    expect(given.headers.get("vary")).toBe("Cookie");
    expect(given.headers.get("cache-control")).toBe(same.headers.get("cache-control") ?? "no-store");
    expect([given.status, given.statusText]).toEqual([same.status, same.statusText]);
    expect(given.headers.getSetCookie()).toEqual(same.headers.getSetCookie());
    expect(await given.text()).toBe(body);
  });

  it.each([
    ["that redirects", () => Response.redirect("https://app.example/", 303), ""],
    [
      "that redirects in its own words",
      () => new Response("see /", { status: 308, headers: { Location: "/" } }),
      "see /",
    ],
    ["that fetch gave", fetched, "from elsewhere"],
    ["that caches may keep", () => new Response("own", { headers: { "Cache-Control": "public, max-age=60" } }), "own"],
    [
      "that says no-store in part of a word",
      () => new Response("own", { headers: { "Cache-Control": "no-storey" } }),
      "own",
    ],
  ])("is on a copy of a response %s", async (_, make, body) => {
    for (const request of [withToken(await logIn()), requestFor("/")]) {
      const { user, respond } = await looked(request);
      const given = await make();
      const before = [...given.headers];
      const caching = given.headers.get("cache-control");
      const response = respond(given);
      expect(response).not.toBe(given);
      expect([...given.headers]).toEqual(before);
      expect(response.headers.get("vary")).toBe("Cookie");
      const wanted = [...(caching === null ? [] : [caching]), ...(user === undefined ? [] : ["no-store"])];
      expect(response.headers.get("cache-control") ?? "").toBe(wanted.join(", "));
      expect([response.status, await response.text()]).toEqual([given.status, body]);
    }
  });

  it("stays on a response that is kept for many requests, and nothing else does", async () => {
    const shared = new Response(null, { status: 204 });
    const bearer = createFetchSessions(store, { bearer: true });
    const { session, respond } = await bearer.load(
      requestFor("/", { headers: { Authorization: `Bearer ${await logIn()}` } }),
    );
    await session.end({ clearSiteData: true });
    expect(respond(shared).headers.get("clear-site-data")).toBe('"cache", "cookies", "storage"');
    expect([...shared.headers]).toEqual([]);
    expect((await looked(requestFor("/"))).respond(shared)).toBe(shared);
    expect([...shared.headers]).toEqual([["vary", "Cookie"]]);
    const mine = (await loggedIn()).respond(shared);
    expect(mine.headers.getSetCookie()).toHaveLength(1);
    expect([...shared.headers]).toEqual([["vary", "Cookie"]]);
  });
});

describe("a request", () => {
  it("has the host of its address, if no header names one", async () => {
    const token = await logIn();
    const post = (headers: Record<string, string>) => http.load(withToken(token, { method: "POST", headers }));
    expect((await post({ Origin: "https://app.example" })).session.current?.userId).toBe("ada");
    expect(await rejection(post({ Origin: "https://evil.example" }))).toMatchObject({ code: "UNTRUSTED_ORIGIN" });
    const proxied = { Host: "front.example", Origin: "https://front.example" };
    expect((await post(proxied)).session.current?.userId).toBe("ada");
  });

  it("that opens a WebSocket is judged by its origin, and takes no cookie", async () => {
    const token = await logIn();
    const upgrade = (origin: string) =>
      http.load(withToken(token, { headers: { Upgrade: "WebSocket", Origin: origin } }));
    const { session, respond } = await upgrade("https://app.example");
    expect(session.require().userId).toBe("ada");
    await expect(session.start({ userId: "eve" })).rejects.toThrow("this is an upgrade");
    expect([...respond(new Response(null)).headers]).toEqual([]);
    expect(await rejection(upgrade("https://evil.example"))).toMatchObject({ code: "UNTRUSTED_ORIGIN" });
  });

  it("of a page without a session has an address to go to", async () => {
    const { session } = await http.load(requestFor("/cart?page=2#end", { headers: { Accept: "text/html" } }));
    expect(session.admit({ redirectTo: "/login" })).toBe("/login?returnTo=%2Fcart%3Fpage%3D2");
  });
});

describe("handle", () => {
  it("answers with what the handler gives, and the cookie", async () => {
    const response = await http.handle(requestFor("/login", { method: "POST" }), async (session) => {
      await session.start({ userId: "ada", claims: { role: "member" } });
      return Response.json(session.current?.claims.role);
    });
    expect([await response.json(), namesOf(response)]).toEqual(["member", ["__Host-session"]]);
  });

  it("answers an error of the handler, and of the load, with its status, headers and message", async () => {
    const tokens = createFetchSessions(store, { bearer: true });
    const guarded = await tokens.handle(requestFor("/", { headers: { Authorization: "Bearer x" } }), (session) =>
      Response.json(session.require()),
    );
    expect([guarded.status, await guarded.text()]).toEqual([401, "Log in first"]);
    expect(guarded.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    expect(guarded.headers.get("vary")).toBe("Cookie, Authorization");

    const foreign = withToken(await logIn(), { method: "POST", headers: { Origin: "https://evil.example" } });
    const refused = await http.handle(foreign, () => expect.fail("another site's request"));
    expect([refused.status, await refused.text()]).toEqual([403, "The request comes from another origin"]);

    const away = { ...store, touch: () => Promise.reject(new StoreUnavailableError("away")) };
    const unavailable = await createFetchSessions(away, { onError: () => {} }).handle(withToken(await logIn()), () =>
      expect.fail("no answer"),
    );
    expect([unavailable.status, await unavailable.text()]).toEqual([503, "Try again later"]);
    expect(unavailable.headers.get("retry-after")).toBe("1");
  });

  it("keeps the cookie of a log-out before the error", async () => {
    const response = await http.handle(withToken(await logIn(), { method: "POST" }), async (session) => {
      await session.end();
      throw new UnauthenticatedError("Log in first", {});
    });
    expect([response.status, namesOf(response)]).toEqual([401, ["__Host-session"]]);
  });

  it("throws every other error on, also one of ours without a status", async () => {
    const broken = new Error("broken");
    const failing = (error: Error) =>
      rejection(
        http.handle(requestFor("/"), () => {
          throw error;
        }),
      );
    expect(await failing(broken)).toBe(broken);
    const claims = http.handle(withToken(await logIn()), async (session) => {
      await session.updateClaims({ role: 1n as never });
      return new Response();
    });
    expect(await rejection(claims)).toMatchObject({ code: "CLAIMS" });
  });
});
