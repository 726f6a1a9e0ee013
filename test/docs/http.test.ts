/** The programs of docs/http.md do what the page says: each is run as it stands there, and asked over a socket. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSetCookie } from "cookie";
import type express from "express";
import type { FastifyInstance } from "fastify";
import { describe, expect, it, vi } from "vitest";
import { sessions } from "../../src/express.js";
import type { HttpPort, HttpSessions } from "../../src/http.js";
import { createSessionStore, type SessionStore } from "../../src/index.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";
import { listening } from "../http/contract/app.js";
import { type Answer, type Headers, send } from "../http/contract/client.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = new MarkdownDocument(new URL("../../docs/http.md", import.meta.url));
// Programs with a store of their own use the default prefix, so the server is theirs alone.
const server = await startRedisServer();
afterFile(() => server.stop());
const store: SessionStore = createSessionStore(connect({ port: server.port }), { touchInterval: 0 });

// Inside the project, so that a program finds the packages that it imports.
const folder = join(root, ".cache/http-programs", String(process.pid));
mkdirSync(folder, { recursive: true });
afterFile(() => rmSync(folder, { recursive: true }));

interface Exports {
  readonly app?: RequestListener | FastifyInstance;
  readonly pages?: RequestListener;
  readonly http?: HttpSessions<Record<string, unknown>>;
}

/** Runs the one program of the page that has this in it, with the `store` that it goes on from. */
async function run(part: string): Promise<Exports> {
  const found = page.blocks("ts").filter(({ code }) => code.includes(part));
  expect(found, `programs with ${part}`).toHaveLength(1);
  const [{ code, line } = { code: "", line: 0 }] = found;
  const file = join(folder, `line-${line}.ts`);
  const source = code
    .replace(/"coatcheck(?:\/([\w-]+))?"/g, (_, name = "index") => JSON.stringify(join(root, `src/${name}.ts`)))
    .replace("new Redis({", `new Redis(${JSON.stringify(server.url)}, {`);
  writeFileSync(file, source);
  vi.stubGlobal("store", store);
  try {
    return (await import(/* @vite-ignore */ file)) as Exports;
  } finally {
    vi.unstubAllGlobals();
  }
}

/** Serves until the test file ends. */
async function serve(listener: unknown) {
  const running = await listening(
    createServer(listener as (request: IncomingMessage, response: ServerResponse) => void),
  );
  afterFile(() => {
    running.close();
    running.closeAllConnections();
  });
  const address = running.address();
  if (address === null || typeof address === "string") throw new Error("The program has no port.");
  const { port } = address;
  const ask = (method: string, path: string, headers?: Headers): Promise<Answer> => send(port, method, path, headers);
  return { ask, origin: `http://127.0.0.1:${port}` };
}

const portOf = (url: string, headers: Record<string, string>, method = "POST"): HttpPort => ({
  method,
  url,
  header: (name) => headers[name],
  appendHeader: () => {},
});

describe("docs/http.md", () => {
  it("answers errors as JSON", async () => {
    const { ask } = await serve((await run("const asJson")).app);
    const answer = await ask("GET", "/me");
    expect([answer.status, answer.json()]).toEqual([401, { error: "UNAUTHENTICATED" }]);
  });

  it("passes on what an asynchronous handler of Express 4 rejects with", async () => {
    const found = page.blocks("js").filter(({ code }) => code.includes("const caught"));
    expect(found).toHaveLength(1);
    const file = join(folder, "express-4.mjs");
    writeFileSync(file, `export default (app) => {\n${found[0]?.code}};`);
    const mount = (await import(/* @vite-ignore */ file)) as { default(app: RequestListener): void };
    const app = (createRequire(import.meta.url)("express4") as typeof express)();
    app.set("env", "test").use(sessions(store));
    mount.default(app);
    const { ask } = await serve(app);
    expect((await ask("POST", "/logout", { Origin: "https://other.example" })).status).toBe(403);
    expect((await ask("POST", "/logout")).json()).toBe(false);
  });

  it("sends a browser to the log-in page, and back to where it wanted to go", async () => {
    const { ask, origin } = await serve((await run("safeReturnTo(req.query")).pages);
    const submit = (path: string) =>
      fetch(origin + path, { method: "POST", body: new URLSearchParams({ user: "ada" }), redirect: "manual" });
    const sent = await ask("GET", "/account?tab=2", { Accept: "text/html" });
    expect([sent.status, sent.headers.location]).toEqual([303, "/login?returnTo=%2Faccount%3Ftab%3D2"]);
    const form = await ask("GET", String(sent.headers.location));
    expect([form.status, form.headers["referrer-policy"]]).toEqual([200, "same-origin"]);
    const logIn = await submit(String(sent.headers.location));
    expect([logIn.status, logIn.headers.get("location")]).toEqual([303, "/account?tab=2"]);
    expect((await submit("/login?returnTo=//evil.example")).headers.get("location")).toBe("/");
    const [cookie = ""] = (logIn.headers.get("set-cookie") ?? "").split(";");
    expect((await ask("GET", "/account", { Cookie: cookie })).body).toBe("the account of ada");
    expect((await ask("GET", "/account")).status).toBe(401);
  });

  it("remembers who wants to be", async () => {
    const { origin } = await serve((await run("remember ?")).app);
    const day = 24 * 60 * 60;
    for (const [remember, maxAge] of [
      [true, 30 * day],
      [false, undefined],
    ] as const) {
      const body = JSON.stringify({ user: "ada", remember });
      const answer = await fetch(`${origin}/login`, {
        ...{ method: "POST", body },
        headers: { "Content-Type": "application/json" },
      });
      expect(await answer.json()).toBe("welcome, ada");
      const cookie = parseSetCookie(answer.headers.getSetCookie()[0] ?? "");
      expect(cookie.maxAge).toBe(maxAge);
      const session = await store.get(cookie.value);
      expect((session?.expiresAt ?? 0) - (session?.lastSeenAt ?? 0)).toBe(remember ? 7 * day * 1000 : 30 * 60_000);
    }
  });

  it("does not slide for news", async () => {
    const { http } = await run("/api/news");
    const { token, session } = await store.create({ userId: "ada" });
    const load = async (url: string) =>
      (await http?.load(portOf(url, { cookie: `__Host-session=${token}` }, "GET")))?.current?.expiresAt ?? 0;
    expect(await load("/api/news?since=1")).toBe(session.expiresAt);
    // Every request slides in this store, once a millisecond has passed.
    await expect.poll(() => load("/")).toBeGreaterThan(session.expiresAt);
    const slid = (await store.get(token))?.expiresAt;
    expect(await load("/api/news")).toBe(slid);
  });

  it("trusts the origins that it names", async () => {
    const { http } = await run("capacitor://localhost");
    const { token } = await store.create({ userId: "ada" });
    const load = (origin: string) =>
      http?.load(portOf("/", { cookie: `__Host-session=${token}`, origin, host: "a.b" }));
    expect((await load("capacitor://localhost"))?.current?.userId).toBe("ada");
    await expect(load("ionic://localhost")).rejects.toMatchObject({ code: "UNTRUSTED_ORIGIN" });
  });

  it("excepts one route, and loads it without its cookie", async () => {
    const { http } = await run("/saml/acs");
    const { token } = await store.create({ userId: "ada" });
    const load = (url: string) =>
      http?.load(portOf(url, { cookie: `__Host-session=${token}`, origin: "null", host: "a.b" }));
    expect((await load("/saml/acs"))?.current).toBeNull();
    await expect(load("/saml/acs2")).rejects.toMatchObject({ code: "UNTRUSTED_ORIGIN" });
  });

  it("has sessions of two kinds in Fastify", async () => {
    const { app } = await run("request.staff");
    const fastify = app as FastifyInstance;
    const { token } = await store.create({ userId: "boss" });
    const status = async (name: string) =>
      (await fastify.inject({ url: "/admin", headers: { cookie: `${name}=${token}` } })).statusCode;
    expect([await status("__Host-staff"), await status("__Host-session")]).toEqual([200, 401]);
    await fastify.close();
  });

  it("has a cookie for an iframe", async () => {
    const { http } = await run("__Host-widget");
    const sent: string[] = [];
    const session = await http?.load({ ...portOf("/", {}), appendHeader: (_, value) => sent.push(value) });
    await session?.start({ userId: "ada" });
    expect(sent[0]).toMatch(/^__Host-widget=.*; Secure; Partitioned; SameSite=None$/);
  });

  it("names exactly the options of `start` that say how long a log-in lasts", () => {
    const rows = page.table("option of `start`").map(([cell]) => cell);
    expect(rows).toEqual(["`idleTimeout`", "`absoluteTimeout`", "`persistent`"]);
  });
});
