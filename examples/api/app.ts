/** The API: bearer tokens for mobile clients, rate limits and address allow-lists, all in one Redis. */
import Router from "@koa/router";
import { requireSession, sessions } from "coatcheck/koa";
import type { Redis } from "ioredis";
import Koa, { type Middleware } from "koa";
import bodyParser from "koa-bodyparser";
import { accountRoutes, entranceRoutes } from "./accounts.ts";
import { adminRoutes } from "./admin.ts";
import { AllowList, requireAllowedAddress } from "./allow-list.ts";
import { jsonErrors } from "./errors.ts";
import { type Limit, rateLimit } from "./rate-limit.ts";
import { type ApiSessions, createStore } from "./sessions.ts";
import { Users } from "./users.ts";

export interface ApiOptions {
  readonly redis: Redis;
  /** How often a user may call. Default: 120 times a minute. */
  readonly limit?: Limit;
  /** How often an address may sign up or try to log in. Default: 20 times a minute. */
  readonly entranceLimit?: Limit;
  /** Whether a proxy of one's own stands before the API and tells the client's address. Default: `false`. */
  readonly behindProxy?: boolean;
  /** How long to wait for Redis, ms. Default: the store's. */
  readonly timeout?: number;
}

/** What the routes share. */
export interface Api {
  readonly store: ApiSessions;
  readonly users: Users;
  readonly allowList: AllowList;
  readonly limitEntrance: Middleware;
}

/** Builds the API. It does not close Redis. */
export function buildApp({
  redis,
  limit = { points: 120, seconds: 60 },
  entranceLimit = { points: 20, seconds: 60 },
  behindProxy = false,
  timeout,
}: ApiOptions): { app: Koa; api: Api } {
  // Of the addresses in X-Forwarded-For only the last was written by the proxy before us.
  const app = new Koa({ proxy: behindProxy, maxIpsCount: 1 });
  const store = createStore(redis, timeout);
  const users = new Users(redis);
  const allowList = new AllowList(redis);
  const limitEntrance = rateLimit(redis, "entrance", entranceLimit, (ctx) => ctx.ip);
  const api: Api = { store, users, allowList, limitEntrance };

  // The address comes before the rate: a thief of a token must not be able to use up its owner's share.
  const guards = [
    requireSession(),
    requireAllowedAddress(allowList),
    rateLimit(redis, "user", limit, (ctx) => ctx.session.require().userId),
  ];
  const router = new Router();
  entranceRoutes(router, api);
  accountRoutes(router, api, guards);
  adminRoutes(router, api, guards);

  app.use(jsonErrors);
  app.use(bodyParser({ enableTypes: ["json"] }));
  app.use(sessions(store, { cookie: false, bearer: true }));
  app.use(router.routes());
  return { app, api };
}
