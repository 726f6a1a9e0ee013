/**
 * The application that the contract drives: its routes, free of any framework, and what a framework has to do with them.
 * Inputs come in the query, because no framework needs a parser for that.
 */
import { once } from "node:events";
import type { Server } from "node:http";
import type { HttpOptions, RegisteredClaims, RequestSession, Requirement } from "../../../src/http.js";
import type { SessionStore } from "../../../src/index.js";

/** A route of the application. Every framework mounts it in its own way, behind its own guard. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** What `requireSession` is given; without it the route is open to all. */
  readonly guard?: Requirement<RegisteredClaims>;
  /**
   * How it is answered, other than with JSON in the framework's usual way: `"begun"` sends the head before `handle` runs,
   * `"raw"` goes past the framework as far as it allows, and `"redirect"` sends the client to `/`.
   */
  readonly form?: "begun" | "raw" | "redirect";
  handle(session: RequestSession<RegisteredClaims>, query: URLSearchParams): Promise<object>;
}

/** What a framework is asked to serve. */
export interface App {
  readonly store: SessionStore<RegisteredClaims>;
  readonly options: HttpOptions | undefined;
  readonly routes: readonly Route[];
  /** What the application itself puts on every response, in its framework's own way, before any session is used. */
  readonly headers: Readonly<Record<string, string>>;
  /** `false` leaves `sessions()` out, which is a mistake that the guard has to notice. */
  readonly hasSessions: boolean;
  /** Sees what reaches the framework's error handler, which then answers as it always does. */
  onError(error: unknown): void;
}

/** One framework, as the contract sees it. */
export interface Framework {
  /** Serves the application on a free port of the loopback interface. Rejects for options that the adapter refuses. */
  serve(app: App): Promise<Server>;
  /** The framework's guard, if the adapter has one. */
  readonly requireSession?: (requirement?: never) => unknown;
  /** What the framework's own error handler answers, as far as it is ours to predict. */
  body(error: { status: number; name: string; code: string; message: string }): string;
}

/** Where slow requests wait until a test lets them go on. */
export class Gate {
  readonly #waiting: (() => void)[] = [];
  readonly #arrivals: { count: number; resolve: () => void }[] = [];

  pass(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      for (const { count, resolve: arrived } of this.#arrivals) if (this.#waiting.length >= count) arrived();
    });
  }

  /** Resolves when so many requests stand at the gate. */
  reached(count = 1): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.length >= count) resolve();
      else this.#arrivals.push({ count, resolve });
    });
  }

  open(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

/** The claims of the tests are theirs, whatever an application in the same TypeScript program has registered. */
type AnySession = RequestSession<Record<string, unknown>>;
type AnyRequirement = Requirement<Record<string, unknown>>;

export const MINUTE = 60_000;

/** The routes of the application. */
export function routesAt(gate: Gate): Route[] {
  const routes: Route[] = [];
  const route = (
    method: Route["method"],
    path: string,
    handle: (session: AnySession, query: URLSearchParams) => Promise<object>,
    guard?: AnyRequirement,
    form?: Route["form"],
  ) => {
    routes.push({
      method,
      path,
      ...(form === undefined ? {} : { form }),
      handle: (session, query) => handle(session as unknown as AnySession, query),
      ...(guard === undefined ? {} : { guard: guard as Requirement<RegisteredClaims> }),
    });
  };
  const shown = ({ current }: AnySession) =>
    current === null ? { id: null } : { id: current.id, userId: current.userId, claims: current.claims };

  const logIn = async (session: AnySession, query: URLSearchParams) => {
    const { token } = await session.start({
      userId: query.get("user") ?? "ada",
      claims: { role: query.get("role") ?? "member" },
      ...(query.has("ip") ? { client: { ip: query.get("ip") ?? "" } } : {}),
      ...(query.has("idle") ? { idleTimeout: Number(query.get("idle")) } : {}),
      ...(query.has("absolute") ? { absoluteTimeout: Number(query.get("absolute")) } : {}),
      ...(query.has("persistent") ? { persistent: JSON.parse(query.get("persistent") ?? "") as boolean } : {}),
      ...(query.has("transport") ? { transport: query.get("transport") as "cookie" | "bearer" } : {}),
    });
    return { token, ...shown(session) };
  };
  route("POST", "/login", logIn);
  // Where an identity provider sends the browser back.
  route("GET", "/callback", logIn);
  route("POST", "/guest", async (session, query) => {
    const absolute = query.get("absolute");
    const timeouts = absolute === null ? {} : { absoluteTimeout: Number(absolute) };
    await session.start({ claims: { cart: query.getAll("item") }, ...timeouts });
    return shown(session);
  });
  route("POST", "/logout", async (session, query) => ({
    ended: await session.end({ clearSiteData: query.has("clear") }),
  }));
  route("POST", "/logout-everywhere", async (session) => ({ ended: await session.endAll() }));
  route("POST", "/logout-others", async (session) => ({ ended: await session.endAll({ exceptCurrent: true }) }));
  route("POST", "/rotate", async (session, query) => {
    const issued = await session.rotate({
      ...(query.has("grace") ? { grace: Number(query.get("grace")) } : {}),
      ...(query.has("reauthenticated") ? { reauthenticated: true } : {}),
    });
    return { token: issued?.token ?? null, ...shown(session) };
  });
  route("POST", "/claim", async (session, query) => {
    const updated = await session.updateClaims(Object.fromEntries(query));
    return { updated: updated !== null, ...shown(session) };
  });
  // Reads, waits at the gate, and only then writes.
  route("POST", "/slow", async (session, query) => {
    const before = session.current?.id ?? null;
    await gate.pass();
    const updated = await session.updateClaims(Object.fromEntries(query));
    return { before, updated: updated !== null, ...shown(session) };
  });
  route("POST", "/slow-rotate", async (session) => {
    await gate.pass();
    return { rotated: (await session.rotate()) !== null };
  });
  // Changes the session, and then something else fails.
  route("POST", "/broken", async (session) => {
    await session.updateClaims({ broken: true });
    throw new Error("broken after the fact");
  });
  // Each verb once the head is sent; what it throws is part of the answer.
  const begun = (path: string, act: (session: AnySession, query: URLSearchParams) => Promise<unknown>) => {
    const handle = async (session: AnySession, query: URLSearchParams) => {
      try {
        return { result: await act(session, query), ...shown(session) };
      } catch (error) {
        const { name, message } = error as Error;
        return { name, message, ...shown(session) };
      }
    };
    route("POST", path, handle, undefined, "begun");
  };
  begun("/begun/login", (session, query) => session.start({ userId: query.get("user") ?? "ada" }));
  begun("/begun/rotate", (session) => session.rotate());
  begun("/begun/claim", (session) => session.updateClaims({ begun: true }));
  begun("/begun/me", async (session) => session.require().id);
  begun("/begun/logout", (session) => session.end({ clearSiteData: true }));
  begun("/begun/logout-everywhere", (session) => session.endAll());
  for (const form of ["raw", "redirect"] as const) {
    route("POST", `/${form}/login`, logIn, undefined, form);
    route("POST", `/${form}/logout`, async (session) => ({ ended: await session.end() }), undefined, form);
    route("GET", `/${form}/me`, async (session) => shown(session), {}, form);
  }
  route("GET", "/", async (session) => shown(session));
  route("GET", "/me", async (session) => shown(session), {});
  // A page for browsers, and its log-in page.
  route("GET", "/page", async (session) => shown(session), { redirectTo: "/sign-in?lang=de#form" });
  route("POST", "/page", async (session) => shown(session), { redirectTo: "/sign-in" });
  route("GET", "/admin-page", async (session) => shown(session), { redirectTo: "/sign-in", where: { role: "admin" } });
  route("GET", "/fresh-page", async (session) => shown(session), { redirectTo: "/sign-in", freshWithin: 10 * MINUTE });
  route("GET", "/sign-in", async (session) => shown(session), { redirectTo: "/sign-in" });
  // Answers without a look at the session, as a file does.
  route("GET", "/file", async () => ({ file: true }));
  route("POST", "/assign", async (session, query) => {
    Reflect.set(session, query.get("name") ?? "", "lost");
    return shown(session);
  });
  route("GET", "/admin", async (session) => shown(session), { where: { role: "admin" } });
  const list = { where: { roles: ["admin", "editor"], team: { name: "red", size: 2 } } };
  route("GET", "/deep", async (session) => shown(session), list);
  route("POST", "/claims", async (session, query) => {
    await session.updateClaims(JSON.parse(query.get("claims") ?? "{}") as object);
    return shown(session);
  });
  route("GET", "/admin-of-two", async (session) => shown(session), { where: { role: "admin", team: "red" } });
  route("GET", "/user", async (session) => shown(session), { guest: true, where: ({ userId }) => userId !== null });
  route("GET", "/anybody", async (session) => shown(session), { guest: true });
  // TypeScript refuses this; JavaScript does not.
  const asynchronous = (async () => false) as unknown as () => boolean;
  route("GET", "/asynchronous", async (session) => shown(session), { where: asynchronous });
  route("GET", "/fresh", async (session) => shown(session), { freshWithin: 10 * MINUTE });
  return routes;
}

/** Resolves when the server listens on a free port of the loopback interface. */
export async function listening(server: Server): Promise<Server> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
