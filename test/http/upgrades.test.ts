/** Requests that open a WebSocket: judged by their origin, and answered on a response that may take no header at all. */
import { createServer, type IncomingMessage, request, type Server, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import Fastify from "fastify";
import type Koa from "koa";
import { Server as SocketServer } from "socket.io";
import { beforeAll, describe, expect, it } from "vitest";
import * as express from "../../src/express.js";
import * as fastify from "../../src/fastify.js";
import { createHttpSessions, type HttpOptions, type RequestSession } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import * as koa from "../../src/koa.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { listening } from "./contract/app.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix, timeout: 10_000 });

const logIn = async () => (await store.create({ userId: "ada" })).token;
const cookie = (token: string) => ({ Cookie: `__Host-session=${token}` });

/** Asks for a WebSocket. Gives the status of the answer. */
async function handshake(port: number, headers: Record<string, string> = {}, path = "/"): Promise<number> {
  const outgoing = request({
    ...{ host: "127.0.0.1", port, path, agent: false },
    headers: {
      ...{ Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" },
      "Sec-WebSocket-Key": Buffer.alloc(16).toString("base64"),
      ...headers,
    },
  });
  outgoing.end();
  return new Promise((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    outgoing.on("upgrade", (answer, socket) => {
      socket.destroy();
      resolve(answer.statusCode ?? 0);
    });
  });
}

async function opened(server: Server): Promise<number> {
  if (!server.listening) await listening(server);
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

describe("a request with Upgrade: websocket", () => {
  const load = (headers: Record<string, string>, options: HttpOptions = {}) =>
    createHttpSessions(store, options).load({
      method: "GET",
      header: (name) => headers[name],
      appendHeader: () => {},
      writable: () => false,
    });
  let token: string;
  beforeAll(async () => {
    token = await logIn();
  });
  const site = { host: "shop.test" };
  const own = { ...site, upgrade: "websocket" };

  it.each<[string, Record<string, string>, boolean]>([
    ["of its own site", { ...own, origin: "https://shop.test" }, true],
    ["of no browser", own, true],
    [
      "of its own site, as Firefox says it",
      { ...own, origin: "https://shop.test", "sec-fetch-site": "same-origin" },
      true,
    ],
    ["of a trusted origin", { ...own, origin: "https://app.test" }, true],
    ["of a sibling domain", { ...own, origin: "https://evil.shop.test" }, false],
    [
      "of a sibling domain, as Firefox says it",
      { ...own, origin: "https://a.test", "sec-fetch-site": "same-site" },
      false,
    ],
    ["of another port", { ...own, origin: "http://shop.test:8080" }, false],
    ["of another site", { ...own, origin: "https://evil.test" }, false],
    ["of a page that hides its origin", { ...own, origin: "null" }, false],
    ["in capitals", { ...site, upgrade: "WebSocket", origin: "https://evil.test" }, false],
    ["among other protocols", { ...site, upgrade: "h2c, WEBSOCKET , x", origin: "https://evil.test" }, false],
    ["with a version", { ...site, upgrade: "websocket/13", origin: "https://evil.test" }, false],
    ["to another protocol", { ...site, upgrade: "h2c", origin: "https://evil.test" }, true],
    ["to something like it", { ...site, upgrade: "notwebsocket", origin: "https://evil.test" }, true],
  ])("%s", async (_, headers, passes) => {
    const loading = load(
      { ...headers, cookie: `__Host-session=${token}` },
      { csrf: { trustedOrigins: ["https://app.test"] } },
    );
    if (passes) expect((await loading).require().userId).toBe("ada");
    else await expect(loading).rejects.toMatchObject({ code: "UNTRUSTED_ORIGIN", status: 403 });
  });

  it("may bring a bearer token from anywhere, and needs no check without a cookie or with csrf off", async () => {
    const foreign = { ...own, origin: "https://evil.test" };
    const bearer = { authorization: `Bearer ${token}` };
    expect((await load({ ...foreign, ...bearer }, { bearer: true })).current?.userId).toBe("ada");
    expect((await load(foreign)).current).toBeNull();
    expect((await load({ ...foreign, cookie: `__Host-session=${token}` }, { csrf: false })).current).not.toBeNull();
    // What is exempt is loaded without its cookie, as a form would be.
    const exempt = { csrf: { exempt: () => true } };
    expect((await load({ ...foreign, cookie: `__Host-session=${token}` }, exempt)).current).toBeNull();
  });
});

describe.each(["express", "express4"])("on an upgrade with {} for a response, %s's middleware", (framework) => {
  // The middleware is the same for both; what the name decides is whose request it runs on.
  const application = createRequire(import.meta.url)(framework) as () => { request: object };

  /** Serves upgrades: what the guard hands to `next` becomes the status. */
  async function serve(act: (session: RequestSession) => Promise<unknown> = async () => {}) {
    const load = express.sessions(store);
    const guard = express.requireSession();
    const server = createServer();
    const thrown: unknown[] = [];
    server.on("upgrade", (incoming: IncomingMessage, socket: Duplex) => {
      const req = Object.setPrototypeOf(incoming, application().request) as never;
      const answer = (status: number) => socket.end(`HTTP/1.1 ${status} Done\r\nConnection: close\r\n\r\n`);
      load(req, {} as never, (failed?: unknown) => {
        if (failed !== undefined) return answer((failed as { status: number }).status);
        guard(req, {} as never, (error?: unknown) => {
          if (error !== undefined) return answer((error as { status?: number }).status ?? 500);
          act((req as { session: RequestSession }).session).then(
            () => answer(200),
            (reason) => {
              thrown.push(reason);
              answer(500);
            },
          );
        });
      });
    });
    return { port: await opened(server), thrown };
  }

  it("refuses a stranger through next, and ends no process", async () => {
    const { port } = await serve();
    expect(await handshake(port)).toBe(401);
    expect(await handshake(port, cookie("rubbish"))).toBe(401);
    expect(await handshake(port, cookie((await store.create()).token))).toBe(401);
    expect(await handshake(port, { ...cookie(await logIn()), Origin: "https://evil.test" })).toBe(403);
  });

  it("lets a session through, and its own misuse is an error too", async () => {
    const { port } = await serve(async (session) => expect(session.current?.userId).toBe("ada"));
    expect(await handshake(port, cookie(await logIn()))).toBe(200);
    const errors: unknown[] = [];
    express.requireSession()({} as never, {} as never, (error?: unknown) => errors.push(error));
    express.requireSession({ where: () => "yes" as never })(
      { session: await createHttpSessions(store).load(portWith(await logIn())) } as never,
      {} as never,
      (error?: unknown) => errors.push(error),
    );
    expect(errors).toEqual([
      new TypeError("requireSession() needs app.use(sessions(store)) before it"),
      new TypeError('where must return a boolean, got "yes"'),
    ]);
  });

  it("starts and rotates nothing, and can end the session", async () => {
    const token = await logIn();
    for (const verb of ["start", "rotate"] as const) {
      const { port, thrown } = await serve((session) => session[verb]());
      expect(await handshake(port, cookie(token))).toBe(500);
      expect(thrown).toEqual([
        new TypeError(
          `${verb}: the response can take no cookie any more (its headers are sent, or this is an upgrade), so nothing was changed`,
        ),
      ]);
      expect(await store.get(token)).not.toBeNull();
    }
    const { port } = await serve(async (session) => {
      await session.updateClaims({ seen: true });
      expect(await session.end()).toBe(true);
      expect(session.current).toBeNull();
    });
    expect(await handshake(port, cookie(token))).toBe(200);
    expect(await store.get(token)).toBeNull();
  });
});

function portWith(token: string) {
  const headers: Record<string, string> = { cookie: `__Host-session=${token}` };
  return { method: "GET", header: (name: string) => headers[name], appendHeader: () => {} };
}

describe.each(["koa", "koa2"])("on an upgrade with {} for a response, %s's middleware", (name) => {
  it("rejects for a stranger, and lets a session through that it can end", async () => {
    const app = new (createRequire(import.meta.url)(name) as typeof Koa)();
    const [load, guard] = [koa.sessions(store), koa.requireSession()];
    const server = createServer();
    server.on("upgrade", async (incoming: IncomingMessage, socket: Duplex) => {
      const ctx = app.createContext(incoming, {} as never);
      let status = 0;
      try {
        await load(ctx, () =>
          guard(ctx, async () => {
            await expect(ctx.session.start({ userId: "eve" })).rejects.toThrow(TypeError);
            status = (await ctx.session.end()) ? 200 : 500;
          }),
        );
      } catch (error) {
        ({ status = 500 } = error as { status?: number });
      }
      socket.end(`HTTP/1.1 ${status} Done\r\nConnection: close\r\n\r\n`);
    });
    const port = await opened(server);
    const token = await logIn();
    expect(await handshake(port)).toBe(401);
    expect(await handshake(port, { ...cookie(token), Origin: "https://evil.test" })).toBe(403);
    expect(await handshake(port, cookie(token))).toBe(200);
    expect(await store.get(token)).toBeNull();
  });
});

describe("on an upgrade that Fastify answers, as @fastify/websocket has it", () => {
  it("the guard refuses a stranger, and a session that goes through can be ended", async () => {
    const app = Fastify();
    await app.register(fastify.sessions, { store });
    app.get("/", { preHandler: fastify.requireSession() }, async (incoming, reply) => {
      reply.hijack();
      await expect(incoming.session.start({ userId: "eve" })).rejects.toThrow(TypeError);
      const status = (await incoming.session.end()) ? 200 : 500;
      reply.raw.socket?.end(`HTTP/1.1 ${status} Done\r\nConnection: close\r\n\r\n`);
    });
    app.server.on("upgrade", (incoming: IncomingMessage, socket: Duplex) => {
      const response = new ServerResponse(incoming);
      response.assignSocket(socket as never);
      response.on("finish", () => socket.destroy());
      app.routing(incoming, response);
    });
    await app.listen({ port: 0, host: "127.0.0.1" });
    afterFile(() => app.close());
    const { port } = app.server.address() as AddressInfo;
    const token = await logIn();
    expect(await handshake(port)).toBe(401);
    expect(await handshake(port, { ...cookie(token), Origin: "https://evil.test" })).toBe(403);
    expect(await store.get(token)).not.toBeNull();
    expect(await handshake(port, cookie(token))).toBe(200);
    expect(await store.get(token)).toBeNull();
  });
});

describe("in io.engine.use of socket.io", () => {
  it("the guard refuses strangers and other origins, and sockets know their session", async () => {
    const server = await listening(createServer());
    const io = new SocketServer(server, { serveClient: false });
    afterFile(() => {
      void io.close();
      server.closeAllConnections();
    });
    io.engine.use(express.sessions(store));
    io.engine.use(express.requireSession());
    const users: unknown[] = [];
    io.engine.on("connection", ({ request: incoming }: { request: { session: RequestSession } }) => {
      users.push(incoming.session.current?.userId);
    });
    const { port } = server.address() as AddressInfo;
    const token = await logIn();
    const path = (transport: string) => `/socket.io/?EIO=4&transport=${transport}`;
    expect(await handshake(port, {}, path("websocket"))).toBe(400);
    expect(await handshake(port, { ...cookie(token), Origin: "https://evil.test" }, path("websocket"))).toBe(400);
    expect(users).toEqual([]);
    expect(await handshake(port, cookie(token), path("websocket"))).toBe(101);
    expect(users).toEqual(["ada"]);
    const polling = (headers: Record<string, string>) =>
      fetch(`http://127.0.0.1:${port}${path("polling")}`, { headers });
    expect((await polling({})).status).toBe(400);
    expect((await polling({ cookie: `__Host-session=${token}` })).status).toBe(200);
    expect(users).toEqual(["ada", "ada"]);
  });
});
