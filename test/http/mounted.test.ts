/** Applications inside others, and routers that cut addresses: a browser comes back to the address that it asked for. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import Fastify from "fastify";
import Koa from "koa";
import { describe, expect, it } from "vitest";
import * as forExpress from "../../src/express.js";
import * as forFastify from "../../src/fastify.js";
import { createSessionStore } from "../../src/index.js";
import * as forKoa from "../../src/koa.js";
import { connect, uniquePrefix } from "../harness/fixtures.js";
import { listening } from "./contract/app.js";
import { send } from "./contract/client.js";

const store = createSessionStore(connect(), { prefix: uniquePrefix(), timeout: 10_000 });
const PAGE = { "Sec-Fetch-Mode": "navigate" };

/** Where a browser without a session is sent that opens `path`. */
async function sentTo(handler: RequestListener, path: string) {
  const server = await listening(createServer(handler));
  try {
    return (await send((server.address() as AddressInfo).port, "GET", path, PAGE)).headers["location"];
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

function koaApplication() {
  const app = new Koa();
  app.use(forKoa.sessions(store));
  app.use(forKoa.requireSession({ redirectTo: "/login" }));
  return app.callback();
}

describe("the address to come back to is whole", () => {
  it("from a router in an Express application in another", async () => {
    const [outer, inner, router] = [express(), express(), express.Router()];
    router.get("/page", forExpress.requireSession({ redirectTo: "/login" }), (_req, res) => {
      res.end();
    });
    inner.use(forExpress.sessions(store)).use("/router", router);
    outer.use("/inner", inner);
    expect(await sentTo(outer, "/inner/router/page?a=b")).toBe("/login?returnTo=%2Finner%2Frouter%2Fpage%3Fa%3Db");
  });

  it("from a Koa application, by itself and in an Express application", async () => {
    expect(await sentTo(koaApplication(), "/page?a=b")).toBe("/login?returnTo=%2Fpage%3Fa%3Db");
    const outer = express().use("/inner", koaApplication());
    expect(await sentTo(outer, "/inner/page?a=b")).toBe("/login?returnTo=%2Finner%2Fpage%3Fa%3Db");
  });

  it("from a Koa middleware that sees the rest of the address", async () => {
    const app = new Koa();
    app.use((ctx, next) => {
      ctx.url = ctx.url.slice("/inner".length);
      return next();
    });
    app.use(forKoa.sessions(store)).use(forKoa.requireSession({ redirectTo: "/login" }));
    expect(await sentTo(app.callback(), "/inner/page")).toBe("/login?returnTo=%2Finner%2Fpage");
  });

  it("from a Fastify application that rewrites addresses", async () => {
    const app = Fastify({ rewriteUrl: ({ url = "" }) => url.replace("/public", "/inner") });
    await app.register(forFastify.sessions, { store });
    app.get("/inner/page", { preHandler: forFastify.requireSession({ redirectTo: "/вход" }) }, async () => ({}));
    const { headers } = await app.inject({ url: "/public/page?a=b", headers: PAGE });
    expect(headers.location).toBe("/%D0%B2%D1%85%D0%BE%D0%B4?returnTo=%2Fpublic%2Fpage%3Fa%3Db");
    await app.close();
  });
});
