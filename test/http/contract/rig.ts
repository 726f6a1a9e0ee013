/** What the subjects of the HTTP contract share: applications on one framework, and stores under a prefix of their own. */
import type { Server } from "node:http";
import { afterAll, afterEach, beforeEach, expect, vi } from "vitest";
import type { HttpOptions, RegisteredClaims } from "../../../src/http.js";
import {
  createSessionStore,
  type IoredisClient,
  type SessionStore,
  type SessionStoreOptions,
} from "../../../src/index.js";
import { ageSession } from "../../harness/aging.js";
import { connect, guardKeyspace, uniquePrefix } from "../../harness/fixtures.js";
import { type App, type Framework, Gate, routesAt } from "./app.js";
import { type Answer, Browser, type Headers, send } from "./client.js";

/** What a call may take where nothing is about that, ms: a busy machine may stand still for longer than the second of the default. */
const TIMEOUT = 10_000;

export type AnyStore = SessionStore<Record<string, unknown>>;

/** An application that runs, and a view into it. */
export interface Running {
  readonly port: number;
  readonly origin: string;
  readonly gate: Gate;
  /** What reached the framework's error handler. */
  readonly errors: unknown[];
  browser(): Browser;
  /** A browser that has logged in, with what the log-in answered. */
  loggedIn(query?: string): Promise<Browser & { readonly token: string; readonly id: string }>;
  send(method: string, path: string, headers?: Headers): Promise<Answer>;
}

export interface OpenOptions {
  readonly options?: HttpOptions;
  readonly store?: AnyStore;
  readonly hasSessions?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How the stores of a rig are made. */
export type RigOptions = Pick<SessionStoreOptions<object>, "near">;

export class HttpRig {
  readonly framework: Framework;
  readonly redis = connect();
  readonly prefix = uniquePrefix();
  readonly store: AnyStore;
  #servers: Server[] = [];
  #users = 0;
  readonly #near: SessionStoreOptions<object>["near"];
  /** The stores with a near cache. */
  readonly #memories: AnyStore[] = [];

  constructor(framework: Framework, { near }: RigOptions = {}) {
    this.framework = framework;
    this.#near = near;
    this.store = this.storeWith({});
    afterAll(() => Promise.all(this.#memories.map((store) => store.close())));
    guardKeyspace(this.redis, this.prefix);
    // Deployed applications log what goes wrong; here it goes wrong on purpose.
    beforeEach(() => {
      vi.spyOn(console, "error").mockImplementation(() => {});
    });
    afterEach(async () => {
      await Promise.all(this.#servers.splice(0).map((server) => closed(server)));
    });
  }

  /** Another store on the same keys. */
  storeWith(options: SessionStoreOptions<Record<string, unknown>>, redis: IoredisClient = this.redis): AnyStore {
    const store = createSessionStore(redis, { timeout: TIMEOUT, near: this.#near, ...options, prefix: this.prefix });
    if (this.#near !== undefined) this.#memories.push(store);
    return store;
  }

  /** A user whom no other test has. */
  user(): string {
    return `user-${++this.#users}`;
  }

  /** Serves the application until the test ends. */
  async open({ options, store = this.store, hasSessions = true, headers = {} }: OpenOptions = {}): Promise<Running> {
    const gate = new Gate();
    const errors: unknown[] = [];
    const app: App = {
      store: store as unknown as SessionStore<RegisteredClaims>,
      options,
      routes: routesAt(gate),
      hasSessions,
      headers,
      onError: (error) => errors.push(error),
    };
    const server = await this.framework.serve(app);
    this.#servers.push(server);
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("The application has no port.");
    const { port } = address;
    return {
      port,
      origin: `http://127.0.0.1:${port}`,
      gate,
      errors,
      browser: () => new Browser(port),
      loggedIn: async (query = "") => {
        const browser = new Browser(port);
        const answer = await browser.post(`/login?${query}`);
        if (answer.status !== 200) throw new Error(`The log-in was answered with ${answer.status}: ${answer.body}`);
        const { token, id } = answer.json() as { token: string; id: string };
        return Object.assign(browser, { token, id });
      },
      send: (method, path, headers) => send(port, method, path, headers),
    };
  }

  /** Lets time pass for a session. */
  async age(id: string, ms: number): Promise<void> {
    await ageSession(this.redis, `${this.prefix}{${id.slice(10, 13)}}:s:${id}`, ms);
    await this.tellOf(id);
  }

  /** Tells near caches that a session has changed, as scripts do: what is changed by hand nobody tells them. */
  async tellOf(id: string): Promise<void> {
    const listening = this.#memories.filter(({ near }) => near.state === "serving");
    const before = listening.map(({ near }) => near.stats.pushes);
    await this.redis.publish(`${this.prefix}near`, `~ ${id}`);
    await vi.waitFor(() => {
      for (const [at, { near }] of listening.entries()) expect(near.stats.pushes).toBeGreaterThan(before[at] ?? 0);
    });
  }
}

async function closed(server: Server): Promise<void> {
  const done = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await done;
}

/** The header of a bearer token. */
export function bearer(token: string): Headers {
  return { Authorization: `Bearer ${token}` };
}

/** The header of the session cookie under its default name. */
export function cookie(token: string): Headers {
  return { Cookie: `__Host-session=${token}` };
}

/** The token of the same session with the secret of nobody. */
export function withOtherSecret(token: string): string {
  return token.slice(0, 27) + [...token.slice(27)].reverse().join("");
}
