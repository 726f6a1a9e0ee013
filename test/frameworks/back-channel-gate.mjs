/**
 * Loaded before the program of docs/frameworks/openid-connect.md: stops a log-in between its calls to Redis, where the test tells
 * it to. The test sets the key `gate:<point>`, and reads from the list `gate:reached`; it lets the log-in go on by a push to
 * `gate:go`.
 */
import { createRequire } from "node:module";
import { join } from "node:path";

// The copy of the program.
const { Redis } = createRequire(join(process.cwd(), "server.ts"))("ioredis");
const { set, mget } = Redis.prototype;
let control;

async function pass(point) {
  control ??= new Redis(process.env.REDIS_URL);
  if ((await control.call("GETDEL", `gate:${point}`)) === null) return;
  await control.rpush("gate:reached", point);
  await control.blpop("gate:go", 0);
}

Redis.prototype.set = async function (key, ...rest) {
  const isLogIn = String(key).startsWith("oidc:user:");
  if (isLogIn) await pass("before it remembers");
  const reply = await set.call(this, key, ...rest);
  if (isLogIn) await pass("before its session starts");
  return reply;
};

// Only a log-in asks for several keys: whether the provider has ended its session meanwhile.
Redis.prototype.mget = async function (...keys) {
  await pass("before it looks for the mark");
  const reply = await mget.apply(this, keys);
  await pass("after it has looked for the mark");
  return reply;
};
