/**
 * The endpoint of examples/introspection, and what RFC 7662 asks of one: in section 2, and against the attacks of its
 * section 4.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createSessionStore } from "coatcheck";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { buildApp } from "../../examples/introspection/app.ts";
import { Callers } from "../../examples/introspection/callers.ts";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

const SECRETS = { orders: "of-the-orders-service-0123456789", billing: "of-the-billing-service-012345678" };
const callers = new Callers(`orders:${SECRETS.orders},billing:${SECRETS.billing},search:${"s".repeat(32)}`);

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const store = createSessionStore(redis);

/** Serves the application on a free port. */
async function serve(client: typeof redis): Promise<string> {
  const http = buildApp(client, callers).listen(0, "127.0.0.1");
  afterFile(() => http.close());
  await once(http, "listening");
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}
const base = await serve(redis);

const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
const ORDERS = basic("orders", SECRETS.orders);
const form = (fields: Record<string, string>) => new URLSearchParams(fields);
const post = (body: RequestInit["body"], authorization?: string, headers: Record<string, string> = {}) =>
  fetch(`${base}/introspect`, {
    method: "POST",
    body: body ?? null,
    headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
  });
const ask = async (token: string, authorization = ORDERS) => (await post(form({ token }), authorization)).json();

async function logIn(user = "ada"): Promise<string> {
  const response = await fetch(`${base}/log-in`, { method: "POST", body: form({ user }) });
  return ((await response.json()) as { token: string }).token;
}

/** How many scripts Redis ran meanwhile. */
async function lookups(act: () => Promise<unknown>): Promise<number> {
  const { evalsha = 0, eval: evaluated = 0 } = await commandsDuring(redis, act);
  return evalsha + evaluated;
}

describe("the endpoint", () => {
  it("tells a service what it may know of a token, as JSON that nobody stores", async () => {
    const token = await logIn();
    const response = await post(form({ token, token_type_hint: "access_token" }), ORDERS);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const known = { active: true, sub: "ada", sid: token.slice(0, 26), client_id: "web" };
    const times = { exp: expect.any(Number), iat: expect.any(Number) };
    expect(await response.json()).toEqual({ ...known, ...times, role: "member" });
    expect(await ask(token, basic("billing", SECRETS.billing))).toEqual({ ...known, ...times, plan: "free" });
    expect(await ask(token, basic("search", "s".repeat(32)))).toEqual({ ...known, ...times });
  });

  it("answers the next question after a log-out with active: false, and nothing more", async () => {
    const token = await logIn();
    expect(await ask(token)).toMatchObject({ active: true });
    const loggedOut = await fetch(`${base}/log-out`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
    expect(await loggedOut.json()).toBe(true);
    const response = await post(form({ token }), ORDERS);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"active":false}');
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("tells at once of a changed role, and of a user who is blocked", async () => {
    const token = await logIn("eve");
    await store.updateClaimsForUser("eve", { role: "admin" });
    expect(await ask(token)).toMatchObject({ role: "admin" });
    await store.blockUser("eve", { until: Date.now() + 60_000 });
    expect(await ask(token)).toEqual({ active: false });
  });

  it("takes one lookup for a question", async () => {
    const token = await logIn();
    await ask(token);
    expect(await lookups(() => ask(token))).toBe(1);
  });
});

// RFC 7662, 4: against token scanning, callers must authenticate; section 2.1.
describe("a caller that cannot prove who it is", () => {
  const wrong: Record<string, string | undefined> = {
    "without credentials": undefined,
    "with a wrong secret": basic("orders", SECRETS.billing),
    "with the beginning of the secret": basic("orders", SECRETS.orders.slice(0, -1)),
    "with the secret and more": basic("orders", `${SECRETS.orders}:`),
    "with an empty secret": basic("orders", ""),
    "with an id that nobody has": basic("nobody", SECRETS.orders),
    "with the name of a property of all objects": basic("__proto__", ""),
    "without a colon": `Basic ${Buffer.from("orders").toString("base64")}`,
    "with rubbish": "Basic %%%",
    "with the right credentials in another scheme": ORDERS.replace("Basic", "Bearer"),
  };

  it.each(Object.entries(wrong))("%s is told nothing, and Redis is not asked", async (_, authorization) => {
    const token = await logIn();
    const response: Response[] = [];
    const asked = await lookups(async () => response.push(await post(form({ token }), authorization)));
    expect(asked).toBe(0);
    expect(response[0]?.status).toBe(401);
    expect(response[0]?.headers.get("www-authenticate")).toBe('Basic realm="introspection"');
    expect(response[0]?.headers.get("cache-control")).toBe("no-store");
    expect(await response[0]?.json()).toEqual({ error: "invalid_client" });
  });

  it("with the token that it asks about as its own credential is told nothing", async () => {
    const token = await logIn();
    expect((await post(form({ token }), `Bearer ${token}`)).status).toBe(401);
  });
});

// RFC 7662, 4: tokens in query parameters leak into logs, so only POST is served, and only its body read.
describe("a token in the URL", () => {
  it.each(["GET", "HEAD", "PUT", "DELETE"])("is not looked at, by %s", async (method) => {
    const token = await logIn();
    const asked = await lookups(async () => {
      const response = await fetch(`${base}/introspect?token=${token}`, { method, headers: { authorization: ORDERS } });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toBe("POST");
    });
    expect(asked).toBe(0);
  });

  it("is not looked at, by POST", async () => {
    const token = await logIn();
    const headers = { authorization: ORDERS, "content-type": "application/x-www-form-urlencoded" };
    const response = await fetch(`${base}/introspect?token=${token}`, { method: "POST", headers });
    expect(response.status).toBe(400);
  });
});

describe("a request that asks nothing", () => {
  it.each<[string, RequestInit["body"], Record<string, string>]>([
    ["without a body", null, {}],
    ["without a token", form({ token_type_hint: "access_token" }), {}],
    ["with two tokens", new URLSearchParams("token=a&token=b"), {}],
    ["with JSON", JSON.stringify({ token: "a" }), { "content-type": "application/json" }],
  ])("is refused %s", async (_, body, headers) => {
    const response = await post(body, ORDERS, headers);
    expect([response.status, await response.json()]).toEqual([400, { error: "invalid_request" }]);
  });

  it("is refused where it is too large", async () => {
    const response = await post(form({ token: "A".repeat(5000) }), ORDERS);
    expect(response.status).toBe(413);
  });
});

// RFC 7662, 4: a service can be flooded with made-up tokens, and passes them on.
describe("made-up tokens", () => {
  it("cost no lookup where they have not the form of one", async () => {
    const asked = await lookups(async () => {
      for (const token of ["", "x", "A".repeat(70), "eyJhbGciOiJub25lIn0.e30."]) {
        expect(await ask(token)).toEqual({ active: false });
      }
    });
    expect(asked).toBe(0);
  });
});

describe("without Redis", () => {
  it("nobody is told that a token is inactive", async () => {
    const lost = await serve(connect({ port: 1, retryStrategy: () => null }));
    const complain = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => complain.mockRestore());
    const body = form({ token: await logIn() });
    const response = await fetch(`${lost}/introspect`, { method: "POST", body, headers: { authorization: ORDERS } });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toEqual({ error: "temporarily_unavailable" });
    expect(complain).toHaveBeenCalledOnce();
  });
});

describe("the setting of callers", () => {
  it.each([
    ["nothing", ""],
    ["no secret", "orders"],
    ["a short secret", `orders:${"a".repeat(31)}`],
    ["an id twice", `orders:${"a".repeat(32)},orders:${"b".repeat(32)}`],
    ["a character that has another encoding in forms", `orders:${"a".repeat(32)}+`],
    ["a comma at its end", `orders:${"a".repeat(32)},`],
  ])("is refused with %s, and is not repeated in the error", (_, setting) => {
    expect(() => new Callers(setting)).toThrow(/^CALLERS must be "id:secret,…", each id once, /);
    expect(() => new Callers(setting)).not.toThrow(/aaaa/);
  });
});
