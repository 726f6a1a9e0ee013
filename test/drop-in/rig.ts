/**
 * An application on each of the three frameworks whose sessions a drop-in store keeps, and a browser that uses it. The same
 * for every store, so that ours and the one that it replaces are judged by the same requests.
 *
 *   GET /?set=name:value&unset=name&end=logout|regenerate|save|reload&hold=1
 *
 * loads the session, waits at the gate if it is told to, does what it is told, and answers with the session id and what the
 * session then holds.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fastifyCookie from "@fastify/cookie";
import fastifySession, { type FastifySessionObject } from "@fastify/session";
import express from "express";
import expressSession from "express-session";
import Fastify from "fastify";
import Koa from "koa";
import koaSession from "koa-session";
import { afterFile } from "../harness/fixtures.js";

export const FRAMEWORKS = ["express-session", "@fastify/session", "koa-session"] as const;
export type Framework = (typeof FRAMEWORKS)[number];

/** What an application may configure, under the names of express-session. Times are ms. */
export interface AppOptions {
  readonly maxAge?: number | "session";
  readonly rolling?: boolean;
  readonly resave?: boolean;
  readonly saveUninitialized?: boolean;
  /** What the app does with the session of every request, beside what the request asks for. */
  readonly always?: (session: Fields) => void;
}

export type Fields = Record<string, unknown>;

/** What a request came to. `body` is `null` where it did not end well. */
export interface Answer {
  readonly status: number;
  readonly body: { readonly sid: string; readonly session: Fields } | null;
}

/** A browser: it keeps the cookies that it gets. */
export interface Browser {
  request(query?: string, options?: { signal?: AbortSignal }): Promise<Answer>;
  /** Another one with the same cookies, as a second tab. */
  copy(at?: App): Browser;
}

export interface App {
  readonly url: string;
  browser(cookies?: Map<string, string>): Browser;
  /** Resolves when so many requests stand at the gate. */
  held(count: number): Promise<void>;
  /** Lets all go on that stand there. */
  release(): void;
}

const SECRET = "a secret of at least thirty-two characters";

/** One visit of a request to its session, whatever the framework. */
interface Visit {
  session(): Fields;
  sid(): string;
  logout(): Promise<void>;
  regenerate(): Promise<void>;
  save(): Promise<void>;
  reload(): Promise<void>;
}

/** Starts an application whose sessions a store keeps. It ends after the test file. */
export async function startApp(framework: Framework, store: object, options: AppOptions = {}): Promise<App> {
  const gate = newGate();
  const act = (visit: Visit, query: URLSearchParams) => perform(visit, query, gate, options.always);
  const url = await { "express-session": onExpress, "@fastify/session": onFastify, "koa-session": onKoa }[framework](
    store,
    options,
    act,
  );
  const app: App = {
    url,
    held: gate.held,
    release: gate.release,
    browser: (cookies = new Map()) => newBrowser(app, cookies),
  };
  return app;
}

type Act = (visit: Visit, query: URLSearchParams) => Promise<Answer["body"]>;

async function perform(visit: Visit, query: URLSearchParams, gate: Gate, always?: AppOptions["always"]) {
  if (query.has("hold")) await gate.pass();
  const change = () => {
    const session = visit.session();
    for (const pair of query.getAll("set")) {
      const [name = "", value] = pair.split(":");
      session[name] = value;
    }
    for (const name of query.getAll("unset")) delete session[name];
    always?.(session);
  };
  const end = query.get("end");
  if (end === "logout") {
    await visit.logout();
    return { sid: "", session: {} };
  }
  if (end === "regenerate") await visit.regenerate();
  if (end === "reload") await visit.reload().catch((error: Error) => ignoreUnlessGone(error));
  change();
  if (end === "save") {
    await visit.save();
    if (query.has("between")) await gate.pass();
    // Another change, for the save at the end of the response.
    visit.session()["savedOnce"] = "yes";
  }
  return { sid: visit.sid(), session: JSON.parse(JSON.stringify(visit.session())) as Fields };
}

/** express-session says so when it reloads a session that has ended. */
function ignoreUnlessGone(error: Error): void {
  if (error.message !== "failed to load session") throw error;
}

async function onExpress(store: object, options: AppOptions, act: Act): Promise<string> {
  const app = express();
  const { maxAge, rolling = false, resave = false, saveUninitialized = false } = options;
  app.use(
    expressSession({
      store: store as expressSession.Store,
      secret: SECRET,
      resave,
      rolling,
      saveUninitialized,
      cookie: typeof maxAge === "number" ? { maxAge } : {},
    }),
  );
  app.get("/", async (req, res) => {
    // The type of `req.session` is that of coatcheck/express in this program.
    const session = () => req.session as unknown as expressSession.Session;
    const call = (name: "destroy" | "regenerate" | "save" | "reload") =>
      new Promise<void>((resolve, reject) => {
        session()[name]((error: unknown) => (error ? reject(error) : resolve()));
      });
    const visit: Visit = {
      session: session as () => never,
      sid: () => req.sessionID,
      logout: () => call("destroy"),
      regenerate: () => call("regenerate"),
      save: () => call("save"),
      reload: () => call("reload"),
    };
    res.json(await act(visit, new URL(req.url, "http://localhost").searchParams));
  });
  app.use(quietly);
  return listen(createServer(app));
}

/** Errors answer with their status alone; express's own handler prints them. */
const quietly: express.ErrorRequestHandler = (error, _req, res, _next) => {
  // Where it comes while the session is saved, the head may be gone already.
  if (res.headersSent) res.destroy();
  else res.status(error.status ?? 500).end();
};

async function onFastify(store: object, options: AppOptions, act: Act): Promise<string> {
  const app = Fastify();
  const { maxAge, rolling, saveUninitialized = false } = options;
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    store: store as never,
    secret: SECRET,
    saveUninitialized,
    ...(rolling === undefined ? {} : { rolling }),
    cookie: { secure: false, ...(typeof maxAge === "number" ? { maxAge } : {}) },
  });
  app.get("/", (req) => {
    const session = () => req.session as unknown as FastifySessionObject;
    const visit: Visit = {
      session: session as () => never,
      sid: () => session().sessionId,
      logout: () => session().destroy(),
      regenerate: () => session().regenerate(),
      save: () => session().save(),
      reload: () => session().reload(),
    };
    return act(visit, new URL(req.url, "http://localhost").searchParams);
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  afterFile(() => app.close());
  return url;
}

async function onKoa(store: object, options: AppOptions, act: Act): Promise<string> {
  const app = new Koa();
  app.silent = true;
  app.keys = [SECRET];
  const { maxAge, rolling = false } = options;
  app.use(koaSession({ store: store as never, rolling, ...(maxAge === undefined ? {} : { maxAge }) }, app));
  app.use(async (ctx) => {
    const session = () => ctx.session as unknown as KoaSession;
    const visit: Visit = {
      session: session as () => never,
      sid: () => session().externalKey,
      logout: async () => {
        ctx.session = null as never;
      },
      regenerate: () => session().regenerate(),
      save: () => session().save(),
      // koa-session has none.
      reload: async () => {},
    };
    ctx.body = await act(visit, ctx.URL.searchParams);
  });
  return listen(createServer(app.callback()));
}

interface KoaSession {
  readonly externalKey: string;
  regenerate(): Promise<void>;
  save(): Promise<void>;
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function newBrowser(app: App, cookies: Map<string, string>): Browser {
  return {
    async request(query = "", options = {}) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      // One connection each: requests that wait at the gate must not stand in one another's way.
      const headers = { cookie, connection: "close" };
      const response = await fetch(`${app.url}/?${query}`, { headers, ...options });
      for (const line of response.headers.getSetCookie()) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        cookies.set(name, value);
      }
      const text = await response.text();
      return { status: response.status, body: response.ok ? (JSON.parse(text) as Answer["body"]) : null };
    },
    copy: (at = app) => newBrowser(at, new Map(cookies)),
  };
}

interface Gate {
  pass(): Promise<void>;
  held(count: number): Promise<void>;
  release(): void;
}

function newGate(): Gate {
  const waiting: (() => void)[] = [];
  const lookers = new Set<() => void>();
  return {
    pass: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        for (const look of lookers) look();
      }),
    held: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (waiting.length < count) return;
          lookers.delete(look);
          resolve();
        };
        lookers.add(look);
        look();
      }),
    release() {
      for (const pass of waiting.splice(0)) pass();
    },
  };
}
