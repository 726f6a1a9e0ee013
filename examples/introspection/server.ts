/** Starts the application. CALLERS names the services that may ask about tokens: `orders:<secret>,billing:<secret>`. */
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import { buildApp } from "./app.ts";
import { Callers } from "./callers.ts";

const { REDIS_URL = "redis://127.0.0.1:6379", CALLERS = "", PORT = "3000" } = process.env;
const callers = new Callers(CALLERS);
const redis = new Redis(REDIS_URL, { socketTimeout: 5000 });
redis.on("error", (error: Error) => console.error(`redis: ${error.message}`));

const server = buildApp(redis, callers).listen(Number(PORT), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close(() => redis.disconnect());
    server.closeIdleConnections();
  });
}
