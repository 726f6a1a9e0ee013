/** The programs in docs/migration.md, run as they stand there, and what the guide says of the switches that they make. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RedisStore as ConnectRedis } from "connect-redis";
import express from "express";
import session from "express-session";
import type { Redis } from "ioredis";
import { SignJWT } from "jose";
import { createClient } from "redis";
import { afterEach, describe, expect, it, vi } from "vitest";
import { dropInScripts } from "../../src/drop-in/scripts/scripts.js";
import { createSessionStore } from "../../src/index.js";
import { Device } from "../examples/client.js";
import { afterFile, connect, keysUnder } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";
import { Gate } from "../http/contract/app.js";

const SECRET = "a secret of both applications, for cookies and for JWTs";
const guide = new MarkdownDocument(new URL("../../docs/migration.md", import.meta.url));
// Inside the project, so that the programs find the packages that they import.
const folder = fileURLToPath(new URL(`../../.cache/programs/migration-${process.pid}`, import.meta.url));
mkdirSync(folder, { recursive: true });
afterFile(() => rmSync(folder, { recursive: true }));

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const store = createSessionStore(redis);
const node = createClient({ url: server.url });
await node.connect();
afterFile(() => node.destroy());

interface Program {
  readonly app: RequestListener;
  readonly redis: Redis;
  readonly users: { find(id: string): Promise<{ role: string } | null> };
  readonly store: { readonly client: Redis; listForUser(userId: string): Promise<object[]> };
  fillIndex(): Promise<number>;
}

/** Runs the one program of the guide in which a text occurs. */
async function run(text: string): Promise<Program> {
  const [block, ...others] = guide.blocks("ts").filter(({ code }) => code.includes(text));
  if (block === undefined || others.length > 0) throw new Error(`Not one program has ${JSON.stringify(text)}`);
  const file = join(folder, `line-${block.line}.ts`);
  writeFileSync(file, block.code);
  vi.stubEnv("REDIS_URL", server.url);
  vi.stubEnv("JWT_SECRET", SECRET);
  vi.stubEnv("SESSION_SECRET", SECRET);
  try {
    return await import(/* @vite-ignore */ file);
  } finally {
    vi.unstubAllEnvs();
  }
}

async function serve(app: RequestListener): Promise<string> {
  const http = createServer(app).listen(0, "127.0.0.1");
  afterFile(() => http.close());
  if (!http.listening) await new Promise((resolve) => http.once("listening", resolve));
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

/** Holds the scripts by which a client writes such keys. */
function holdWrites(client: Redis, prefix: string): Gate {
  const gate = new Gate();
  const evalsha = client.evalsha.bind(client) as (...args: unknown[]) => Promise<unknown>;
  vi.spyOn(client, "evalsha").mockImplementation((async (...args: unknown[]) => {
    const writes = args[0] !== dropInScripts.read.sha && String(args[2]).startsWith(prefix);
    if (writes) await gate.pass();
    return evalsha(...args);
  }) as never);
  return gate;
}

afterEach(async () => {
  vi.restoreAllMocks();
  await redis.flushall();
});

describe("the switch from JWTs", async () => {
  const { app, users, redis: client } = await run("jwtVerify");
  afterFile(() => client.disconnect());
  const base = await serve(app);

  const now = () => Math.floor(Date.now() / 1000);
  interface Wish {
    sub?: string;
    iat?: number;
    /** `null`: never. */
    exp?: number | null;
    aud?: string;
    key?: string;
  }
  function issue({ sub = "ada", iat = now() - 60, exp = now() + 3600, aud = "shop", key = SECRET }: Wish = {}) {
    const jwt = new SignJWT({ role: "admin" }).setProtectedHeader({ alg: "HS256" }).setSubject(sub).setIssuer("shop");
    if (exp !== null) jwt.setExpirationTime(exp);
    return jwt.setAudience(aud).setIssuedAt(iat).setJti(crypto.randomUUID()).sign(utf8(key));
  }
  const utf8 = (text: string) => new TextEncoder().encode(text);
  const sessionsOf = async (userId: string) => (await store.listForUser(userId)).length;

  /** A client that sends a JWT with every request, and keeps no cookies. */
  const holder = (jwt: string) => ({
    get: (path: string) => new Device(base, { authorization: `Bearer ${jwt}` }).get(path),
    post: (path: string) => new Device(base, { authorization: `Bearer ${jwt}` }).post(path),
  });
  /** A browser with a JWT in its cookie. */
  function browser(jwt: string) {
    const device = new Device(base);
    return { device, first: (path: string) => device.get(path, { headers: { cookie: `jwt=${jwt}` } }) };
  }
  const statusOf = async (reply: Promise<{ status: number }>) => (await reply).status;

  it("makes one session of a JWT, with what the database knows of its user", async () => {
    const jwt = await issue();
    const { device, first } = browser(jwt);
    const reply = await first("/me");
    expect([reply.status, reply.body]).toEqual([200, { user: "ada", role: "member" }]);
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(reply.headers.getSetCookie()).toEqual([expect.stringMatching(/^session=.*HttpOnly; SameSite=Lax$/)]);
    expect((await device.get("/me")).body).toEqual({ user: "ada", role: "member" });
    for (let i = 0; i < 3; i++) expect(await statusOf(holder(jwt).get("/me"))).toBe(200);
    expect(await sessionsOf("ada")).toBe(1);
  });

  it("makes one session of eight first requests at once, and gives its cookie to one of them", async () => {
    const gate = new Gate();
    vi.spyOn(users, "find").mockImplementation(async () => {
      await gate.pass();
      return { role: "member" };
    });
    const { get } = holder(await issue());
    const requests = Array.from({ length: 8 }, () => get("/me"));
    await gate.reached(8);
    gate.open();
    const replies = await Promise.all(requests);
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
    const cookies = replies.flatMap(({ headers }) => headers.getSetCookie());
    expect(cookies).toHaveLength(1);
    expect(await sessionsOf("ada")).toBe(1);
    const cookie = cookies[0]?.split(";")[0] ?? "";
    expect(await statusOf(new Device(base, { cookie }).get("/me"))).toBe(200);
  });

  it("takes a JWT no more after its session was logged out", async () => {
    const jwt = await issue();
    const { device, first } = browser(jwt);
    await first("/me");
    expect(await statusOf(device.post("/log-out"))).toBe(204);
    expect(await statusOf(holder(jwt).get("/me"))).toBe(401);
    // The same JWT: the last character of its signature has two bits that do not count.
    const last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const respelled = jwt.slice(0, -1) + last[last.indexOf(jwt.at(-1) as string) ^ 1];
    expect(await statusOf(holder(respelled).get("/me"))).toBe(401);
    expect(await sessionsOf("ada")).toBe(0);
  });

  it("logs out who has a JWT and never had a session", async () => {
    const [jwt, other] = [await issue(), await issue()];
    expect(await statusOf(holder(jwt).post("/log-out"))).toBe(204);
    expect(await statusOf(holder(jwt).get("/me"))).toBe(401);
    expect(await statusOf(holder(other).get("/me"))).toBe(200);
  });

  it("keeps all JWTs of a user out who signs out everywhere, used before or not, and lets the user log in again", async () => {
    const [used, elsewhere, unused] = [await issue(), await issue(), await issue()];
    const others = await issue({ sub: "eve" });
    const { device, first } = browser(used);
    await first("/me");
    await holder(elsewhere).get("/me");
    expect(await statusOf(device.post("/sign-out-everywhere"))).toBe(204);
    const find = vi.spyOn(users, "find");
    for (const jwt of [used, elsewhere, unused]) expect(await statusOf(holder(jwt).get("/me"))).toBe(401);
    expect(find).not.toHaveBeenCalled();
    expect(await statusOf(holder(others).get("/me"))).toBe(200);
    expect(await statusOf(device.post("/log-in", { user: "ada" }))).toBe(200);
    expect(await statusOf(device.get("/me"))).toBe(200);
    // Issued by a process of stage 1, after that.
    expect(await statusOf(holder(await issue({ iat: now() + 2 })).get("/me"))).toBe(200);
  });

  it("lets no JWT through that was becoming a session while its user signed out everywhere", async () => {
    const elsewhere = new Device(base);
    await elsewhere.post("/log-in", { user: "ada" });
    const gate = new Gate();
    vi.spyOn(users, "find").mockImplementation(async () => {
      await gate.pass();
      return { role: "member" };
    });
    const request = holder(await issue()).get("/me");
    await gate.reached();
    expect(await statusOf(elsewhere.post("/sign-out-everywhere"))).toBe(204);
    gate.open();
    expect(await statusOf(request)).toBe(401);
    expect(await sessionsOf("ada")).toBe(0);
  });

  it("makes no session for a blocked user, nor for one whom the database does not know", async () => {
    await store.blockUser("ada");
    expect(await statusOf(holder(await issue()).get("/me"))).toBe(403);
    vi.spyOn(users, "find").mockResolvedValue(null);
    expect(await statusOf(holder(await issue({ sub: "gone" })).get("/me"))).toBe(401);
    expect(await sessionsOf("gone")).toBe(0);
  });

  it.each<[string, () => Promise<string> | string]>([
    ["has expired", () => issue({ exp: now() - 1 })],
    ["never expires", () => issue({ exp: null })],
    ["has another key's signature", () => issue({ key: "another secret, also of some length" })],
    ["is for somebody else", () => issue({ aud: "billing" })],
    ["is not signed", () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"ada"}')}.`],
    ["is none", () => "rubbish"],
  ])("takes no JWT that %s", async (_, make) => {
    expect(await statusOf(holder(await make()).get("/me"))).toBe(401);
    expect(await keysUnder(redis, "")).toEqual([]);
  });

  it("keeps nothing for longer than the JWT or the session lives", async () => {
    const jwt = await issue({ exp: now() + 100 });
    await holder(jwt).get("/me");
    await holder(jwt).post("/sign-out-everywhere");
    const keys = await keysUnder(redis, "old-jwt:");
    const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
    expect(keys).toHaveLength(2);
    for (const ttl of ttls) expect(ttl).toBeGreaterThan(0);
    expect(Math.min(...ttls)).toBeLessThanOrEqual(100_000);
    expect(Math.max(...ttls)).toBeLessThanOrEqual(24 * 60 * 60_000);
  });
});

/** An application of before: express-session with connect-redis 9. */
async function serveOldApp(): Promise<string> {
  const app = express();
  const cookie = { maxAge: 30 * 60_000 };
  const ofBefore = new ConnectRedis({ client: node });
  app.use(session({ store: ofBefore, secret: SECRET, resave: false, saveUninitialized: false, cookie }));
  app.post("/log-in/:user", (req, res) => {
    Object.assign(req.session, { userId: req.params.user, cart: ["umbrella"], passport: { user: req.params.user } });
    res.sendStatus(204);
  });
  return serve(app);
}

describe("filling the index", async () => {
  const { store: indexed, fillIndex } = await run("fillIndex");
  afterFile(() => indexed.client.disconnect());
  const before = await serveOldApp();

  it("finds every session that connect-redis has stored, and lets each live as long as it would have", async () => {
    for (const user of ["ada", "ada", "eve"]) await new Device(before).post(`/log-in/${user}`);
    const keys = await keysUnder(redis, "sess:");
    for (const [at, key] of keys.entries()) await redis.set(key, await aged(key, at));
    expect(await indexed.listForUser("ada")).toEqual([]);
    expect(await fillIndex()).toBe(3);
    expect(await indexed.listForUser("ada")).toHaveLength(2);
    expect(await indexed.listForUser("eve")).toHaveLength(1);
    for (const [at, key] of keys.entries()) {
      const left = await redis.pttl(key);
      expect(left).toBeGreaterThan((20 + at) * 60_000 - 20_000);
      expect(left).toBeLessThanOrEqual((20 + at) * 60_000);
    }
    expect(await fillIndex()).toBe(3);
  });

  /** A session that has 20 minutes to live, and `more`. */
  async function aged(key: string, more: number): Promise<string> {
    const data = JSON.parse((await redis.get(key)) ?? "") as { cookie: { expires: string } };
    data.cookie.expires = new Date(Date.now() + (20 + more) * 60_000).toISOString();
    return JSON.stringify(data);
  }

  it("brings nothing back that ends meanwhile", async () => {
    await new Device(before).post("/log-in/ada");
    const [key = ""] = await keysUnder(redis, "sess:");
    const gate = holdWrites(indexed.client, key);
    const filling = fillIndex();
    await gate.reached();
    await redis.del(key);
    gate.open();
    expect(await filling).toBe(0);
    expect(await keysUnder(redis, "sess:")).toEqual([]);
    expect(await indexed.listForUser("ada")).toEqual([]);
  });
});

describe("the switch from express-session", async () => {
  const { app, redis: client } = await run("createHttpSessions");
  afterFile(() => client.disconnect());
  const [before, base] = [await serveOldApp(), await serve(app)];
  const PAGE = { accept: "text/html,*/*;q=0.8" };
  const sessionsOf = async (userId: string) => (await store.listForUser(userId)).length;

  /** The cookie of a user who logged in before the switch. */
  async function cookieOf(user: string): Promise<string> {
    const device = new Device(before);
    await device.post(`/log-in/${user}`);
    return device.cookie;
  }
  /** Opens a page as a browser does that has this cookie. */
  const openPage = (device: Device, cookie: string) => device.get("/me", { headers: { ...PAGE, cookie } });

  it("moves a user with the next page, and nothing is left of the old session", async () => {
    const cookie = await cookieOf("ada");
    const device = new Device(base);
    const whole = { user: "ada", cart: ["umbrella"], moved: true };
    expect((await device.get("/me", { headers: { cookie } })).body).toEqual({ ...whole, moved: false });
    expect(await sessionsOf("ada")).toBe(0);
    expect((await openPage(device, cookie)).body).toEqual(whole);
    expect(await keysUnder(redis, "sess:")).toEqual([]);
    expect((await device.get("/me")).body).toEqual(whole);
    expect(await sessionsOf("ada")).toBe(1);
    expect((await new Device(base, { cookie }).get("/me")).body).toEqual({ user: null, cart: [], moved: false });
  });

  it("makes one session where several pages are opened at once", async () => {
    const cookie = await cookieOf("ada");
    const gate = holdWrites(client, "sess:");
    const pages = Array.from({ length: 5 }, () => openPage(new Device(base), cookie));
    await gate.reached(5);
    gate.open();
    const replies = await Promise.all(pages);
    for (const { body } of replies) expect(body).toMatchObject({ user: "ada", cart: ["umbrella"] });
    const given = replies
      .flatMap(({ headers }) => headers.getSetCookie())
      .filter((line) => line.startsWith("session="));
    expect(given).toHaveLength(1);
    expect(await sessionsOf("ada")).toBe(1);
    expect(await keysUnder(redis, "sess:")).toEqual([]);
  });

  it("moves nobody whose session ends meanwhile", async () => {
    const cookie = await cookieOf("ada");
    const [key = ""] = await keysUnder(redis, "sess:");
    const gate = holdWrites(client, key);
    const page = openPage(new Device(base), cookie);
    await gate.reached();
    await redis.del(key);
    gate.open();
    expect((await page).headers.getSetCookie()).toEqual([]);
    expect(await sessionsOf("ada")).toBe(0);
  });

  it("ends the old session where its user logs in anew", async () => {
    const cookie = await cookieOf("ada");
    const device = new Device(base);
    await device.send("POST", "/log-in", { json: { user: "eve" }, headers: { cookie } });
    expect((await device.get("/me")).body).toMatchObject({ user: "eve", moved: true });
    expect(await keysUnder(redis, "sess:")).toEqual([]);
  });

  it("logs out of both, and signs out everywhere of both", async () => {
    const [one, two, three] = [await cookieOf("ada"), await cookieOf("ada"), await cookieOf("ada")];
    const moved = new Device(base);
    await openPage(moved, one);
    // What any request with it does: it brings the session into the index.
    await new Device(base, { cookie: three }).get("/me");
    expect((await new Device(base, { cookie: two }).post("/log-out")).status).toBe(204);
    expect((await new Device(base, { cookie: two }).get("/me")).body).toMatchObject({ user: null });
    expect((await moved.post("/sign-out-everywhere")).status).toBe(204);
    expect((await moved.get("/me")).body).toMatchObject({ user: null });
    expect((await new Device(base, { cookie: three }).get("/me")).body).toMatchObject({ user: null });
  });

  it("counts exactly, where express-session counts what was written last", async () => {
    const device = new Device(base);
    await device.post("/log-in", { user: "ada" });
    await Promise.all(Array.from({ length: 20 }, () => device.post("/views")));
    expect((await device.post("/views")).body).toBe(21);
  });
});
