/** The same handler on each framework: open to all, behind a JWT, behind coatcheck, and behind the framework's usual sessions. */
import { onExpress } from "./http-servers/express.ts";
import { onFastify } from "./http-servers/fastify.ts";
import { onHono } from "./http-servers/hono.ts";
import { onKoa } from "./http-servers/koa.ts";
import type { HttpContender } from "./http-servers/login.ts";

export const HTTP_CONTENDERS: readonly HttpContender[] = [...onExpress, ...onFastify, ...onKoa, ...onHono];
