/** The contract of adapters: a sound adapter keeps it, and of adapters that are wrong each is caught by a case that says why. */
import type { IncomingMessage, ServerResponse } from "node:http";
import RedisMock from "ioredis-mock";
import { describe, expect, it, vi } from "vitest";
import { answerError } from "../../examples/adapters/node-http.js";
import { answerRoute } from "../../examples/adapters/node-http-contract.js";
import {
  createHttpSessions,
  type HttpPort,
  type HttpSessions,
  type RegisteredClaims,
  type RequestSession,
} from "../../src/http.js";
import { type AdapterSubject, adapterContract } from "../../src/testing.js";
import { connect } from "../harness/fixtures.js";
import { served } from "../http/subjects/served.js";

type Session = RequestSession<RegisteredClaims>;

/** The parts of an adapter for node:http. Each wrong one has another in place of one of these. */
interface Parts {
  port(request: IncomingMessage, response: ServerResponse): HttpPort;
  load(http: HttpSessions<RegisteredClaims>, port: HttpPort, response: ServerResponse): Promise<Session>;
  handle(request: IncomingMessage, response: ServerResponse, session: Session): Promise<void>;
  fail(error: unknown, response: ServerResponse): void;
}

const portOf = (request: IncomingMessage, response: ServerResponse) => ({
  method: request.method ?? "GET",
  url: request.url,
  header: (name: string) => request.headers[name]?.toString(),
  appendHeader: (name: string, value: string) => void response.appendHeader(name, value),
  writable: () => !response.headersSent,
});

const SOUND: Parts = { port: portOf, load: (http, port) => http.load(port), handle: answerRoute, fail: answerError };

/** An adapter of these parts. `make` is called for each server. */
function adapter(make: () => Partial<Parts>): AdapterSubject["start"] {
  return async (store, options) => {
    const { port, load, handle, fail } = { ...SOUND, ...make() };
    const http = createHttpSessions(store, options);
    return served(async (request, response) => {
      try {
        await handle(request, response, await load(http, port(request, response), response));
      } catch (error) {
        fail(error, response);
      }
    });
  };
}

const withoutErrors = () => vi.spyOn(console, "error").mockImplementation(() => {});

describe("the contract of adapters", () => {
  it.each([
    ["ioredis-mock", () => new RedisMock()],
    ["Redis", () => connect()],
  ])("is kept by an adapter that is right, on %s", async (_, client) => {
    withoutErrors();
    const cases = adapterContract({ redis: client(), start: adapter(() => ({})) });
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    expect(cases.length).toBeGreaterThan(25);
    for (const { run } of cases) await run();
    // And at once: cases are independent of each other.
    await Promise.all(cases.map(({ run }) => run()));
  });

  it("needs a subject", () => {
    expect(() => adapterContract({} as never)).toThrow(new TypeError("adapterContract needs { redis, start }"));
  });

  it("stops the servers of a case that fails", async () => {
    const close = vi.fn();
    const start = async () => ({ url: "http://127.0.0.1:9", close });
    const [first] = adapterContract({ redis: new RedisMock(), start });
    await expect(first?.run()).rejects.toThrow(/^POST \/login\?user=ada got no answer: the connection failed/);
    expect(close).toHaveBeenCalledTimes(1);
    const [nameless] = adapterContract({ redis: new RedisMock(), start: async () => ({ close }) as never });
    await expect(nameless?.run()).rejects.toThrow("start must resolve to { url, close }");
  });
});

/** What is wrong, the part that is, the case that catches it, and what that says. */
const BROKEN: readonly (readonly [defect: string, make: () => Partial<Parts>, name: string, complaint: RegExp])[] = [
  [
    "answers a log-in with no token",
    () => ({ handle: async (_request, response) => void response.end("{}") }),
    "a log-in sets the session cookie, and the next request has the session",
    /^POST \/login must be answered with \{ "token": … \} of what start\(\) returned\./,
  ],
  [
    "lets its Set-Cookie overwrite that of the handler, or the other way round",
    () => ({
      port: (request, response) => ({
        ...portOf(request, response),
        appendHeader: (name, value) => void response.setHeader(name, value),
      }),
    }),
    "all cookies that coatcheck sets in one response arrive",
    /^Each Set-Cookie of appendHeader must arrive/,
  ],
  [
    "puts its headers on the response before the handler, which replaces them",
    () => ({
      handle: async (request, response, session) => {
        const { appendHeader } = response;
        response.appendHeader = (name, value) => response.setHeader(name, value as string) as never;
        await answerRoute(request, response, session);
        response.appendHeader = appendHeader;
      },
    }),
    "the session cookie stands beside a cookie of the handler's own",
    /^One Set-Cookie has overwritten the other/,
  ],
  [
    "drops the headers of errors",
    () => ({
      fail: (error, response) => void response.writeHead((error as { status?: number }).status ?? 500).end(),
    }),
    "the headers of an error arrive",
    /error\.headers, here WWW-Authenticate/,
  ],
  [
    "keeps the session of a cookie for the next request",
    () => {
      const kept = new Map<string, Session>();
      return {
        load: async (http, port) => {
          const key = port.header("cookie") ?? "";
          const session = kept.get(key) ?? (await http.load(port));
          if (key !== "") kept.set(key, session);
          return session;
        },
      };
    },
    "a session that has ended is refused by the very next request",
    /must keep nothing from one request for the next/,
  ],
  [
    "takes an outage for nobody",
    () => ({
      load: (http, port) => http.load(port).catch(() => http.load({ ...port, header: () => undefined })),
    }),
    "while Redis does not answer, a request is 503, not 401, and no handler runs",
    /nobody knows whether the session is live/,
  ],
  [
    "goes on to the handler twice",
    () => ({
      handle: async (request, response, session) => {
        // Else the second answer would end the process.
        response.on("error", () => {});
        await Promise.allSettled([answerRoute(request, response, session), answerRoute(request, response, session)]);
      },
    }),
    "one request is one lookup, and one log-in is one session",
    /does the adapter go on to it twice\?/,
  ],
  [
    "does not wait for the session",
    () => ({
      load: async (http, port) => {
        void http.load(port).catch(() => {});
        return http.load({ ...port, header: () => undefined });
      },
    }),
    "a session that ends while a request runs stays ended when the request is answered",
    /the session was live when the request came/,
  ],
  [
    "makes the values of headers lower case",
    () => ({
      port: (request, response) => ({
        ...portOf(request, response),
        header: (name) => request.headers[name]?.toString().toLowerCase(),
      }),
    }),
    "the credential arrives as it was sent",
    /must not change a value, not its case and not its spaces/,
  ],
  [
    "sends the head before the handler has run",
    () => ({
      load: async (http, port, response) => {
        const session = await http.load(port);
        response.flushHeaders();
        return session;
      },
    }),
    "a log-in sets the session cookie, and the next request has the session",
    /POST \/login\?user=ada .*/,
  ],
  [
    "says that it can always set headers",
    () => ({ port: (request, response) => ({ ...portOf(request, response), writable: () => true }) }),
    "once the headers are sent, a log-in is refused and nothing is changed",
    /writable\(\) must return false then/,
  ],
  [
    "keeps the session of the request outside of the request",
    () => {
      let current: Session | undefined;
      return {
        load: async (http, port) => {
          current = await http.load(port);
          return current;
        },
        handle: async (request, response) => {
          await new Promise((resolve) => setImmediate(resolve));
          await answerRoute(request, response, current as Session);
        },
      };
    },
    "requests at once have each their own session",
    /A request got the session of another/,
  ],
  [
    "gives the address without its query",
    () => ({
      port: (request, response) => ({ ...portOf(request, response), url: request.url?.split("?", 1)[0] }),
    }),
    "the guard of a page sends a browser to the log-in page, with the whole address",
    /before any router has cut it, with its query/,
  ],
  [
    "gives no header but the cookie",
    () => ({
      port: (request, response) => ({
        ...portOf(request, response),
        header: (name) => (name === "cookie" ? request.headers.cookie : undefined),
      }),
    }),
    "a change that another site asks for is 403, and changes nothing",
    /another site has sent it/,
  ],
  [
    "reads the session for every request",
    () => ({
      load: async (http, port) => {
        const session = await http.load(port);
        void session.current;
        return session;
      },
    }),
    "what does not look at the session tells caches nothing",
    /must not read session\.current by itself/,
  ],
];

describe("the contract catches an adapter that", () => {
  it.each(BROKEN)("%s", async (_, make, name, complaint) => {
    withoutErrors();
    const cases = adapterContract({ redis: new RedisMock(), start: adapter(make) });
    const found = cases.filter((each) => each.name === name);
    expect(found).toHaveLength(1);
    await expect(found[0]?.run()).rejects.toThrow(complaint);
  });
});
