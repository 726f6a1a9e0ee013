/**
 * `npm run example -- <name>` starts one of the examples from source: no build, and a Redis of its own for an example that
 * needs one and gets no REDIS_URL. `npm start` starts the micro-blog so.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath, pathToFileURL } from "node:url";
import { closest, distance } from "fastest-levenshtein";
import { register } from "tsx/esm/api";
import "./lua-as-text.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What `npm run example` says of each. */
const EXAMPLES = {
  first: "Express: the fifteen lines of the README",
  express: "Express: the application of docs/getting-started.md, with roles and a log-in page",
  hono: "Hono: the same on Web standards",
  fetch: "no framework: Request in, Response out",
  demo: "node:http: two devices, a role, a log-out from afar, a block",
  "micro-blog": "Express: sign-up, posts, your devices, and a moderator who blocks users",
  shop: "Fastify and PostgreSQL: a guest's cart survives the log-in",
  "shop/warehouse": "the shop's second service, which its README starts beside it",
  "websockets/ws": "ws: a chat whose sockets close with their sessions",
  "websockets/socket-io": "socket.io: the same",
  "websockets/event-stream": "node:http: server-sent events that end with the session",
  metrics: "Express: what Prometheus reads of sessions",
  api: "Koa: bearer tokens, rate limits, lists of allowed addresses",
  gateway: "node:http: the JWT's signature first, then Redis",
  introspection: "Express: what a token stands for, for services in other languages",
  "express-session": "express-session on the drop-in store",
  passport: "Passport on the drop-in store",
};

/** These cannot do without a server; all others have a Redis of their own, in memory. */
const NEED_REDIS = ["express", "fetch", "first", "hono", "introspection", "metrics"];
/** What an example must be told, for a look at it. */
const SETTINGS = {
  introspection: { CALLERS: "orders:a-secret-of-the-orders-service-only" },
};

/** What was probably meant. */
function hint(wrong) {
  const nearest = closest(wrong, Object.keys(EXAMPLES));
  return distance(wrong, nearest) <= 2 ? ` (did you mean ${nearest}?)` : "";
}

/** Ends with a sentence instead of a stack. */
function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

function explain(error) {
  if (error?.code === "EADDRINUSE") {
    const taken = error.port ?? process.env["PORT"] ?? 3000;
    fail(
      `Port ${taken} is taken by another program. Choose another one: PORT=${Number(taken) + 1} npm run example -- ${name}`,
    );
  }
  console.error(error);
  process.exit(1);
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** Starts a Redis that ends with this process and keeps nothing. Returns its address. */
async function startRedis() {
  const port = await freePort();
  const settings = [
    "--port",
    port,
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--maxmemory-policy",
    "noeviction",
  ];
  const server = spawn("redis-server", settings.map(String), { stdio: "ignore" });
  server.once("error", () =>
    fail("This example needs a Redis: set REDIS_URL, or install redis-server (Debian: apt-get install redis-server)."),
  );
  server.once("exit", (code) => fail(`The redis-server of the example has ended (${code}).`));
  process.once("exit", () => server.kill());
  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ]) {
    process.once(signal, () => {
      // Ctrl-C reaches the server too, and it may be the first to end.
      server.removeAllListeners("exit");
      process.exit(status);
    });
  }
  const url = `redis://127.0.0.1:${port}`;
  console.log(`Without REDIS_URL: a redis-server of its own, which keeps nothing, on ${url}`);
  return url;
}

const [name, ...rest] = process.argv.slice(2);
if (name === undefined || name === "--help" || !Object.hasOwn(EXAMPLES, name) || rest.length > 0) {
  const width = Math.max(...Object.keys(EXAMPLES).map(({ length }) => length)) + 2;
  const about = Object.entries(EXAMPLES).map(([one, text]) => `  ${one.padEnd(width)}${text}`);
  const usage = `npm run example -- <name>, where <name> is one of these:\n${about.join("\n")}`;
  if (name === undefined || name === "--help") {
    console.log(usage);
    process.exit(0);
  }
  const tooMuch = `It takes one name and nothing else, and not "${rest[0]}". The port is in the environment: PORT=3001.`;
  fail(`${rest.length > 0 ? tooMuch : `There is no example "${name}"${hint(name)}.`}\n${usage}`);
}

process.once("uncaughtException", explain);
for (const [variable, value] of Object.entries(SETTINGS[name] ?? {})) process.env[variable] ??= value;
if (NEED_REDIS.includes(name)) process.env["REDIS_URL"] ??= await startRedis();
register({ tsconfig: `${root}/tsconfig.json` });
const file = [`${name}/server.ts`, `${name}.ts`]
  .map((path) => `${root}examples/${path}`)
  .find((path) => existsSync(path));
// Some programs are also imported by tests: they start only if they are the program that was called.
process.argv[1] = file;
await import(pathToFileURL(file).href).catch(explain);
