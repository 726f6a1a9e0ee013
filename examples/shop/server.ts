/**
 * Starts the shop. Without REDIS_URL its sessions are in ioredis-mock, and without DATA_DIR its database is in memory: good
 * for a look, gone when it stops.
 */
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { buildApp } from "./app.ts";
import { openDatabase } from "./database.ts";

const { REDIS_URL, DATA_DIR, PORT = "3000" } = process.env;
const redis = REDIS_URL === undefined ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
redis.on("error", (error: Error) => console.error(`redis: ${error.message}`));

const db = await openDatabase(DATA_DIR);
// The cookie's `Secure` is for HTTPS, which this local server has not.
const app = await buildApp({ redis, db, secure: false, log: process.stderr });
const address = await app.listen({ port: Number(PORT), host: "127.0.0.1" });
console.log(`The shop is at ${address}, its sessions in ${REDIS_URL === undefined ? "ioredis-mock" : "Redis"}.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await app.close();
    redis.disconnect();
    await db.close();
  });
}
