/**
 * What a whole request costs: the same Express handler with no session at all, behind `requireSession`, behind a JWT
 * verified with jose, and behind express-session with connect-redis. Each runs in a process of its own; autocannon asks
 * them in turn, round by round. The ratios are the result.
 *
 *   npm run build && node bench/http.mjs [--redis <url>] [--rounds <n>] [--seconds <n>]
 *
 * It writes under prefixes of its own, which expire by themselves, and never flushes.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import autocannon from "autocannon";

const { values } = parseArgs({
  options: {
    redis: { type: "string", default: "redis://127.0.0.1:6379" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    serve: { type: "string" },
  },
});
const CONNECTIONS = 50;
const USER = { userId: "42", user_name: "ada", email: "ada@example.com", role: "member" };

/** Each gives the headers with which its handler lets a request through. */
const contenders = {
  "no session": async (app) => {
    app.get("/", (_req, res) => res.json(USER));
    return {};
  },

  coatcheck: async (app) => {
    const { createSessionStore } = await import("coatcheck");
    const { requireSession, sessions } = await import("coatcheck/express");
    const { Redis } = await import("ioredis");
    const { userId, ...claims } = USER;
    const store = createSessionStore(new Redis(values.redis), { prefix: "coatcheck-bench:" });
    app.use(sessions(store));
    app.get("/", requireSession(), (req, res) => {
      const { userId, claims } = req.session.current;
      res.json({ userId, ...claims });
    });
    const { token } = await store.create({ userId, claims });
    return { cookie: `__Host-session=${token}` };
  },

  "JWT (jose, HS256)": async (app) => {
    const { jwtVerify, SignJWT } = await import("jose");
    const key = new TextEncoder().encode("a key of at least 256 bits, for a benchmark");
    const { userId, ...claims } = USER;
    const jwt = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(userId)
      .setExpirationTime("1h")
      .sign(key);
    app.get("/", async (req, res) => {
      const { payload } = await jwtVerify(req.headers.authorization.slice("Bearer ".length), key);
      const { sub, user_name, email, role } = payload;
      res.json({ userId: sub, user_name, email, role });
    });
    return { authorization: `Bearer ${jwt}` };
  },

  "express-session + connect-redis": async (app, port) => {
    const { default: session } = await import("express-session");
    const { RedisStore } = await import("connect-redis");
    const { createClient } = await import("redis");
    const client = await createClient({ url: values.redis }).connect();
    const store = new RedisStore({ client, prefix: "connect-redis-bench:", ttl: 3600 });
    app.use(session({ store, secret: "a secret", resave: false, saveUninitialized: false }));
    app.post("/login", (req, res) => {
      req.session.user = USER;
      res.end();
    });
    app.get("/", (req, res) => {
      if (!req.session.user) return res.sendStatus(401);
      res.json(req.session.user);
    });
    return async () => {
      const response = await fetch(`http://127.0.0.1:${port()}/login`, { method: "POST" });
      return { cookie: response.headers.get("set-cookie").split(";")[0] };
    };
  },
};

async function serve(name) {
  const { default: express } = await import("express");
  const app = express();
  let server;
  const headers = await contenders[name](app, () => server.address().port);
  server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const credentials = typeof headers === "function" ? await headers() : headers;
  process.send({ port: server.address().port, headers: credentials });
  process.on("disconnect", () => process.exit());
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

async function main() {
  const names = Object.keys(contenders);
  const servers = {};
  const rounds = Object.fromEntries(names.map((name) => [name, []]));
  try {
    for (const name of names) {
      const child = fork(import.meta.filename, ["--serve", name, "--redis", values.redis], {
        env: { NODE_ENV: "production" },
      });
      const [message] = await once(child, "message");
      servers[name] = { child, ...message };
    }
    for (let round = 0; round <= Number(values.rounds); round++) {
      for (const name of names) {
        const { port, headers } = servers[name];
        const result = await autocannon({
          url: `http://127.0.0.1:${port}/`,
          headers,
          connections: CONNECTIONS,
          duration: round === 0 ? 1 : Number(values.seconds),
        });
        if (result.non2xx > 0 || result.errors > 0)
          throw new Error(`${name}: ${result.non2xx} refused, ${result.errors} errors`);
        if (round > 0) rounds[name].push({ perSecond: result.requests.average, p99: result.latency.p99 });
      }
    }
  } finally {
    for (const { child } of Object.values(servers)) child.disconnect();
  }
  const of = (name, other) => median(rounds[name].map((r, i) => r.perSecond / rounds[other][i].perSecond)).toFixed(2);
  console.log(
    `Node ${process.version}, Express, ${CONNECTIONS} connections, ${values.rounds} rounds of ${values.seconds} s, medians`,
  );
  console.table(
    Object.fromEntries(
      names.map((name) => [
        name,
        {
          "requests/s": Math.round(median(rounds[name].map((r) => r.perSecond))),
          "p99 ms": median(rounds[name].map((r) => r.p99)),
          "of no session": of(name, "no session"),
          "coatcheck is": `${of("coatcheck", name)} ×`,
        },
      ]),
    ),
  );
}

await (values.serve === undefined ? main() : serve(values.serve));
