/** The stage of one case: a store under a prefix of its own, the servers of the adapter, and clients. Knows no case. */
import { randomBytes } from "node:crypto";
import type { Agent } from "node:http";
import type { HttpOptions } from "../http/http-sessions.js";
import type { RegisteredClaims } from "../http/registered-claims.js";
import { createSessionStore } from "../sessions/assembly.js";
import type { SessionStore } from "../sessions/store.js";
import type { AdapterServer, AdapterSubject } from "./adapter-subject.js";
import { demand, demandStatus, jsonOf } from "./demands.js";
import { type Answer, exchange, type SentHeaders } from "./exchange.js";
import { Turnstile } from "./turnstile.js";

export type ContractStore = SessionStore<RegisteredClaims>;

/** Short, so that nothing stays long in the Redis of the author. */
const TEN_MINUTES = 600_000;
/** What a call may take, ms: a busy machine may stand still for longer than the second of the default. */
const TIMEOUT = 10_000;

/** The name of the session cookie by default. */
export const COOKIE = "__Host-session";

/** A server of the adapter, and ways to ask it. */
export interface Application {
  readonly url: string;
  send(method: string, path: string, headers?: SentHeaders, agent?: Agent): Promise<Answer>;
  /** Logs a user in, and gives the token. */
  logIn(user: string, headers?: SentHeaders): Promise<string>;
}

/** What a case has. */
export class Stage {
  readonly store: ContractStore;
  readonly #subject: AdapterSubject;
  readonly #servers: AdapterServer[] = [];

  constructor(subject: AdapterSubject) {
    this.#subject = subject;
    this.store = createSessionStore<RegisteredClaims>(subject.redis, {
      prefix: `coatcheck-contract:${randomBytes(9).toString("base64url")}:`,
      timeout: TIMEOUT,
      idleTimeout: TEN_MINUTES,
      absoluteTimeout: TEN_MINUTES,
      touchInterval: 0,
    });
  }

  /** Starts the application. `verbs` are put in the place of verbs of the store. */
  async open(options: HttpOptions = {}, verbs: Partial<ContractStore> = {}): Promise<Application> {
    const server = await this.#subject.start({ ...this.store, ...verbs }, options);
    this.#servers.push(server);
    const isUrl = typeof server?.url === "string" && /^http:\/\/[^/]+\/?$/.test(server.url);
    demand(isUrl, "start must resolve to { url, close }, and url must be such as http://127.0.0.1:3000.");
    const send: Application["send"] = (method, path, headers, agent) =>
      exchange(server.url, method, path, headers, agent);
    return {
      url: server.url,
      send,
      logIn: async (user, headers) => {
        const answer = await send("POST", `/login?user=${user}`, headers);
        demandStatus(answer, 200, "a log-in must succeed");
        return tokenOf(answer);
      },
    };
  }

  /** Starts it with a turnstile in which each request waits whose session was looked up. */
  async openHeld(): Promise<{ readonly app: Application; readonly turnstile: Turnstile }> {
    const turnstile = new Turnstile();
    const touch: ContractStore["touch"] = async (token) => {
      const session = await this.store.touch(token);
      await turnstile.stand();
      return session;
    };
    return { app: await this.open({}, { touch }), turnstile };
  }

  /** Stops the servers that are open. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map(async (server) => server.close()));
  }
}

/** The token in the answer to a log-in. */
export function tokenOf(answer: Parameters<typeof jsonOf>[0]): string {
  const { token } = jsonOf(answer);
  demand(typeof token === "string", 'POST /login must be answered with { "token": … } of what start() returned.');
  return token;
}

/** The header of a session cookie. */
export function cookie(token: string, name = COOKIE): SentHeaders {
  return { Cookie: `${name}=${token}` };
}

/** The header of a bearer token. */
export function bearer(token: string): SentHeaders {
  return { Authorization: `Bearer ${token}` };
}

/** The values that an answer sets for a cookie, in turn; empty for one that is taken back. */
export function valuesOf({ cookies }: Answer, name = COOKIE): string[] {
  return cookies.flatMap((line) =>
    line.startsWith(`${name}=`) ? [line.slice(name.length + 1).split(";", 1)[0] ?? ""] : [],
  );
}
