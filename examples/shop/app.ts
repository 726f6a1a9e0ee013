/** The shop: sessions in Redis, everything else in PostgreSQL. */
import formbody from "@fastify/formbody";
import { type RedisClient, type SessionError, UnauthenticatedError } from "coatcheck";
import { sessions } from "coatcheck/fastify";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { accountRoutes } from "./accounts.ts";
import { cartRoutes } from "./cart.ts";
import type { Database } from "./database.ts";
import { History } from "./history.ts";
import { orderRoutes } from "./orders.ts";
import { pageRoute, sendErrorPage, wantsPage } from "./page.ts";
import { Reservations, type WarehouseAccess } from "./reservations.ts";
import { createStore, type ShopSessions } from "./sessions.ts";

export interface ShopOptions {
  readonly redis: RedisClient;
  readonly db: Database;
  readonly warehouse: WarehouseAccess;
  /** Whether the shop is served over HTTPS. Default: `true`. */
  readonly secure?: boolean;
  /** How old a log-in may be at the checkout, ms. Default: 5 minutes. */
  readonly freshWithin?: number;
  /** How long to wait for Redis, ms. Default: the store's. */
  readonly timeout?: number;
  /** Where the log goes, line by line. Default: nowhere. */
  readonly log?: { write(line: string): void };
}

/** What the routes share. */
export interface Shop {
  readonly db: Database;
  readonly store: ShopSessions;
  readonly history: History;
  readonly reservations: Reservations;
  readonly freshWithin: number;
  /** Sends a program its JSON, and a browser's form back to the page. */
  answer(request: FastifyRequest, reply: FastifyReply, body: object): FastifyReply;
}

/** Builds the shop. It closes neither Redis nor the database. */
export async function buildApp({
  redis,
  db,
  warehouse,
  secure = true,
  freshWithin = 5 * 60_000,
  timeout,
  log,
}: ShopOptions): Promise<FastifyInstance> {
  const app = fastify({ logger: log === undefined ? false : { level: "warn", stream: log } });
  const store = createStore(redis, timeout);
  const history = new History(store, db, app.log);
  const answer: Shop["answer"] = (request, reply, body) =>
    wantsPage(request) ? reply.redirect("/", 303) : reply.send(body);
  const reservations = new Reservations(store, warehouse);
  const shop: Shop = { db, store, history, reservations, freshWithin, answer };

  await app.register(formbody);
  await app.register(sessions, { store, cookie: { secure } });
  app.setErrorHandler<FastifyError & Pick<SessionError, "headers">>((error, request, reply) => {
    // What is thrown here goes to Fastify's own handler, which answers in JSON.
    if (!wantsPage(request)) throw error;
    const { statusCode = 500 } = error;
    if (statusCode >= 500) request.log.error(error);
    const message = statusCode < 500 ? error.message : "Something went wrong. Please try again.";
    return sendErrorPage(
      reply.code(statusCode).headers(error.headers ?? {}),
      message,
      error instanceof UnauthenticatedError && error.reauthenticate,
    );
  });
  app.addHook("onClose", () => history.settled());

  accountRoutes(app, shop);
  cartRoutes(app, shop);
  orderRoutes(app, shop);
  pageRoute(app, shop);
  return app;
}
