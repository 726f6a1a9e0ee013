/** The same handler on three frameworks: open to all, behind a JWT, behind coatcheck, and behind the framework's usual sessions. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Contender } from "../scenario.ts";
import { claimsOf } from "../subject.ts";

export const FRAMEWORKS = ["Express", "Fastify", "Koa"] as const;

interface HttpPlace {
  readonly url: string;
  readonly prefix: string;
}

export interface HttpContender extends Contender {
  readonly framework: (typeof FRAMEWORKS)[number];
  /** Runs in a process of its own. Gives the port, and the headers of a user who has logged in. */
  serve(place: HttpPlace): Promise<{ port: number; headers: Record<string, string> }>;
}

const USER_ID = "user42";
const CLAIMS = claimsOf(USER_ID);
const USER = { userId: USER_ID, ...CLAIMS };
const STATELESS = "revocation: who has logged out goes on until the token expires";
const REVIVES =
  "a request in flight can bring a destroyed session back; no list of a user's sessions, no absolute deadline";
const SECRET = "a secret of at least thirty-two characters";

async function openStore({ url, prefix }: HttpPlace) {
  const { createSessionStore } = await import("coatcheck");
  const { Redis } = await import("ioredis");
  const store = createSessionStore<typeof CLAIMS>(new Redis(url), { prefix });
  const { token } = await store.create({ userId: USER_ID, claims: CLAIMS });
  return { store, headers: { cookie: `__Host-session=${token}` } };
}

/** Signs the user's JWT, and verifies the one in a header. */
async function openJwt() {
  const { generateSecret, jwtVerify, SignJWT } = await import("jose");
  // As bytes it would be imported anew for every request.
  const key = await generateSecret("HS256");
  const jwt = await new SignJWT({ ...CLAIMS })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(USER_ID)
    .setExpirationTime("1h")
    .sign(key);
  const verify = async (authorization = "") => {
    const { payload } = await jwtVerify(authorization.slice("Bearer ".length), key, { algorithms: ["HS256"] });
    const { sub, user_name, email, role } = payload;
    return { userId: sub, user_name, email, role };
  };
  return { verify, headers: { authorization: `Bearer ${jwt}` } };
}

async function openNodeRedis({ url }: HttpPlace) {
  const { createClient } = await import("redis");
  return createClient({ url }).connect();
}

async function openConnectRedis(place: HttpPlace) {
  const { RedisStore } = await import("connect-redis");
  return new RedisStore({ client: await openNodeRedis(place), prefix: place.prefix, ttl: 3600 });
}

async function listening(server: Server): Promise<number> {
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Logs in over HTTP. Gives the cookies that came back. */
async function cookiesFrom(port: number): Promise<Record<string, string>> {
  const response = await fetch(`http://127.0.0.1:${port}/login`, { method: "POST" });
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
  return { cookie: cookies.join("; ") };
}

const onExpress: readonly HttpContender[] = [
  {
    name: "Express: no authentication",
    framework: "Express",
    does: "the handler alone",
    givesUp: "everything",
    async serve() {
      const { default: express } = await import("express");
      const app = express();
      app.get("/", (_req, res) => void res.json(USER));
      return { port: await listening(app.listen(0, "127.0.0.1")), headers: {} };
    },
  },
  {
    name: "Express: coatcheck",
    framework: "Express",
    does: "sessions() and requireSession()",
    ours: true,
    async serve(place) {
      const { default: express } = await import("express");
      const { requireSession, sessions } = await import("coatcheck/express");
      const { store, headers } = await openStore(place);
      const app = express();
      app.use(sessions(store as never));
      app.get("/", requireSession(), (req, res) => {
        const { userId, claims } = req.session.require() as unknown as { userId: string; claims: typeof CLAIMS };
        res.json({ userId, ...claims });
      });
      return { port: await listening(app.listen(0, "127.0.0.1")), headers };
    },
  },
  {
    name: "Express: JWT (jose HS256)",
    framework: "Express",
    does: "jwtVerify of a bearer token",
    givesUp: STATELESS,
    async serve() {
      const { default: express } = await import("express");
      const { verify, headers } = await openJwt();
      const app = express();
      app.get("/", async (req, res) => void res.json(await verify(req.headers.authorization)));
      return { port: await listening(app.listen(0, "127.0.0.1")), headers };
    },
  },
  expressSession(
    {
      name: "Express: express-session + connect-redis",
      does: "express-session with resave: false, saveUninitialized: false; connect-redis 9 on node-redis",
      givesUp: REVIVES,
    },
    openConnectRedis,
  ),
  expressSession(
    {
      name: "Express: express-session + coatcheck",
      does: "the same with our drop-in store, on the same client",
      ours: true,
    },
    async (place) => {
      const { RedisStore } = await import("coatcheck/express-session");
      return new RedisStore({ client: (await openNodeRedis(place)) as never, prefix: place.prefix, ttl: 3600 });
    },
  ),
];

/** express-session with a store that is opened for it. */
function expressSession(
  facts: Omit<HttpContender, "framework" | "serve">,
  open: (place: HttpPlace) => Promise<object>,
): HttpContender {
  return {
    ...facts,
    framework: "Express",
    async serve(place) {
      const { default: express } = await import("express");
      const { default: session } = await import("express-session");
      const store = (await open(place)) as import("express-session").Store;
      const app = express();
      app.use(session({ store, secret: SECRET, resave: false, saveUninitialized: false }));
      app.post("/login", (req, res) => {
        Object.assign(req.session, { user: USER });
        res.end();
      });
      app.get("/", (req, res) => {
        const { user } = req.session as unknown as { user?: typeof USER };
        if (user) res.json(user);
        else res.sendStatus(401);
      });
      const port = await listening(app.listen(0, "127.0.0.1"));
      return { port, headers: await cookiesFrom(port) };
    },
  };
}

const onFastify: readonly HttpContender[] = [
  {
    name: "Fastify: no authentication",
    framework: "Fastify",
    does: "the handler alone",
    givesUp: "everything",
    async serve() {
      const { default: Fastify } = await import("fastify");
      const app = Fastify();
      app.get("/", async () => USER);
      return { port: await portOf(app), headers: {} };
    },
  },
  {
    name: "Fastify: coatcheck",
    framework: "Fastify",
    does: "the sessions plugin and requireSession()",
    ours: true,
    async serve(place) {
      const { default: Fastify } = await import("fastify");
      const { requireSession, sessions } = await import("coatcheck/fastify");
      const { store, headers } = await openStore(place);
      const app = Fastify();
      await app.register(sessions, { store: store as never });
      app.get("/", { preHandler: requireSession() }, async (request) => {
        const { userId, claims } = request.session.require() as unknown as { userId: string; claims: typeof CLAIMS };
        return { userId, ...claims };
      });
      return { port: await portOf(app), headers };
    },
  },
  {
    name: "Fastify: JWT (jose HS256)",
    framework: "Fastify",
    does: "jwtVerify of a bearer token",
    givesUp: STATELESS,
    async serve() {
      const { default: Fastify } = await import("fastify");
      const { verify, headers } = await openJwt();
      const app = Fastify();
      app.get("/", async (request) => verify(request.headers.authorization));
      return { port: await portOf(app), headers };
    },
  },
  {
    name: "Fastify: @fastify/session + connect-redis",
    framework: "Fastify",
    does: "@fastify/session as it comes: rolling, so every request writes",
    givesUp: REVIVES,
    async serve(place) {
      const { default: Fastify } = await import("fastify");
      const { default: cookie } = await import("@fastify/cookie");
      const { default: session } = await import("@fastify/session");
      const store = await openConnectRedis(place);
      const app = Fastify();
      await app.register(cookie);
      await app.register(session, {
        secret: SECRET,
        store: store as never,
        saveUninitialized: false,
        cookie: { secure: false },
      });
      app.post("/login", async (request) => {
        Object.assign(request.session, { user: USER });
        return "";
      });
      app.get("/", async (request, reply) => {
        const { user } = request.session as unknown as { user?: typeof USER };
        return user ?? reply.code(401).send();
      });
      const port = await portOf(app);
      return { port, headers: await cookiesFrom(port) };
    },
  },
];

async function portOf(app: { listen(options: object): Promise<string> }): Promise<number> {
  return Number(new URL(await app.listen({ port: 0, host: "127.0.0.1" })).port);
}

const onKoa: readonly HttpContender[] = [
  {
    name: "Koa: no authentication",
    framework: "Koa",
    does: "the handler alone",
    givesUp: "everything",
    async serve() {
      const { default: Koa } = await import("koa");
      const app = new Koa();
      app.use((ctx) => {
        ctx.body = USER;
      });
      return { port: await listening(app.listen(0, "127.0.0.1")), headers: {} };
    },
  },
  {
    name: "Koa: coatcheck",
    framework: "Koa",
    does: "sessions() and requireSession()",
    ours: true,
    async serve(place) {
      const { default: Koa } = await import("koa");
      const { requireSession, sessions } = await import("coatcheck/koa");
      const { store, headers } = await openStore(place);
      const app = new Koa();
      app.use(sessions(store as never));
      app.use(requireSession() as never);
      app.use((ctx) => {
        const { userId, claims } = ctx["session"].require() as unknown as { userId: string; claims: typeof CLAIMS };
        ctx.body = { userId, ...claims };
      });
      return { port: await listening(app.listen(0, "127.0.0.1")), headers };
    },
  },
  {
    name: "Koa: JWT (jose HS256)",
    framework: "Koa",
    does: "jwtVerify of a bearer token",
    givesUp: STATELESS,
    async serve() {
      const { default: Koa } = await import("koa");
      const { verify, headers } = await openJwt();
      const app = new Koa();
      app.use(async (ctx) => {
        ctx.body = await verify(ctx.get("authorization"));
      });
      return { port: await listening(app.listen(0, "127.0.0.1")), headers };
    },
  },
  {
    name: "Koa: koa-session + koa-redis",
    framework: "Koa",
    does: "koa-session as it comes, its store on ioredis 4",
    givesUp: REVIVES,
    async serve({ url, prefix }) {
      const { default: Koa } = await import("koa");
      const { createSession } = await import("koa-session");
      const { default: koaRedis } = await import("koa-redis");
      const app = new Koa();
      app.keys = [SECRET];
      app.use(createSession({ store: koaRedis({ url } as never), prefix } as never, app as never) as never);
      app.use((ctx) => {
        const session = ctx["session"] as { user?: typeof USER };
        if (ctx.method === "POST") {
          session.user = USER;
          ctx.body = "";
        } else if (session.user) ctx.body = session.user;
        else ctx.status = 401;
      });
      const port = await listening(app.listen(0, "127.0.0.1"));
      return { port, headers: await cookiesFrom(port) };
    },
  },
];

export const HTTP_CONTENDERS: readonly HttpContender[] = [...onExpress, ...onFastify, ...onKoa];
