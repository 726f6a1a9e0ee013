/** docs/frameworks/openid-connect.md: its application and a real provider, each a process of its own, and a browser between them. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { Recipe, type Running } from "./recipe.js";

/** `undefined` leaves a claim out that is usually there. */
type Claims = { [name: string]: unknown };

const EVENTS = { "http://schemas.openid.net/event/backchannel-logout": {} };
const redisServer = await startRedisServer();
afterFile(() => redisServer.stop());
const redis = connect({ port: redisServer.port });
/** Waits for the log-ins that stand at a gate. */
const waiting = connect({ port: redisServer.port });
const store = createSessionStore(redis, { timeout: 10_000 });

/** A port that was free a moment ago: the provider and the application must know each other's before they start. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Keeps the cookies of one host, as a browser does whatever the port is, and follows redirects. */
class Visitor {
  readonly #cookies = new Map<string, string>();

  /** One request, without what it redirects to. */
  async send(url: string | URL, form?: Record<string, string>): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const body = form === undefined ? null : new URLSearchParams(form);
    const headers = {
      cookie,
      accept: "text/html",
      "sec-fetch-site": form === undefined ? "cross-site" : "same-origin",
    };
    const response = await fetch(url, { method: body === null ? "GET" : "POST", headers, body, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (value === "" || /expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  /** Follows redirects up to a page, or up to an address that begins with `until`, which is not opened. */
  async open(url: string, form?: Record<string, string>, until?: string): Promise<{ url: string; page: Response }> {
    let at = url;
    let page = await this.send(at, form);
    for (let hops = 0; page.status >= 300 && page.status < 400 && hops < 10; hops++) {
      at = new URL(page.headers.get("location") ?? "", at).href;
      if (until !== undefined && at.startsWith(until)) break;
      page = await this.send(at);
    }
    return { url: at, page };
  }
}

describe("the recipe for OpenID Connect", () => {
  let recipe: Recipe;
  let provider: Running;
  let app: Running;
  let sign: (claims: Claims, typ?: string) => Promise<string>;
  let forge: typeof sign;

  beforeAll(async () => {
    recipe = await Recipe.install("openid-connect");
    const keys = await generateKeyPair("RS256", { extractable: true });
    const others = await generateKeyPair("RS256");
    const JWKS = JSON.stringify({
      keys: [{ ...(await exportJWK(keys.privateKey)), kid: "1", alg: "RS256", use: "sig" }],
    });
    const [appPort, providerPort] = [await freePort(), await freePort()];
    const APP_URL = `http://localhost:${appPort}`;
    const tsx = ["--import", "tsx"];
    provider = await recipe.start({ APP_URL, JWKS, PORT: `${providerPort}` }, [...tsx, "provider.ts"]);
    const env = { APP_URL, PORT: `${appPort}`, ISSUER: provider.url, REDIS_URL: redisServer.url };
    const gate = ["--import", new URL("back-channel-gate.mjs", import.meta.url).href];
    app = await recipe.start(env, [...tsx, ...gate, "server.ts"]);
    const now = () => Math.floor(Date.now() / 1000);
    const signer = (key: typeof keys.privateKey) => (claims: Claims, typ?: string) => {
      const usual = {
        iss: provider.url,
        aud: "app",
        iat: now(),
        exp: now() + 60,
        jti: crypto.randomUUID(),
        events: EVENTS,
      };
      const given = Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== undefined);
      const header = { alg: "RS256", kid: "1", ...(typ === undefined ? {} : { typ }) };
      return new SignJWT(Object.fromEntries(given)).setProtectedHeader(header).sign(key);
    };
    [sign, forge] = [signer(keys.privateKey), signer(others.privateKey)];
  });

  /** Logs in at the provider and in the application, up to `until`. */
  async function logIn(user: string, visitor = new Visitor(), until?: string) {
    let { url, page } = await visitor.open(`${app.url}/log-in`, undefined, until);
    // The pages of the provider: who are you, and may the application know it.
    for (const form of [{ prompt: "login", login: user, password: "x" }, { prompt: "consent" }]) {
      if (!url.startsWith(`${provider.url}/interaction/`)) break;
      ({ url, page } = await visitor.open(url, form, until));
    }
    return { visitor, url, page };
  }
  const me = async (visitor: Visitor) => (await visitor.send(`${app.url}/me`)).status;
  const tell = (token: string) =>
    fetch(`${app.url}/back-channel-log-out`, { method: "POST", body: new URLSearchParams({ logout_token: token }) });
  const sidsOf = async (user: string) => (await store.listForUser(user)).map(({ claims }) => String(claims["sid"]));

  it("compiles, and its page shows what is in it", async () => {
    expect(recipe.strayCode()).toEqual([]);
    expect(await recipe.typeCheck()).toBe("");
  });

  it("logs in by way of the provider, and out", async () => {
    const stranger = new Visitor();
    expect(await me(stranger)).toBe(401);
    const { visitor, url, page } = await logIn("ada");
    expect([url, page.status, await page.json()]).toEqual([`${app.url}/me`, 200, { user: "ada" }]);
    const [session] = await store.listForUser("ada");
    expect(session?.claims).toEqual({ sid: expect.any(String) });
    const out = await visitor.send(`${app.url}/log-out`, {});
    expect([out.status, out.headers.get("location")]).toEqual([303, `${provider.url}/session/end?client_id=app`]);
    expect([await me(visitor), await store.listForUser("ada")]).toEqual([401, []]);
  });

  it("ends a session when its user logs out at the provider, and not that of another browser", async () => {
    const [laptop, phone] = [await logIn("bea"), await logIn("bea")];
    expect(await Promise.all([me(laptop.visitor), me(phone.visitor)])).toEqual([200, 200]);
    const form = await (await laptop.visitor.send(`${provider.url}/session/end?client_id=app`)).text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(form)?.[1] ?? "";
    await laptop.visitor.open(`${provider.url}/session/end/confirm`, { xsrf, logout: "yes" });
    expect(await Promise.all([me(laptop.visitor), me(phone.visitor)])).toEqual([401, 200]);
  });

  it("finds the session by the provider's sid alone", async () => {
    const { visitor } = await logIn("cleo");
    const [sid] = await sidsOf("cleo");
    const [session] = await store.listForUser("cleo");
    expect((await tell(await sign({ sid, sub: undefined }, "logout+jwt"))).status).toBe(200);
    expect(await me(visitor)).toBe(401);
    expect(await store.find(session?.id ?? "")).toBeNull();
  });

  it("ends all sessions of a user that a logout token names without a session, and is not told twice", async () => {
    const [one, two, other] = [await logIn("dora"), await logIn("dora"), await logIn("eve")];
    // As if it had been on its way for a moment: the log-in below is later.
    const token = await sign({ sub: "dora", iat: Math.floor(Date.now() / 1000) - 5 });
    const answer = await tell(token);
    expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"]);
    expect(await Promise.all([one, two, other].map(({ visitor }) => me(visitor)))).toEqual([401, 401, 200]);
    const again = await logIn("dora");
    expect((await tell(token)).status).toBe(400);
    expect(await me(again.visitor)).toBe(200);
  });

  it("refuses a log-in whose session at the provider has ended while it was under way", async () => {
    // Stands before the callback: the provider has logged the user in, the application has not.
    const late = await logIn("fay", new Visitor(), `${app.url}/callback`);
    expect(late.url.startsWith(`${app.url}/callback?code=`)).toBe(true);
    expect((await tell(await sign({ sub: "fay", iat: Math.floor(Date.now() / 1000) + 5 }))).status).toBe(200);
    expect((await late.visitor.send(late.url)).status).toBe(401);
    expect([await me(late.visitor), await store.listForUser("fay")]).toEqual([401, []]);

    // The same by the sid: the browser comes again with a session of the provider that has ended.
    const { visitor } = await logIn("gina");
    const [sid = ""] = await sidsOf("gina");
    expect((await tell(await sign({ sid, sub: "gina" }))).status).toBe(200);
    expect((await logIn("gina", visitor)).page.status).toBe(401);
    expect(await store.listForUser("gina")).toEqual([]);
  });

  // `sees`: the log-in sees the mark of the logout token, and answers 401. Otherwise it is over, and its session ends.
  const MOMENTS = [
    { moment: "before it remembers", sees: true },
    { moment: "before its session starts", sees: true },
    { moment: "before it looks for the mark", sees: true },
    { moment: "after it has looked for the mark", sees: false },
  ];
  describe.each(MOMENTS)("a log-out at the provider while the callback runs, $moment", ({ moment, sees }) => {
    it.each(["sid and sub", "sid", "sub"])("leaves no session, by a logout token with %s", async (names) => {
      const user = `kim ${moment} ${names}`.replaceAll(" ", "-");
      // A browser that has logged out here alone comes again with the same session of the provider.
      const { visitor } = await logIn(user);
      const [sid] = await sidsOf(user);
      await visitor.send(`${app.url}/log-out`, {});
      const { url } = await logIn(user, visitor, `${app.url}/callback`);

      await redis.set(`gate:${moment}`, "1");
      const callback = visitor.send(url);
      expect(await waiting.blpop("gate:reached", 30)).toEqual(["gate:reached", moment]);
      const claims = { "sid and sub": { sid, sub: user }, sid: { sid, sub: undefined }, sub: { sub: user } }[names];
      expect((await tell(await sign(claims ?? {}))).status).toBe(200);
      await redis.rpush("gate:go", "1");
      const answer = await callback;
      expect([answer.status, answer.headers.get("location")]).toEqual(sees ? [401, null] : [303, "/me"]);
      expect([await me(visitor), await store.listForUser(user)]).toEqual([401, []]);
    });
  });

  it("answers 503 while Redis does not answer, and the provider may send the same token again", async () => {
    const { visitor } = await logIn("jo");
    const [sid] = await sidsOf("jo");
    const token = await sign({ sid, sub: "jo" });
    const before = app.output().length;
    redisServer.freeze();
    try {
      const [told, asked] = await Promise.all([tell(token), visitor.send(`${app.url}/me`)]);
      for (const { status, headers } of [told, asked])
        expect([status, headers.get("retry-after"), headers.getSetCookie()]).toEqual([503, "1", []]);
      expect(told.headers.get("cache-control")).toBe("no-store");
    } finally {
      redisServer.thaw();
    }
    expect(app.output().slice(before)).not.toContain(token);
    await expect.poll(() => me(visitor)).toBe(200);
    expect((await tell(token)).status).toBe(200);
    expect(await me(visitor)).toBe(401);
  });

  it("believes no logout token that is none, and ends nothing then", async () => {
    const { visitor } = await logIn("hedy");
    const [sid] = await sidsOf("hedy");
    const both = { sid, sub: "hedy" };
    const past = Math.floor(Date.now() / 1000) - 3600;
    const wrong: Record<string, string> = {
      "signed by another": await forge(both),
      "of another issuer": await sign({ ...both, iss: "https://other.example" }),
      "for another application": await sign({ ...both, aud: "other" }),
      "too old": await sign({ ...both, iat: past, exp: past + 7200 }),
      expired: await sign({ ...both, exp: past }),
      "without exp": await sign({ ...both, exp: undefined }),
      "without iat": await sign({ ...both, iat: undefined }),
      "without jti": await sign({ ...both, jti: undefined }),
      "without events": await sign({ ...both, events: undefined }),
      "of another event": await sign({ ...both, events: { "https://other.example": {} } }),
      "with a nonce": await sign({ ...both, nonce: "x" }),
      "of another type": await sign(both, "at+jwt"),
      "of nobody": await sign({}),
      rubbish: "rubbish",
      empty: "",
    };
    for (const [what, token] of Object.entries(wrong)) {
      const answer = await tell(token);
      expect([what, answer.status, await answer.json()]).toMatchObject([what, 400, { error: "invalid_request" }]);
    }
    expect(await me(visitor)).toBe(200);
    expect((await tell(await sign(both))).status).toBe(200);
    expect(await me(visitor)).toBe(401);
  });

  it("refuses an answer of the provider that this browser has not asked for", async () => {
    const { url } = await logIn("ida", new Visitor(), `${app.url}/callback`);
    const victim = new Visitor();
    await victim.open(`${app.url}/log-in`, undefined, `${provider.url}/interaction/`);
    expect((await victim.send(url)).status).toBe(401);
    expect([await me(victim), await store.listForUser("ida")]).toEqual([401, []]);
  });

  it("prints no stack for what clients and the provider do wrong", () => {
    const errors = app
      .output()
      .split(/^(?=\w*Error)/m)
      .filter((text) => /^\s+at /m.test(text));
    // Those of the Redis that did not answer.
    expect(errors.filter((text) => !text.startsWith("StoreUnavailableError"))).toEqual([]);
  });
});
