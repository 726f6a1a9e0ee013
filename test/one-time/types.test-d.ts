/** What TypeScript accepts, infers and refuses of one-time tokens and introspection. Nothing here runs. */
import type { Redis } from "ioredis";
import type { Redis as Redis6 } from "ioredis6";
import { describe, expectTypeOf, it } from "vitest";
import { type Session, type SessionStore, StoreUnavailableError } from "../../src/index.js";
import { type IntrospectionResponse, introspect } from "../../src/introspection.js";
import { createOneTimeTokens, IssueLimitError, type OneTimeToken } from "../../src/one-time.js";

declare const redis: Redis;
declare const redis6: Redis6;
const options = { purpose: "verify", ttl: 1000 };

describe("one-time tokens", () => {
  it("take a client of either ioredis", () => {
    createOneTimeTokens(redis, options);
    createOneTimeTokens(redis6, options);
  });

  it("without a type take any data or none, and give back unknown", () => {
    const tokens = createOneTimeTokens(redis, options);
    tokens.issue({ subject: "ada" });
    tokens.issue({ subject: "ada", data: { any: ["thing"] } });
    expectTypeOf(tokens.consume).returns.resolves.toEqualTypeOf<OneTimeToken<unknown> | null>();
    // @ts-expect-error: somebody must be issued it
    tokens.issue({ data: 1 });
  });

  it("with a type need data of it, and give that back", () => {
    const tokens = createOneTimeTokens<{ email: string }>(redis, options);
    tokens.issue({ subject: "ada", data: { email: "ada@example.org" } });
    // @ts-expect-error: data is missing
    tokens.issue({ subject: "ada" });
    // @ts-expect-error: of another type
    tokens.issue({ subject: "ada", data: { email: 1 } });
    expectTypeOf(tokens.peek).returns.resolves.toEqualTypeOf<OneTimeToken<{ email: string }> | null>();
    expectTypeOf<OneTimeToken<{ email: string }>["data"]>().toEqualTypeOf<{ email: string }>();
  });

  it("with a type that allows null need none", () => {
    const tokens = createOneTimeTokens<number | null>(redis, options);
    tokens.issue({ subject: "ada" });
    tokens.issue({ subject: "ada", data: 1 });
    // @ts-expect-error: of another type
    tokens.issue({ subject: "ada", data: "1" });
  });

  it("need a purpose and a time to live", () => {
    // @ts-expect-error: no purpose
    createOneTimeTokens(redis, { ttl: 1 });
    // @ts-expect-error: no ttl
    createOneTimeTokens(redis, { purpose: "verify" });
  });

  it("have an error that is told apart by its class", () => {
    const error: unknown = new StoreUnavailableError("");
    if (error instanceof IssueLimitError) expectTypeOf(error.retryAfter).toEqualTypeOf<number>();
  });
});

describe("introspect", () => {
  it("takes names of claims that there are, or a function of the session", () => {
    const store = {} as SessionStore<{ role: "admin" | "member"; plan: string }>;
    expectTypeOf(
      introspect(store, "token", { claims: ["role", "plan"] }),
    ).resolves.toEqualTypeOf<IntrospectionResponse>();
    introspect(store, "token", { claims: ({ claims }) => ({ scope: claims.role }) });
    introspect(store, undefined, {
      claims: (session) => {
        expectTypeOf(session).toEqualTypeOf<Session<{ role: "admin" | "member"; plan: string }>>();
        return {};
      },
    });
    // @ts-expect-error: no such claim
    introspect(store, "token", { claims: ["colour"] });
  });

  it("gives a response that must be asked whether it is active", async () => {
    const response = await introspect({} as SessionStore, "token");
    // @ts-expect-error: an inactive one has no subject
    response.sub;
    if (response.active) {
      expectTypeOf(response.sub).toEqualTypeOf<string | undefined>();
      expectTypeOf(response.exp).toEqualTypeOf<number>();
    }
  });
});
