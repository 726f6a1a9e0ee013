/**
 * The program with which every tutorial on express-session begins: it counts a browser's views. Of connect-redis only the
 * import was replaced. With REDIS_URL the sessions are there; without it, in ioredis-mock, gone when this stops.
 */
import { randomBytes } from "node:crypto";
import { RedisStore } from "coatcheck/express-session";
import express, { type ErrorRequestHandler } from "express";
import session from "express-session";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";

declare module "express-session" {
  interface SessionData {
    views: number;
    /** One property for each file, so that uploads at the same time do not undo each other. */
    [file: `file:${string}`]: number;
  }
}

const { REDIS_URL, SESSION_SECRET, NODE_ENV, PORT = "3000" } = process.env;
const client = REDIS_URL === undefined ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
client.on("error", (error: Error) => console.error(`redis: ${error.message}`));

const app = express();
app.disable("x-powered-by");
app.use(
  session({
    store: new RedisStore({ client }),
    // Signs the cookies. A random one makes all cookies of an earlier run worthless.
    secret: SESSION_SECRET ?? randomBytes(32).toString("base64url"),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: "lax", secure: NODE_ENV === "production", maxAge: 30 * 60_000 },
  }),
);

// Two requests at once read the same number, and both write it plus one: of these two views one is counted. No store can
// tell that `views` is a sum, and the last writer has it. Where a count must be exact, see docs/migration.md.
app.use((req, _res, next) => {
  req.session.views = (req.session.views ?? 0) + 1;
  next();
});

app.get("/", (req, res) => {
  res.json({ views: req.session.views });
});

// Slow requests that overlap are where stores differ: each of these loads the session when it begins, and saves it when
// the last byte has come.
app.put("/files/:name", async (req, res) => {
  res.write("receiving\n");
  let bytes = 0;
  for await (const chunk of req) bytes += chunk.length;
  req.session[`file:${req.params.name}`] = bytes;
  res.end(`${bytes} bytes\n`);
});
app.get("/files", (req, res) => {
  const files = Object.entries(req.session).filter(([name]) => name.startsWith("file:"));
  res.json(Object.fromEntries(files.map(([name, bytes]) => [name.slice("file:".length), bytes])));
});

app.post("/log-out", (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.clearCookie("connect.sid").sendStatus(204)));
});

const renderError: ErrorRequestHandler = (error, _req, res, next) => {
  // Without Redis nobody knows whether there is a session: 503, and not a new one.
  const { status = 500, message } = error as { status?: number; message: string };
  if (status >= 500) console.error(status === 503 ? message : error);
  if (res.headersSent) next(error);
  else res.sendStatus(status);
};
app.use(renderError);

const server = app.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close(() => client.disconnect());
    server.closeIdleConnections();
  });
}
