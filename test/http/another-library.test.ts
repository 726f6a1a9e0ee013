/** Another library's session is where ours is to be. */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import express, { type ErrorRequestHandler } from "express";
import expressSession from "express-session";
import { expect, it } from "vitest";
import { sessions } from "../../src/express.js";
import { createSessionStore } from "../../src/index.js";
import { connect, uniquePrefix } from "../harness/fixtures.js";
import { listening } from "./contract/app.js";
import { send } from "./contract/client.js";

const store = createSessionStore(connect(), { prefix: uniquePrefix(), timeout: 10_000 });
const asMessage: ErrorRequestHandler = (error: Error, _req, res, _next) => {
  res.status(500).json(error.message);
};

it.each([
  ["5", express],
  ["4", createRequire(import.meta.url)("express4") as typeof express],
])("on Express %s, requests of an application with express-session too end, and say so", async (_, make) => {
  const app = make();
  app.use(expressSession({ secret: "a secret", resave: false, saveUninitialized: true }));
  app.use(sessions(store));
  app.get("/", (_req, res) => {
    res.json("never");
  });
  app.use(asMessage);
  const server = await listening(createServer(app));
  try {
    const answer = await send((server.address() as AddressInfo).port, "GET", "/");
    expect(answer.json()).toBe('Another library has put its own "session" on the request: use one of the two');
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
