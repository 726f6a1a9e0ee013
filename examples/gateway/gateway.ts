/**
 * A gateway for JWTs, with Redis behind them. A client has one JWT. The gateway verifies its signature first, so what is
 * forged, expired or garbage costs Redis nothing, and then asks Redis, which has the last word. What passes goes on to a
 * service with a token of its own: the client's never leaves the gateway.
 */
import type { KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createSessionStore, isSessionError, type RedisClient, type Session, type SessionStore } from "coatcheck";
import { createJwtSessions } from "coatcheck/jwt";
import { answer, bearerOf, Problem, textIn, unauthenticated } from "./answer.ts";
import { ISSUER, KEY, NOTES } from "./contract.ts";
import { forward } from "./forward.ts";

declare global {
  namespace Coatcheck {
    interface Claims {
      role: "reader" | "writer";
    }
  }
}

const SCOPES = { reader: ["notes:read"], writer: ["notes:read", "notes:write"] } as const;

export interface GatewayOptions {
  readonly redis: RedisClient;
  readonly signingKey: KeyObject;
  /** Where the notes are. */
  readonly notes: string;
  /** How long the notes may be silent, ms. Default: 10 seconds. */
  readonly timeout?: number;
}

export interface Gateway {
  readonly server: Server;
  readonly store: SessionStore<Coatcheck.Claims>;
}

export function createGateway({ redis, signingKey, notes, timeout = 10_000 }: GatewayOptions): Gateway {
  const store = createSessionStore<Coatcheck.Claims>(redis, { prefix: "gateway:" });
  const key = { ...KEY, key: signingKey };
  const jwts = createJwtSessions(store, { key, issuer: ISSUER, audience: ISSUER });

  /** The session of a request, which Redis has just vouched for. */
  async function authenticate(request: IncomingMessage): Promise<Session<Coatcheck.Claims>> {
    const jwt = bearerOf(request);
    const session = jwt === undefined ? null : await jwts.verify(jwt);
    if (session === null) throw unauthenticated(jwt);
    return session;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // As it came: `//elsewhere/notes` and `http://elsewhere/notes` are no path of ours, and would be one to `URL`.
    const pathname = request.url?.split("?")[0] ?? "";
    switch (`${request.method} ${pathname}`) {
      case "POST /login": {
        // Check a password here.
        const issued = await store.create({ userId: await textIn(request, "user"), claims: { role: "reader" } });
        return answer(response, 200, { jwt: await jwts.wrap(issued) });
      }
      case "POST /logout": {
        const token = await jwts.unwrap(bearerOf(request));
        return answer(response, 200, { ended: token !== null && (await store.revoke(token)) });
      }
      case "GET /me": {
        const { id, userId, claims } = await authenticate(request);
        return answer(response, 200, { session: id, user: userId, role: claims.role });
      }
    }
    const [, user, change] = /^\/users\/([\w.-]+)\/(role|block)$/.exec(pathname) ?? [];
    // For administrators, in a real application.
    if (request.method === "POST" && user !== undefined) {
      if (change === "block") return answer(response, 200, { ended: await store.blockUser(user) });
      const role = await textIn(request, "role");
      if (role !== "reader" && role !== "writer") throw new Problem(400, "There is no such role");
      return answer(response, 200, { changed: await store.updateClaimsForUser(user, { role }) });
    }
    if (pathname !== "/notes") throw new Problem(404, "There is nothing here");
    const session = await authenticate(request);
    // The role of this very moment: a change is in effect with the next request, although the JWT stays the same.
    const token = await jwts.mint(session, { audience: NOTES, scope: SCOPES[session.claims.role], ttl: 10_000 });
    await forward(request, response, { url: notes, timeout, token });
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => fail(error, response));
  });
  return { server, store };
}

/** Answers with the status of an error; 503 where Redis does not answer, for then nobody knows whether a JWT is good. */
function fail(error: unknown, response: ServerResponse): void {
  const { status = 500, headers = {}, message = "" } = error instanceof Problem || isSessionError(error) ? error : {};
  if (status >= 500) console.error(error);
  if (response.headersSent) return void response.destroy();
  answer(
    response,
    status,
    { error: status < 500 || error instanceof Problem ? message : "Try again later" },
    { ...headers },
  );
}
