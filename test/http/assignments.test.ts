/** Habits from other libraries: each fails where it stands, in sloppy CommonJS too, and not in silence. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import express from "express";
import Fastify from "fastify";
import Koa from "koa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sessions as expressSessions } from "../../src/express.js";
import { sessions as fastifySessions } from "../../src/fastify.js";
import { attachSession } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { sessions as koaSessions } from "../../src/koa.js";
import { connect, uniquePrefix } from "../harness/fixtures.js";

const store = createSessionStore(connect(), { prefix: uniquePrefix() });

/** A function whose body is sloppy code, as a CommonJS file without "use strict" is. */
const sloppy = (body: string) => new Function("holder", body) as (holder: object) => unknown;

/** What is tried on the request (or the context), and what the error says. */
const HABITS: readonly (readonly [code: string, said: RegExp])[] = [
  ["holder.session = null", /cannot be replaced: log out with await session\.end\(\)/],
  ["holder.session = { user: 1 }", /log in with await session\.start\(\)/],
  ["holder.session.cart = [1]", /Change claims with await session\.updateClaims\(\{ cart: … \}\)/],
  ["holder.session.views++", /updateClaims\(\{ views: … \}\)/],
  ["Object.assign(holder.session, { flash: 1 })", /updateClaims\(\{ flash: … \}\)/],
  ["holder.session['user id'] = 1", /updateClaims/],
  ["holder.session.current = null", /session\.current cannot be assigned/],
  ["'use strict'; holder.session.current.claims.role = 'admin'", /read only|Cannot assign/],
  ["'use strict'; holder.session.current.claims.fresh = 1", /not extensible/],
  ["holder.session.current.claims.list.push(2)", /not extensible/],
];

type Try = (holder: object) => void;

/** Serves one request with a live session to `attempt`, in each framework. */
const FRAMEWORKS: Record<string, (attempt: Try, cookie: string) => Promise<unknown>> = {
  "Express 5": (attempt, cookie) => inExpress(express, attempt, cookie),
  "Express 4": (attempt, cookie) =>
    inExpress(createRequire(import.meta.url)("express4") as typeof express, attempt, cookie),
  "Fastify 5": async (attempt, cookie) => {
    const app = Fastify();
    await app.register(fastifySessions, { store });
    let outcome: unknown;
    app.get("/", async (request) => {
      outcome = caught(attempt, request);
      return {};
    });
    await app.inject({ url: "/", headers: { cookie } });
    await app.close();
    return outcome;
  },
  "Koa 3": (attempt, cookie) => inKoa(Koa, attempt, cookie),
  "Koa 2": (attempt, cookie) => inKoa(createRequire(import.meta.url)("koa2") as typeof Koa, attempt, cookie),
};

function caught(attempt: Try, holder: object): unknown {
  try {
    attempt(holder);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function inExpress(make: typeof express, attempt: Try, cookie: string): Promise<unknown> {
  const app = make();
  app.use(expressSessions(store));
  let outcome: unknown;
  app.use((req, res) => {
    outcome = caught(attempt, req);
    res.end();
  });
  await answered(app, cookie);
  return outcome;
}

async function inKoa(Application: typeof Koa, attempt: Try, cookie: string): Promise<unknown> {
  const app = new Application();
  app.use(koaSessions(store));
  let outcome: unknown;
  app.use(async (ctx) => {
    outcome = caught(attempt, ctx);
    ctx.body = "";
  });
  await answered(app.callback(), cookie);
  return outcome;
}

async function answered(listener: (request: IncomingMessage, response: ServerResponse) => unknown, cookie: string) {
  const { createServer } = await import("node:http");
  const { listening } = await import("./contract/app.js");
  const { send } = await import("./contract/client.js");
  const server = await listening(createServer(listener));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The application has no port.");
  await send(address.port, "GET", "/", { Cookie: cookie });
  server.close();
}

describe.each(Object.entries(FRAMEWORKS))("on %s", (_, serve) => {
  let cookie: string;
  let token: string;
  beforeAll(async () => {
    ({ token } = await store.create({ userId: "ada", claims: { role: "member", list: [1] } }));
    cookie = `__Host-session=${token}`;
  });
  afterAll(async () => {
    expect((await store.get(token))?.claims).toEqual({ role: "member", list: [1] });
  });

  it.each(HABITS)("%s fails", async (code, said) => {
    const error = await serve(sloppy(code), cookie);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(said);
  });

  it("what is only read is as ever", async () => {
    const read = `
      const { session } = holder;
      if (session.cart !== undefined || "cart" in session || session.current.userId !== "ada") throw new Error("read");
      if (Object.keys(session).length !== 0 || JSON.stringify(session) !== "{}") throw new Error("shown");
      if (!(session instanceof Object) || String(session) !== "[object Object]") throw new Error("kind");`;
    expect(await serve(sloppy(read), cookie)).toBeUndefined();
  });
});

describe("the property that holds a session", () => {
  // An engine gives objects with different accessors different hidden classes: one for each request takes longer than its answer.
  it("has the same accessors on every request, and each request has its own session", () => {
    const sessions = [{ id: 1 }, { id: 2 }];
    const holders = sessions.map((session) => {
      const holder = { url: "/" };
      attachSession(holder, "session", session);
      return holder;
    });
    const [first, second] = holders.map((holder) => Object.getOwnPropertyDescriptor(holder, "session"));
    expect(first?.get).toBeInstanceOf(Function);
    expect(second).toEqual(first);
    expect(second?.get).toBe(first?.get);
    expect(second?.set).toBe(first?.set);
    expect(holders.map((holder) => Reflect.get(holder, "session"))).toEqual(sessions);
    expect(holders.map((holder) => Object.keys(holder))).toEqual([
      ["url", "session"],
      ["url", "session"],
    ]);
  });

  it("gives way to another one further in the application, and to no other library's", () => {
    const holder = {};
    attachSession(holder, "session", { id: "outer" });
    attachSession(holder, "session", { id: "inner" });
    attachSession(holder, "admin", { id: "other" });
    expect(holder).toMatchObject({ session: { id: "inner" }, admin: { id: "other" } });
    expect(() => attachSession({ session: { cookie: {} } }, "session", {})).toThrow(/Another library/);
  });
});
