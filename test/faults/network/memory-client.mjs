/**
 * An application under a steady load, in a process of its own, so that what grows in it is the library's or its client's. It
 * uses the built package on a client with that client's defaults. memory.test.ts starts it and asks for its figures.
 */
import { createSessionStore } from "coatcheck";
import { queuedIn } from "../queued.mjs";

const [module, port, perSecond] = process.argv.slice(2);
const { Redis, createClient } = await import(module);
const redis =
  createClient === undefined
    ? new Redis({ host: "127.0.0.1", port: Number(port) })
    : createClient({ socket: { host: "127.0.0.1", port: Number(port) } });
redis.on("error", () => {});
if (createClient !== undefined) await redis.connect();
const store = createSessionStore(redis);
// A process that has just begun may be slow.
const { token } = await createSessionStore(redis, { timeout: 20_000 }).create({
  userId: "ada",
  claims: { role: "reader" },
});

const errors = {};
let [calls, settled, failed] = [0, 0, 0];
let lastFailure = 0;

function call() {
  calls++;
  store.touch(token).then(
    () => settled++,
    (error) => {
      settled++;
      failed++;
      lastFailure = Date.now();
      const code = error.code ?? String(error);
      errors[code] = (errors[code] ?? 0) + 1;
    },
  );
}

const begun = performance.now();
const load = setInterval(() => {
  // A process that was held up makes up for it, but not at one go: the load is so many calls a second.
  const due = ((performance.now() - begun) / 1000) * Number(perSecond);
  for (let most = 50; calls < due && most > 0; most--) call();
}, 5);

process.on("message", (order) => {
  if (order === "end") clearInterval(load);
  global.gc();
  global.gc();
  process.send({
    heap: process.memoryUsage().heapUsed,
    queued: queuedIn(redis),
    calls,
    settled,
    failed,
    errors,
    lastFailure,
  });
});
process.on("disconnect", () => process.exit());
process.send("ready");
