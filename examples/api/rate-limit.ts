/** Rate limits, counted in the Redis that holds the sessions: one count for all processes. */

import type { Redis } from "ioredis";
import type { Context, Middleware } from "koa";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";

/** So many requests in so many seconds. */
export interface Limit {
  readonly points: number;
  readonly seconds: number;
}

/** Counts requests under a name, for each key by itself, and refuses those above the limit with 429. */
export function rateLimit(
  redis: Redis,
  name: string,
  { points, seconds }: Limit,
  keyOf: (ctx: Context) => string,
): Middleware {
  const limiter = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: `api:rate:${name}`,
    points,
    duration: seconds,
  });
  return async function apiRateLimit(ctx, next) {
    try {
      const { remainingPoints } = await limiter.consume(keyOf(ctx));
      ctx.set("X-RateLimit-Remaining", String(remainingPoints));
    } catch (rejection) {
      // Anything else is an error of Redis, and says nothing about the client.
      if (!(rejection instanceof RateLimiterRes)) throw rejection;
      const wait = Math.max(1, Math.ceil(rejection.msBeforeNext / 1000));
      ctx.throw(429, "Too many requests", { headers: { "Retry-After": String(wait) } });
    }
    await next();
  };
}
