/** `logIn`: the headers of a client that is logged in, for tests of applications with the usual tools. */
import express from "express";
import Fastify from "fastify";
import RedisMock from "ioredis-mock";
import inject from "light-my-request";
import request from "supertest";
import { describe, expect, it } from "vitest";
import { withSessions } from "../../examples/adapters/node-http.js";
import * as forExpress from "../../src/express.js";
import * as forFastify from "../../src/fastify.js";
import type { HttpOptions, RegisteredClaims } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { createJwtSessions } from "../../src/jwt.js";
import { logIn } from "../../src/testing.js";
import { uniquePrefix } from "../harness/fixtures.js";

const store = createSessionStore<RegisteredClaims>(new RedisMock(), { prefix: uniquePrefix() });

function application(options: HttpOptions) {
  const app = express();
  app.use(forExpress.sessions(store, options));
  app.get("/me", forExpress.requireSession(), (req, res) => void res.json({ user: req.session.current?.userId }));
  app.post("/log-out", async (req, res) => void res.json({ ended: await req.session.end() }));
  return app;
}

describe("logIn gives what a client sends", () => {
  it.each<[string, HttpOptions]>([
    ["by default", {}],
    ["without HTTPS", { cookie: { secure: false } }],
    ["with a name", { cookie: { name: "sid" } }],
    ["with bearer tokens alone", { cookie: false, bearer: true }],
  ])("%s: to read and to change", async (_, options) => {
    const app = application(options);
    const { headers, token, session } = await logIn(store, options, { userId: "ada", claims: { role: "admin" } });
    expect(session).toMatchObject({ userId: "ada", claims: { role: "admin" } });
    expect(await store.get(token)).toEqual(session);
    await request(app).get("/me").expect(401);
    await request(app).get("/me").set(headers).expect(200, { user: "ada" });
    await request(app).post("/log-out").set(headers).expect(200, { ended: true });
    await request(app).get("/me").set(headers).expect(401);
  });

  it("to Fastify's inject, to light-my-request, and to fetch", async () => {
    const { headers } = await logIn(store, {}, { userId: "ada" });
    const fastify = Fastify();
    await fastify.register(forFastify.sessions, { store });
    fastify.get("/me", { preHandler: forFastify.requireSession() }, async ({ session }) => session.current?.userId);
    expect((await fastify.inject({ url: "/me", headers })).body).toBe("ada");
    const listener = withSessions(store, async (_request, response, session) => {
      response.end(session.require().userId);
    });
    expect((await inject(listener, { url: "/me", headers })).body).toBe("ada");
    await fastify.listen({ port: 0, host: "127.0.0.1" });
    const address = fastify.listeningOrigin;
    expect(await (await fetch(`${address}/me`, { headers })).text()).toBe("ada");
    await fastify.close();
  });

  it("as a bearer token if the log-in asks for it, a JWT where bearer tokens are JWTs", async () => {
    const plain = await logIn(store, { bearer: true }, { userId: "ada", transport: "bearer" });
    expect(plain).toMatchObject({ headers: { authorization: `Bearer ${plain.token}` }, cookies: [] });
    const keys = [{ kid: "1", alg: "HS256", key: new Uint8Array(32).fill(7) }] as const;
    const bearer = createJwtSessions(store, { issuer: "https://auth.example", audience: "app", keys });
    const wrapped = await logIn(store, { bearer }, { userId: "ada", transport: "bearer" });
    expect(wrapped.token.split(".")).toHaveLength(3);
    await request(application({ bearer })).get("/me").set(wrapped.headers).expect(200, { user: "ada" });
  });

  it("to a browser, as cookies in parts", async () => {
    const { cookies, token } = await logIn(store, { cookie: { secure: false, sameSite: "strict" } }, { userId: "ada" });
    const parts = { path: "/", httpOnly: true, secure: false, sameSite: "Strict" };
    expect(cookies).toEqual([{ name: "session", value: token, ...parts }]);
    const wide = await logIn(store, { cookie: { domain: "example.com", sameSite: "none" } }, { userId: "ada" });
    expect(wide.cookies).toMatchObject([{ domain: "example.com", secure: true, sameSite: "None" }]);
  });

  it("for a guest, and for a time of its own", async () => {
    const { session, headers } = await logIn(store, {}, { idleTimeout: 5000, absoluteTimeout: 5000 });
    expect([session.userId, session.absoluteExpiresAt - session.createdAt]).toEqual([null, 5000]);
    await request(application({})).get("/me").set(headers).expect(401);
  });

  it("and throws as start does", async () => {
    await store.blockUser("mallory");
    await expect(logIn(store, {}, { userId: "mallory" })).rejects.toMatchObject({ code: "USER_BLOCKED" });
    await expect(logIn(store, {}, { user: "ada" } as never)).rejects.toThrow(TypeError);
    await expect(logIn(store, { cookies: {} } as never)).rejects.toThrow(TypeError);
  });
});
