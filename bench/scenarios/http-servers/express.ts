/** The servers on Express. */
import {
  type CLAIMS,
  cookiesFrom,
  type HttpContender,
  type HttpPlace,
  JWT,
  listening,
  NOBODY,
  OURS,
  openConnectRedis,
  openJwt,
  openNodeRedis,
  openStore,
  REVIVES,
  SECRET,
  USER,
} from "./login.ts";

export const onExpress: readonly HttpContender[] = [
  {
    name: "Express: no authentication",
    framework: "Express",
    ...NOBODY,
    async serve() {
      const { default: express } = await import("express");
      const app = express();
      app.get("/", (_req, res) => void res.json(USER));
      return { port: await listening(app.listen(0, "127.0.0.1")), headers: {} };
    },
  },
  ...OURS.map(
    ({ name, near, facts }): HttpContender => ({
      name: `Express: ${name}`,
      framework: "Express",
      does: `sessions() and requireSession()${near ? "; the store has near" : ""}`,
      ...facts,
      async serve(place) {
        const { default: express } = await import("express");
        const { requireSession, sessions } = await import("coatcheck/express");
        const { store, headers } = await openStore(place, near);
        const app = express();
        app.use(sessions(store as never));
        app.get("/", requireSession(), (req, res) => {
          const { userId, claims } = req.session.require() as unknown as { userId: string; claims: typeof CLAIMS };
          res.json({ userId, ...claims });
        });
        return { port: await listening(app.listen(0, "127.0.0.1")), headers };
      },
    }),
  ),
  {
    name: "Express: JWT (jose HS256)",
    framework: "Express",
    ...JWT,
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
