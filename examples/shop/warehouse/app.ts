/**
 * The warehouse: a service of its own, which reserves goods for orders. It has no Redis, no database of the shop's and no
 * sessions. On whose behalf it is called, and what for, is in a service token, which it verifies with a public key.
 */
import type { KeyObject } from "node:crypto";
import { createServiceTokenVerifier } from "coatcheck/jwt";
import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { AUDIENCE, type Goods, ISSUER, KEY, type Scope } from "./contract.ts";

export interface WarehouseOptions {
  /** What the shop's tokens are verified with. */
  readonly publicKey: KeyObject;
  /** What there is. Kept in memory, in this example. */
  readonly stock?: Goods;
}

/** Put back, it stays, with no goods: what reserves them late, after that, does nothing. */
interface Reservation {
  readonly userId: string;
  readonly goods: Goods;
}

interface ById {
  Params: { id: string };
}

const STOCK: Goods = { apron: 500, kettle: 500, mug: 500, spoon: 500 };

const params = { type: "object", properties: { id: { type: "string", format: "uuid" } } };
const body = { type: "object", minProperties: 1, additionalProperties: { type: "integer", minimum: 1, maximum: 1000 } };

export function buildWarehouse({ publicKey, stock = STOCK }: WarehouseOptions): FastifyInstance {
  const tokens = createServiceTokenVerifier({ key: { ...KEY, key: publicKey }, issuer: ISSUER, audience: AUDIENCE });
  const left = new Map(Object.entries(stock));
  const reservations = new Map<string, Reservation>();
  const app = fastify();
  app.decorateRequest("userId", "");
  const userOf = (request: FastifyRequest) => request.getDecorator<string>("userId");

  /** Lets a request through that has a token for this; before its body is read. */
  function allow(scope: Scope) {
    return async function warehouseAllow(request: FastifyRequest): Promise<void> {
      const jwt = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
      const token = jwt === undefined ? null : await tokens.verify(jwt);
      if (token === null) throw new Refusal(401, jwt === undefined ? "Bearer" : 'Bearer error="invalid_token"');
      // A guest's session has proved nothing about anybody.
      if (token.userId === null || !token.scope.includes(scope)) {
        throw new Refusal(403, `Bearer error="insufficient_scope", scope="${scope}"`);
      }
      request.setDecorator("userId", token.userId);
    };
  }

  /** The reservation with an id that its caller has chosen, if there is one. To all but its owner, it is not there. */
  function find(request: FastifyRequest<ById>): Reservation | undefined {
    const reservation = reservations.get(request.params.id);
    if (reservation !== undefined && reservation.userId !== userOf(request)) throw new NotFound();
    return reservation;
  }

  function move(goods: Goods, sign: 1 | -1): void {
    for (const [product, quantity] of Object.entries(goods)) {
      left.set(product, (left.get(product) ?? 0) + sign * quantity);
    }
  }

  /** Reserves goods. Sent again, it changes nothing. */
  app.put<ById & { Body: Goods }>(
    "/reservations/:id",
    { onRequest: allow("reserve"), schema: { params, body } },
    async (request, reply) => {
      const known = find(request);
      if (known !== undefined) return known.goods;
      const goods = request.body;
      const missing = Object.keys(goods).filter((product) => (left.get(product) ?? 0) < Number(goods[product]));
      if (missing.length > 0) return reply.code(409).send({ missing });
      move(goods, -1);
      reservations.set(request.params.id, { userId: userOf(request), goods });
      return reply.code(201).send(goods);
    },
  );

  /** Puts the goods back. */
  app.delete<ById>("/reservations/:id", { onRequest: allow("reserve"), schema: { params } }, async (request, reply) => {
    move(find(request)?.goods ?? {}, 1);
    reservations.set(request.params.id, { userId: userOf(request), goods: {} });
    return reply.code(204).send();
  });

  /** What is reserved for the user. */
  app.get("/reservations", { onRequest: allow("read") }, async (request) =>
    [...reservations].flatMap(([id, { userId, goods }]) => (userId === userOf(request) ? [{ id, goods }] : [])),
  );

  return app;
}

/** A request whose token does not do (RFC 6750, 3); Fastify renders it. */
class Refusal extends Error {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(statusCode: 401 | 403, challenge: string) {
    super(statusCode === 401 ? "This takes a token for the warehouse." : "The token does not allow this.");
    this.statusCode = statusCode;
    this.headers = { "WWW-Authenticate": challenge };
  }
}

class NotFound extends Error {
  readonly statusCode = 404;
  override readonly message = "There is no such reservation.";
}
