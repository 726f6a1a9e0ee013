/**
 * A service behind the gateway: notes, of each user for themselves. It has no Redis and knows no session. On whose behalf
 * a request comes, and what it may do, is in a service token, which it verifies with the gateway's public key.
 */
import type { KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServiceTokenVerifier } from "coatcheck/jwt";
import { answer, bearerOf, Problem, textIn, unauthenticated } from "./answer.ts";
import { ISSUER, KEY, NOTES } from "./contract.ts";

export function createNotes(publicKey: KeyObject): Server {
  const tokens = createServiceTokenVerifier({ key: { ...KEY, key: publicKey }, issuer: ISSUER, audience: NOTES });
  const notes = new Map<string, string[]>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const jwt = bearerOf(request);
    const token = await tokens.verify(jwt);
    if (token?.userId == null) throw unauthenticated(jwt);
    const own = notes.get(token.userId) ?? [];
    const allow = (scope: string) => {
      if (token.scope.includes(scope)) return;
      const challenge = `Bearer error="insufficient_scope", scope="${scope}"`;
      throw new Problem(403, "Your role does not allow this", { "WWW-Authenticate": challenge });
    };
    if (request.url?.split("?")[0] !== "/notes") throw new Problem(404, "There is nothing here");
    if (request.method === "GET") {
      allow("notes:read");
      return answer(response, 200, { user: token.userId, notes: own });
    }
    if (request.method === "POST") {
      allow("notes:write");
      const text = await textIn(request, "text");
      notes.set(token.userId, [...(notes.get(token.userId) ?? []), text]);
      return answer(response, 201, { user: token.userId, notes: notes.get(token.userId) });
    }
    throw new Problem(405, "Use GET or POST", { Allow: "GET, POST" });
  }

  return createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (error instanceof Problem)
        return answer(response, error.status, { error: error.message }, { ...error.headers });
      console.error(error);
      return answer(response, 500, { error: "Try again later" });
    });
  });
}
