/** What `introspect` tells of a token: RFC 7662, 2.2, and the checks that its section 4 asks for. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createSessionStore, StoreUnavailableError } from "../../src/index.js";
import { introspect } from "../../src/introspection.js";
import { mintToken } from "../../src/leaves/token.js";
import { createOneTimeTokens } from "../../src/one-time.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { passThrough } from "../harness/pass-through.js";
import { present, withOtherSecret } from "../sessions/contract/rig.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);

/** How many scripts the store has sent. */
let sent = 0;
const client = passThrough(redis, {
  evalsha(...args: Parameters<typeof redis.evalsha>) {
    sent++;
    return redis.evalsha(...args);
  },
});
type Claims = Record<string, unknown>;
const store = createSessionStore<Claims>(client, { prefix, touchInterval: 0 });
/** A caller in JavaScript may pass anything. */
const anything = (value: unknown) => value as never;

let users = 0;
const logIn = (claims: Claims = {}) => store.create({ userId: `user ${users++}`, claims });
const INACTIVE = { active: false };
const seconds = (ms: number) => Math.floor(ms / 1000);

beforeEach(async () => {
  // Redis knows the scripts from here on.
  await store.touch((await logIn()).token);
  await store.get((await logIn()).token);
  sent = 0;
});

describe("an active token", () => {
  it("is told of with its user, session and times in whole seconds, and nothing more", async () => {
    const { token, session } = await logIn({ role: "admin", email: "ada@example.org" });
    const response = await introspect(store, token);
    expect(response).toEqual({
      active: true,
      sub: session.userId,
      sid: session.id,
      exp: seconds(session.expiresAt),
      iat: seconds(session.createdAt),
    });
    expect(JSON.stringify(response)).not.toContain(token.slice(27));
  });

  it("never ends later than it does, nor begins in the future: instants are rounded down", async () => {
    const session = { ...(await logIn()).session, createdAt: 1_700_000_000_999, expiresAt: 1_700_000_100_999 };
    const response = await introspect({ ...store, get: async () => session }, "token");
    expect(response).toMatchObject({ iat: 1_700_000_000, exp: 1_700_000_100 });
  });

  it("is told of with the application and the issuer where they are given", async () => {
    const { token } = await logIn();
    expect(await introspect(store, token, { clientId: "web", issuer: "https://example.org" })).toMatchObject({
      active: true,
      client_id: "web",
      iss: "https://example.org",
    });
  });

  it("is told of with the claims that are chosen, and no other", async () => {
    const { token } = await logIn({ role: "admin", plan: null, email: "ada@example.org", roles: ["a"] });
    const response = await introspect(store, token, { claims: ["role", "plan", "absent", "toString"] });
    expect(Object.keys(response).sort()).toEqual(["active", "exp", "iat", "plan", "role", "sid", "sub"]);
    expect(response).toMatchObject({ role: "admin", plan: null });
  });

  it("is told of with what a function makes of the session, at once or later", async () => {
    const { token, session } = await logIn({ scopes: ["read", "write"] });
    const claims = (of: typeof session) => ({
      scope: (of.claims["scopes"] as string[]).join(" "),
      username: of.userId,
    });
    const expected = { active: true, scope: "read write", username: session.userId };
    expect(await introspect(store, token, { claims })).toMatchObject(expected);
    expect(await introspect(store, token, { claims: async (of) => claims(of) })).toMatchObject(expected);
  });

  it("takes one round trip", async () => {
    const { token } = await logIn();
    sent = 0;
    await introspect(store, token, { claims: ["role"] });
    expect(sent).toBe(1);
    await introspect(store, token, { touch: true });
    expect(sent).toBe(2);
  });
});

describe("a claim with the name of a registered member", () => {
  const RESERVED = ["active", "sub", "sid", "exp", "iat", "nbf", "jti", "iss", "aud", "client_id", "token_type"];
  const forged = Object.fromEntries(RESERVED.map((name) => [name, "forged"]));

  it("is left out unless it is chosen", async () => {
    const { token, session } = await logIn(forged);
    expect(await introspect(store, token, { claims: [] })).toMatchObject({ active: true, sub: session.userId });
    expect(JSON.stringify(await introspect(store, token))).not.toContain("forged");
  });

  it.each(RESERVED)("is refused by its name: %s", async (name) => {
    const { token } = await logIn(forged);
    const message = `claims must not have "${name}", which tells what the token is`;
    sent = 0;
    await expect(introspect(store, token, { claims: ["role", name] })).rejects.toThrow(new TypeError(message));
    expect(sent).toBe(0);
    await expect(introspect(store, token, { claims: () => ({ [name]: "forged" }) })).rejects.toThrow(message);
    await expect(introspect(store, token, { claims: ({ claims }) => ({ [name]: claims[name] }) })).rejects.toThrow(
      TypeError,
    );
  });

  it("is a member of its own, and no prototype, where it is __proto__", async () => {
    const claims = JSON.parse('{"__proto__":{"active":false,"role":"admin"}}') as Claims;
    const { token } = await logIn(claims);
    const response = await introspect(store, token, { claims: ["__proto__"] });
    expect(Object.getPrototypeOf(response)).toBe(Object.prototype);
    expect(JSON.stringify(response)).toContain('"__proto__":{"active":false,"role":"admin"}');
    expect(response).toMatchObject({ active: true });
    expect("role" in response).toBe(false);
  });
});

// RFC 7662, 4: "the authorization server MUST perform all applicable checks against a token's state".
describe("what is not active is told of in one way", () => {
  const dead: Record<string, () => Promise<unknown>> = {
    "an unknown token": async () => mintToken("ABC").token,
    "a token with another's secret": async () => withOtherSecret((await logIn()).token),
    "a session id": async () => (await logIn()).session.id,
    "an expired session": async () => {
      const { token } = await store.create({ userId: "brief", idleTimeout: 20, absoluteTimeout: 20 });
      await vi.waitFor(async () => expect(await store.get(token)).toBeNull(), { interval: 5, timeout: 15_000 });
      return token;
    },
    "a revoked session": async () => {
      const { token } = await logIn();
      await store.revoke(token);
      return token;
    },
    "a session of a user who is blocked": async () => {
      const { token, session } = await logIn();
      await store.blockUser(present(session.userId), { until: Date.now() + 60_000 });
      return token;
    },
    "a session that was rotated": async () => {
      const { token } = await logIn();
      await store.rotate(token);
      return token;
    },
    "a guest's session": async () => (await store.create({ claims: { cart: [] } })).token,
    "a one-time token": async () => {
      const tokens = createOneTimeTokens(redis, { purpose: "reset", ttl: 60_000, prefix });
      return (await tokens.issue({ subject: "ada" })).token;
    },
    "a JWT": async () => "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.",
    nothing: async () => undefined,
    "an empty string": async () => "",
    "two tokens": async () => [(await logIn()).token, (await logIn()).token],
    "a megabyte": async () => "A".repeat(1024 * 1024),
    "an object": async () => ({ token: (await logIn()).token }),
  };

  it.each(Object.entries(dead))("%s", async (_, make) => {
    const token = await make();
    const options = { clientId: "web", issuer: "https://example.org", claims: () => ({ role: "admin" }) };
    for (const touch of [false, true]) {
      expect(await introspect(store, token, { ...options, touch })).toEqual(INACTIVE);
    }
  });

  it("and takes no round trip where it is no token", async () => {
    sent = 0;
    for (const token of [undefined, "", "A".repeat(70), "x.y.z", 7]) await introspect(store, token);
    expect(sent).toBe(0);
  });

  it("is active and has no subject where guests are", async () => {
    const { token, session } = await store.create({ claims: { cart: ["hat"] } });
    const response = await introspect(store, token, { guests: true, claims: ["cart"] });
    expect(response).toEqual({
      active: true,
      sid: session.id,
      exp: seconds(session.expiresAt),
      iat: seconds(session.createdAt),
      cart: ["hat"],
    });
  });
});

describe("introspection", () => {
  it("is no use of the session by its user, and is where touch says so", async () => {
    const { token, session } = await logIn();
    await vi.waitFor(async () => expect(Number((await redis.time())[0]) * 1000).toBeGreaterThan(session.createdAt), {
      timeout: 15_000,
    });
    await introspect(store, token);
    expect(await store.get(token)).toEqual(session);
    const response = await introspect(store, token, { touch: true });
    const touched = present(await store.get(token));
    expect(touched.lastSeenAt).toBeGreaterThan(session.lastSeenAt);
    expect(response).toMatchObject({ exp: seconds(touched.expiresAt) });
  });

  it("rejects where Redis does not answer: a token that nobody can judge is not inactive", async () => {
    const down = connect({ port: 1, retryStrategy: () => null });
    const { token } = await logIn();
    await expect(introspect(createSessionStore(down, { prefix, timeout: 500 }), token)).rejects.toThrow(
      StoreUnavailableError,
    );
  });

  it.each([
    ["an unknown option", { scope: "x" }, 'introspect: there is no option "scope"'],
    ["claims that are no list", { claims: "role" }, 'claims must be an array of names or a function, got "role"'],
    ["a claim that is no name", { claims: [1] }, "a name in claims must be a string, got 1"],
    ["a client that is no string", { clientId: 1 }, "clientId must be a string, got 1"],
    ["an issuer that is no string", { issuer: null }, "issuer must be a string, got null"],
    ["guests that are no boolean", { guests: 1 }, "guests must be a boolean, got 1"],
    ["a touch that is no boolean", { touch: "no" }, 'touch must be a boolean, got "no"'],
  ])("refuses %s before it asks", async (_, options, message) => {
    const { token } = await logIn();
    sent = 0;
    await expect(introspect(store, token, anything(options))).rejects.toThrow(message);
    await expect(introspect(store, token, anything(options))).rejects.toThrow(TypeError);
    expect(sent).toBe(0);
  });

  it.each([
    ["undefined", undefined],
    ["a Redis client: give what createSessionStore(client) returns", redis],
    ["an object with the store in it: give the store itself", { store }],
  ])("refuses %s in the place of the store", async (got, given) => {
    await expect(introspect(anything(given), "")).rejects.toThrow(
      new TypeError(`The store must be one that createSessionStore made, got ${got}`),
    );
  });

  it.each([null, "role", ["role"], undefined])("refuses %j from the function", async (members) => {
    const { token } = await logIn();
    await expect(introspect(store, token, { claims: () => anything(members) })).rejects.toThrow(
      "What the function in claims returns must be an object",
    );
  });
});
