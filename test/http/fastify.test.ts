/** The contract of adapters, and that of the HTTP kit, on Fastify 5. */
import { STATUS_CODES } from "node:http";
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import Fastify from "fastify";
import { describe, expect, it } from "vitest";
import { requireSession, sessions } from "../../src/fastify.js";
import type { RegisteredClaims, RequestSession } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { connect, uniquePrefix } from "../harness/fixtures.js";
import type { Framework } from "./contract/app.js";
import { describeHttpContract } from "./contract.js";
import { startFastify } from "./subjects/fastify.js";
import { describeAdapterContract } from "./subjects/served.js";

describeAdapterContract("Fastify 5", startFastify);

const framework: Framework = {
  requireSession,
  async serve({ store, options, routes, hasSessions, headers, onError }) {
    const app = Fastify();
    app.addHook("onError", async (_request, _reply, error) => onError(error));
    app.addHook("onRequest", async (_request, reply) => {
      reply.headers(headers);
    });
    if (hasSessions) await app.register(sessions, { store, ...options });
    for (const { method, path, guard, form, handle } of routes) {
      app.route({
        method,
        url: path,
        ...(guard === undefined ? {} : { preHandler: requireSession(guard) }),
        handler: async (request, reply) => {
          if (form === "begun") {
            reply.hijack();
            reply.raw.writeHead(200).flushHeaders();
          }
          const result = await handle(request.session, new URL(request.url, "http://localhost").searchParams);
          if (form === undefined) return result;
          if (form === "redirect") return reply.redirect("/", 303);
          if (form === "raw") return new Response(JSON.stringify(result));
          reply.raw.end(JSON.stringify(result));
        },
      });
    }
    await app.listen({ port: 0, host: "127.0.0.1" });
    return app.server;
  },
  body: ({ status, code, message }) =>
    JSON.stringify({ statusCode: status, code, error: STATUS_CODES[status], message }),
};

describeHttpContract("Fastify 5", framework);
describeHttpContract("Fastify 5 with near", framework, { near: { lease: 10_000 } });

describe("on Fastify, requireSession", () => {
  it("guards a route before its body is read, as an onRequest hook", async () => {
    const store = createSessionStore<RegisteredClaims>(connect(), { prefix: uniquePrefix() });
    const app = Fastify();
    await app.register(sessions, { store });
    app.post("/early", { onRequest: requireSession() }, async () => ({}));
    app.post("/late", { preHandler: requireSession() }, async () => ({}));
    const rubbish = { method: "POST", headers: { "content-type": "application/json" }, payload: "{" } as const;
    expect((await app.inject({ ...rubbish, url: "/early" })).statusCode).toBe(401);
    expect((await app.inject({ ...rubbish, url: "/late" })).statusCode).toBe(400);
    await app.close();
  });
});

describe("on Fastify, the guard", () => {
  it("tells its own errors by the callback once, and leaves what a later hook throws to Fastify", async () => {
    const store = createSessionStore<RegisteredClaims>(connect(), { prefix: uniquePrefix() });
    const app = Fastify();
    await app.register(sessions, { store });
    const told: unknown[] = [];
    const later = new Error("a later hook");
    let thrown: unknown;
    app.post("/", async (request, reply) => {
      const guard = requireSession();
      guard(request, reply, (error) => told.push(error));
      await request.session.start({ userId: "ada" });
      try {
        guard(request, reply, (error) => {
          told.push(error);
          throw later;
        });
      } catch (error) {
        thrown = error;
      }
      return {};
    });
    expect((await app.inject({ method: "POST", url: "/" })).statusCode).toBe(200);
    expect(told).toEqual([expect.objectContaining({ code: "UNAUTHENTICATED" }), undefined]);
    expect(thrown).toBe(later);
    await app.close();
  });
});

describe("on Fastify, sessions under another name", () => {
  const open = () => createSessionStore<RegisteredClaims>(connect(), { prefix: uniquePrefix() });
  const jarOf = (answer: { cookies: { name: string; value: string }[] }) =>
    answer.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");

  it("are a second kind beside the first, at the root and in a child", async () => {
    const [users, staff] = [open(), open()];
    const app = Fastify();
    await app.register(sessions, { store: users });
    await app.register(async (child) => {
      await child.register(sessions, { store: staff, decorateAs: "staff", cookie: { name: "__Host-staff" } });
      child.post("/staff/login", async (request) => {
        await staffOf(request).start({ userId: "boss" });
        return { user: request.session.current?.userId ?? null };
      });
      child.get("/staff", { preHandler: requireSession({ decorateAs: "staff" }) }, async (request) => ({
        staff: staffOf(request).current?.userId,
        user: request.session.current?.userId ?? null,
      }));
    });
    app.post("/login", async (request) => {
      await request.session.start({ userId: "ada" });
      return {};
    });
    app.get("/me", { preHandler: requireSession() }, async (request) => ({ user: request.session.current?.userId }));

    const user = jarOf(await app.inject({ method: "POST", url: "/login" }));
    const boss = jarOf(await app.inject({ method: "POST", url: "/staff/login" }));
    const get = async (url: string, cookie: string) => {
      const answer = await app.inject({ url, headers: { cookie } });
      return [answer.statusCode, answer.statusCode === 200 ? answer.json() : null];
    };
    expect(await get("/me", user)).toEqual([200, { user: "ada" }]);
    expect(await get("/me", boss)).toEqual([401, null]);
    expect(await get("/staff", user)).toEqual([401, null]);
    expect(await get("/staff", boss)).toEqual([200, { staff: "boss", user: null }]);
    expect(await get("/staff", `${user}; ${boss}`)).toEqual([200, { staff: "boss", user: "ada" }]);
    await app.close();
  });

  it("are there beside @fastify/session", async () => {
    const app = Fastify();
    await app.register(fastifyCookie);
    await app.register(fastifySession, {
      secret: "a secret with a minimum length of 32 characters",
      cookie: { secure: false },
    });
    await app.register(sessions, { store: open(), decorateAs: "auth", cookie: { secure: false } });
    app.post("/login", async (request) => {
      const auth = authOf(request);
      await auth.start({ userId: "ada" });
      Reflect.set(request.session, "cart", ["hat"]);
      return {};
    });
    app.get("/", { preHandler: requireSession({ decorateAs: "auth" }) }, async (request) => ({
      user: authOf(request).current?.userId,
      cart: Reflect.get(request.session, "cart") as unknown,
    }));
    const cookie = jarOf(await app.inject({ method: "POST", url: "/login" }));
    expect((await app.inject({ url: "/", headers: { cookie } })).json()).toEqual({ user: "ada", cart: ["hat"] });
    expect((await app.inject({ url: "/" })).statusCode).toBe(401);
    await app.close();
  });

  it("are not found by a guard that looks for the usual name", async () => {
    const app = Fastify();
    await app.register(sessions, { store: open(), decorateAs: "auth" });
    app.get("/", { preHandler: requireSession() }, async () => ({}));
    const answer = await app.inject({ url: "/" });
    expect([answer.statusCode, answer.json()]).toMatchObject([
      500,
      { message: "requireSession() needs app.register(sessions, { store }) before it" },
    ]);
    await app.close();
  });

  it("are named in what a guard says that finds none, and need a name", async () => {
    const app = Fastify();
    app.get("/", { preHandler: requireSession({ decorateAs: "staff" }) }, async () => ({}));
    expect((await app.inject({ url: "/" })).json()).toMatchObject({
      message: 'requireSession() needs app.register(sessions, { store, decorateAs: "staff" }) before it',
    });
    await app.close();
    const named = (decorateAs: unknown) =>
      Fastify()
        .register(sessions, { store: open(), decorateAs: decorateAs as string })
        .ready();
    for (const none of ["", 5, null])
      await expect(named(none)).rejects.toThrow(new TypeError("decorateAs must be a name"));
  });
});

const staffOf = (request: object) => Reflect.get(request, "staff") as RequestSession;
const authOf = (request: object) => Reflect.get(request, "auth") as RequestSession;
