/** The types of an application that has registered no claims: any will do. What registered ones give: typed-app/. */
import Fastify from "fastify";
import type { MiddlewareHandler } from "hono";
import type { Redis } from "ioredis";
import { assertType, describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { requireSession as expressGuard, sessions as expressSessions } from "../../src/express.js";
import { requireSession as fastifyGuard, sessions as fastifySessions } from "../../src/fastify.js";
import { createFetchSessions, type FetchSessions } from "../../src/fetch.js";
import { sessions as honoSessions, type SessionVariables } from "../../src/hono.js";
import {
  createHttpSessions,
  createRegisteredSessions,
  type HttpOptions,
  type HttpPort,
  type HttpSessions,
  type RegisteredClaims,
  type RequestSession,
  type Requirement,
} from "../../src/http.js";
import { createSessionStore, type IssuedSession, type Session, type SessionStore } from "../../src/index.js";
import { introspect } from "../../src/introspection.js";
import { requireSession as koaGuard, sessions as koaSessions } from "../../src/koa.js";

type Any = Record<string, unknown>;

describe("without registered claims", () => {
  it("claims are of any name and unknown value", () => {
    expectTypeOf<RegisteredClaims>().toEqualTypeOf<Any>();
    expectTypeOf<RequestSession["current"]>().toEqualTypeOf<Session<Any> | null>();
    expectTypeOf<RequestSession["start"]>().returns.resolves.toEqualTypeOf<IssuedSession<Any>>();
  });

  it("every adapter takes a store of any claims, also of those that an interface names", () => {
    interface MyClaims {
      role: "member" | "admin";
      visits?: number;
    }
    const mine = createSessionStore<MyClaims>({} as Redis);
    const judged = createSessionStore({} as Redis, { claims: z.object({ role: z.string() }) });
    let any: ReturnType<typeof createSessionStore> = mine;
    any = judged;
    for (const store of [any, mine, judged, {} as SessionStore, {} as SessionStore<object>]) {
      expressSessions(store);
      koaSessions(store);
      honoSessions(store);
      createFetchSessions(store);
      Fastify().register(fastifySessions, { store });
      createHttpSessions(store);
      createRegisteredSessions(store);
      introspect(store, "token");
    }
    expectTypeOf(createRegisteredSessions(mine)).toEqualTypeOf<HttpSessions<Any>>();
    expectTypeOf(createHttpSessions(mine)).toEqualTypeOf<HttpSessions<MyClaims>>();
    expectTypeOf(createFetchSessions(mine)).toEqualTypeOf<FetchSessions<MyClaims>>();
    // The types of Hono are of one application, so they know the claims of its store without a declaration.
    expectTypeOf(honoSessions(mine)).toEqualTypeOf<MiddlewareHandler<{ Variables: SessionVariables<MyClaims> }>>();
    expectTypeOf(honoSessions(any)).toEqualTypeOf<MiddlewareHandler<{ Variables: SessionVariables<Any> }>>();
    // @ts-expect-error: a Redis client is no store, though it has `get` and `touch`
    expressSessions({} as Redis);
    expectTypeOf(expressSessions).parameter(1).toEqualTypeOf<HttpOptions | undefined>();
  });

  it("every guard takes the same requirement", () => {
    for (const guard of [expressGuard, koaGuard]) {
      expectTypeOf(guard).parameter(0).toEqualTypeOf<Requirement<Any> | undefined>();
    }
    expectTypeOf(fastifyGuard)
      .parameter(0)
      .toExtend<(Requirement<Any> & { decorateAs?: string | undefined }) | undefined>();
    assertType<Requirement<Any>>({ redirectTo: "/login" });
    assertType<Requirement<Any>>({ where: { role: "admin" }, freshWithin: 1 });
    // @ts-expect-error: a promise is always truthy
    assertType<Requirement<Any>>({ where: async () => true });
    // @ts-expect-error: no such name
    assertType<Requirement<Any>>({ wher: {} });
  });

  it("require gives a user's session, unless a guest's will do", () => {
    const session = {} as RequestSession;
    expectTypeOf(() => session.require().userId).returns.toEqualTypeOf<string>();
    expectTypeOf(() => session.require({ freshWithin: 1 }).authenticatedAt).returns.toEqualTypeOf<number>();
    expectTypeOf(() => session.require({ guest: true }).userId).returns.toEqualTypeOf<string | null>();
    expectTypeOf(() => session.require({} as Requirement<Any>).userId).returns.toEqualTypeOf<string | null>();
  });

  it("a port needs three members, and may have three more", () => {
    assertType<HttpPort>({ method: "GET", header: () => null, appendHeader: () => {} });
    expectTypeOf<keyof HttpPort>().toEqualTypeOf<
      "method" | "url" | "header" | "appendHeader" | "writable" | "setCookie"
    >();
  });
});
