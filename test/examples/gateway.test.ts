/** The gateway, end to end over HTTP: what reaches Redis, what reaches the service behind it, and what comes back. */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect as openSocket } from "node:net";
import { SignJWT } from "jose";
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { ISSUER, KEY, NOTES } from "../../examples/gateway/contract.js";
import { createGateway } from "../../examples/gateway/gateway.js";
import { createNotes } from "../../examples/gateway/notes.js";
import { commandsDuring } from "../harness/commandstats.js";
import { ensureBuilt } from "../harness/dist.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";
import { replay } from "../harness/transcript.js";
import { startExample } from "./program.js";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const redisServer = await startRedisServer();
afterFile(() => redisServer.stop());
const redis = connect({ port: redisServer.port });

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What the gateway asked the notes, in its order. */
const asked: { method: string; url: string; headers: IncomingHttpHeaders }[] = [];
const notesServer = createNotes(publicKey);
notesServer.prependListener("request", ({ method = "", url = "", headers }) => asked.push({ method, url, headers }));
const notes = await listen(notesServer);
const { server, store } = createGateway({ redis, signingKey: privateKey, notes });
const base = await listen(server);
beforeEach(() => void asked.splice(0));

async function send(path: string, jwt?: string, body?: object | string, headers: Record<string, string> = {}) {
  const response = await fetch(base + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, ...(jwt !== undefined && { authorization: `Bearer ${jwt}` }) },
    body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
}

async function logIn(user: string, role: "reader" | "writer" = "writer"): Promise<string> {
  const { status, body } = await send("/login", undefined, { user });
  expect(status).toBe(200);
  await store.updateClaimsForUser(user, { role });
  return (body as { jwt: string }).jwt;
}

/** A JWT of the gateway's own key and names, with claims of somebody else's choice. */
const signed = (claims: object, header: object = {}) =>
  new SignJWT({ iss: ISSUER, aud: ISSUER, sid: "01M81FBB10ZQQ2TK3E221TAMRA", secret: "A".repeat(43), ...claims })
    .setProtectedHeader({ alg: KEY.alg, typ: "coatcheck-session+jwt", kid: KEY.kid, ...header })
    .sign(privateKey);

/** How many scripts Redis ran meanwhile: each look-up is one. */
async function lookups(act: () => Promise<unknown>): Promise<number> {
  const { evalsha = 0, eval: evaluated = 0 } = await commandsDuring(redis, act);
  return evalsha + evaluated;
}

/** The answer to a request as it is written here, until the gateway ends the connection. */
async function raw(request: string): Promise<string> {
  const socket = openSocket(Number(new URL(base).port), "127.0.0.1");
  socket.write(request);
  let answer = "";
  for await (const chunk of socket.setEncoding("utf8")) answer += chunk;
  return answer;
}

/** Keeps what the gateway logs off the output. */
function quiet() {
  const complain = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => complain.mockRestore());
  return complain;
}

describe("a JWT at the gateway", () => {
  it("opens the service with one look-up in Redis, in the name of its user", async () => {
    const [ada, eve] = [await logIn("ada"), await logIn("eve")];
    expect(await send("/notes", ada, { text: "Mine" })).toMatchObject({ status: 201, body: { user: "ada" } });
    expect(await send("/notes", eve)).toMatchObject({ status: 200, body: { user: "eve", notes: [] } });
    expect(await lookups(() => send("/notes", ada))).toBe(1);
  });

  it("is refused at the next request after the log-out, although its signature holds", async () => {
    const jwt = await logIn("ada");
    expect((await send("/notes", jwt)).status).toBe(200);
    expect((await send("/logout", jwt, "")).body).toEqual({ ended: true });
    asked.splice(0);
    const refused = await send("/notes", jwt);
    expect(refused).toMatchObject({ status: 401, body: { error: "Log in first" } });
    expect(refused.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    expect(asked).toEqual([]);
    expect((await send("/logout", jwt, "")).body).toEqual({ ended: false });
  });

  it("is refused at the next request after a block, and there is no other", async () => {
    const jwt = await logIn("troll");
    expect((await send("/users/troll/block", undefined, "")).body).toEqual({ ended: 1 });
    expect((await send("/notes", jwt)).status).toBe(401);
    expect((await send("/login", undefined, { user: "troll" })).status).toBe(403);
    expect(asked).toEqual([]);
  });

  it("may do what the role of this moment allows", async () => {
    const jwt = await logIn("deputy", "reader");
    const write = () => send("/notes", jwt, { text: "Note" });
    expect((await write()).status).toBe(403);
    expect((await send("/users/deputy/role", undefined, { role: "writer" })).body).toEqual({ changed: 1 });
    expect((await write()).status).toBe(201);
    await send("/users/deputy/role", undefined, { role: "reader" });
    expect((await write()).status).toBe(403);
    expect((await send("/notes", jwt)).body).toEqual({ user: "deputy", notes: ["Note"] });
  });
});

describe("what is no JWT of the gateway's", () => {
  const unsigned = (header: object) => {
    const [head, payload] = [header, { iss: ISSUER, aud: ISSUER, sub: "ada", exp: 9_999_999_999 }].map((part) =>
      Buffer.from(JSON.stringify(part)).toString("base64url"),
    );
    return `${head}.${payload}`;
  };
  const now = () => Math.floor(Date.now() / 1000);
  const garbage: [what: string, make: () => string | Promise<string>][] = [
    ["nothing like one", () => "x"],
    ["dots", () => ".."],
    ["a very long one", () => `${"A".repeat(7000)}.e30.AAAA`],
    ["one that says alg none", () => `${unsigned({ alg: "none", typ: "JWT" })}.`],
    ["one that brings its key along", () => `${unsigned({ alg: "ES256", jwk: {}, kid: KEY.kid })}.AAAA`],
    [
      "a real one with another payload",
      async () => {
        const [head, , signature] = (await logIn("ada")).split(".");
        return [head, Buffer.from('{"sub":"root"}').toString("base64url"), signature].join(".");
      },
    ],
    ["one that has expired", () => signed({ iat: now() - 120, exp: now() - 60 })],
    ["one for another application", () => signed({ aud: NOTES, iat: now(), exp: now() + 60 })],
    ["one of another issuer", () => signed({ iss: "https://evil.example", iat: now(), exp: now() + 60 })],
    ["one without an end", () => signed({ iat: now() })],
    ["a service token", () => signed({ iat: now(), exp: now() + 60 }, { typ: "coatcheck-service+jwt" })],
    [
      "the bare token of a session",
      async () => (await store.create({ userId: "ada", claims: { role: "writer" } })).token,
    ],
  ];

  it.each(garbage)("never reaches Redis nor the service: %s", async (_, make) => {
    const jwt = await make();
    const statuses: number[] = [];
    const count = await lookups(async () => {
      for (const path of ["/notes", "/me"]) statuses.push((await send(path, jwt)).status);
      expect((await send("/logout", jwt, "")).body).toEqual({ ended: false });
    });
    expect([statuses, count]).toEqual([[401, 401], 0]);
    expect(asked).toEqual([]);
  });

  it("reaches Redis once it is signed: then Redis says that there is no such session", async () => {
    const jwt = await signed({ iat: now(), exp: now() + 60 });
    expect(await lookups(async () => expect((await send("/notes", jwt)).status).toBe(401))).toBe(1);
  });

  it("is told apart from none at all", async () => {
    const { status, headers } = await send("/notes");
    expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  });
});

describe("the service behind", () => {
  it("gets a token of its own, and nothing of the client's that is not its business", async () => {
    const jwt = await logIn("ada");
    await send("/notes?page=2", jwt, undefined, {
      ...{ cookie: "session=secret", "x-forwarded-for": "10.0.0.1", forwarded: "for=10.0.0.1", te: "trailers" },
      "accept-language": "en",
    });
    const [{ url, headers } = { url: "", headers: {} as IncomingHttpHeaders }] = asked;
    expect(url).toBe("/notes?page=2");
    expect(headers["accept-language"]).toBe("en");
    for (const name of ["cookie", "x-forwarded-for", "forwarded", "te"]) expect(headers[name], name).toBeUndefined();
    expect(JSON.stringify(headers)).not.toContain(jwt);
    // The token is no session: at the gateway it opens nothing.
    const token = (headers.authorization ?? "").slice("Bearer ".length);
    expect(token).toMatch(/^eyJ/);
    expect((await send("/notes", token)).status).toBe(401);
  });

  it("takes no JWT of a client's, and no token for another service", async () => {
    const jwt = await logIn("ada");
    const claims = { jti: "1", sub: "ada", scope: "notes:read", iat: Math.floor(Date.now() / 1000) };
    const elsewhere = await signed(
      { ...claims, aud: "https://invoices.example", exp: claims.iat + 60 },
      { typ: "coatcheck-service+jwt" },
    );
    for (const token of [jwt, elsewhere, "x", ""]) {
      const { status } = await fetch(`${notes}/notes`, { headers: { authorization: `Bearer ${token}` } });
      expect(status).toBe(401);
    }
  });

  it("gets the whole body, however large, and its own answer goes back", async () => {
    const jwt = await logIn("ada");
    const refused = await send("/notes", jwt, { text: "x".repeat(200_000) });
    expect(refused).toMatchObject({ status: 413, body: { error: "The body is too large" } });
    expect(await send("/notes", jwt, { text: "é".repeat(5000) })).toMatchObject({ status: 201 });
    expect((await send("/notes", jwt, "{")).status).toBe(400);
  });

  // Such as no client library sends them: to a lax gateway the first two name another server.
  it.each(["//evil.example/notes", "http://evil.example/notes", "/notes/../me", "*"])(
    "is not what %j leads to",
    async (path) => {
      const jwt = await logIn("ada");
      const head = `GET ${path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${jwt}\r\nConnection: close\r\n\r\n`;
      expect(await raw(head)).toMatch(/^HTTP\/1\.1 404 /);
      expect(asked).toEqual([]);
    },
  );
});

describe("a service that fails", () => {
  /** A gateway before a service of its own. */
  async function gatewayTo(listener: RequestListener | undefined, timeout = 10_000): Promise<() => Promise<Response>> {
    const service = createServer(listener);
    const url = await listen(service);
    if (listener === undefined) service.close();
    const gateway = await listen(createGateway({ redis, signingKey: privateKey, notes: url, timeout }).server);
    const jwt = await logIn("ada");
    return () => fetch(`${gateway}/notes`, { headers: { authorization: `Bearer ${jwt}` } });
  }

  it("is a 502 where it is not there", async () => {
    const complain = quiet();
    const ask = await gatewayTo(undefined);
    const response = await ask();
    expect([response.status, await response.json()]).toEqual([502, { error: "The service does not answer" }]);
    expect(complain).toHaveBeenCalledOnce();
  });

  it("is a 504 where it is silent", async () => {
    const complain = quiet();
    const ask = await gatewayTo(() => {}, 50);
    expect((await ask()).status).toBe(504);
    expect(complain).toHaveBeenCalledOnce();
  });

  it("is an answer that breaks off where it breaks off, and a line in the log", async () => {
    const complain = quiet();
    const ask = await gatewayTo((_request, response) => {
      response.writeHead(200, { "content-length": "10" });
      response.write("half", () => response.destroy());
    });
    await expect(ask().then((response) => response.text())).rejects.toThrow();
    // The client may learn of it before the gateway does.
    await vi.waitFor(() => expect(complain).toHaveBeenCalledOnce(), { timeout: 10_000 });
  });

  it.each(["before the answer", "in the middle of it"])(
    "is not called any longer for a client that leaves %s",
    async (at) => {
      const complain = quiet();
      const service = createServer();
      const url = await listen(service);
      const arrived = once(service, "request") as Promise<[IncomingMessage, ServerResponse]>;
      const gateway = await listen(
        createGateway({ redis, signingKey: privateKey, notes: url, timeout: 60_000 }).server,
      );
      const client = new AbortController();
      const headers = { authorization: `Bearer ${await logIn("ada")}` };
      const answer = fetch(`${gateway}/notes`, { headers, signal: client.signal });
      const [{ socket }, response] = await arrived;
      if (at !== "before the answer") {
        response.writeHead(200);
        response.write("half");
        expect((await answer).status).toBe(200);
      }
      const gone = once(socket, "close");
      client.abort();
      await expect(answer.then((response) => response.text())).rejects.toThrow();
      await gone;
      // It is nobody's fault. The gateway has nothing more to do, and still answers.
      expect((await fetch(`${gateway}/me`, { headers })).status).toBe(200);
      expect(complain).not.toHaveBeenCalled();
    },
  );
});

describe("without Redis", () => {
  it("nobody is told that a JWT is worth nothing, and garbage is refused as ever", async () => {
    const complain = quiet();
    const jwt = await logIn("ada");
    const lost = connect({ port: 1, retryStrategy: () => null });
    const gateway = await listen(createGateway({ redis: lost, signingKey: privateKey, notes }).server);
    const ask = (token: string) => fetch(`${gateway}/notes`, { headers: { authorization: `Bearer ${token}` } });
    const response = await ask(jwt);
    expect([response.status, await response.json()]).toEqual([503, { error: "Try again later" }]);
    expect(response.headers.get("retry-after")).toBe("1");
    expect((await ask("x.y.z")).status).toBe(401);
    expect(complain).toHaveBeenCalledOnce();
  });
});

describe("a request that makes no sense", () => {
  it.each([
    [400, "/login", "{"],
    [400, "/login", "null"],
    [400, "/login", { user: 1 }],
    [413, "/login", { user: "x".repeat(20_000) }],
    [400, "/users/ada/role", { role: "root" }],
    [404, "/users/%zz/role", { role: "reader" }],
    [404, "/", undefined],
  ])("is answered with %i: %s", async (status, path, body) => {
    const answer = await send(path, undefined, body);
    expect(answer).toMatchObject({ status, body: { error: expect.any(String) } });
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });
});

it("answers before the rest of a body has come that is too large already", async () => {
  const head = "POST /login HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000000\r\n\r\n";
  expect(await raw(head + "x".repeat(20_000))).toMatch(/^HTTP\/1\.1 413 /);
});

describe("the gateway as its README starts it", () => {
  beforeAll(ensureBuilt, 120_000);

  it("answers as in the transcript, logs no secret, and ends when told to", async () => {
    const fresh = await startRedisServer();
    afterFile(() => fresh.stop());
    const program = await startExample("gateway", { REDIS_URL: fresh.url });
    const readme = new MarkdownDocument(new URL("../../examples/gateway/README.md", import.meta.url));
    expect(await replay(readme.blocks("console")[0]?.code ?? "", program.url)).toBe(8);
    await expect
      .poll(program.output, { timeout: 10_000 })
      .toMatch(/^a JWT was refused: malformed \(session unknown\)$/m);
    await expect
      .poll(program.output, { timeout: 10_000 })
      .toMatch(/^a JWT was refused: unknown \(session [0-9A-Z]{26}\)$/m);
    expect(program.output()).not.toMatch(/eyJ|[\w-]{43}/);
    expect(await program.stop()).toBe(0);
    await expect(fetch(program.url)).rejects.toThrow();
  }, 60_000);
});
