/**
 * Starts the API with one admin, whose password is ADMIN_PASSWORD, or is made up and printed. Without REDIS_URL everything
 * is in ioredis-mock, inside this process: good for a look, gone when it stops.
 */
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { buildApp } from "./app.ts";

const { REDIS_URL, BEHIND_PROXY, ADMIN_PASSWORD = randomBytes(9).toString("base64url"), PORT = "3000" } = process.env;
const redis = REDIS_URL === undefined ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
redis.on("error", (error: Error) => console.error(`redis: ${error.message}`));

const { app, api } = buildApp({ redis, behindProxy: BEHIND_PROXY !== undefined });
if (await api.users.add("admin", ADMIN_PASSWORD)) {
  await api.users.setRole("admin", "admin");
  if (process.env["ADMIN_PASSWORD"] === undefined) console.log(`The password of "admin" is ${ADMIN_PASSWORD}`);
}

const server = app.listen(Number(PORT), "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  const place = REDIS_URL === undefined ? "ioredis-mock" : "Redis";
  console.log(`The API is at http://127.0.0.1:${port}, its sessions in ${place}.`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close(() => redis.disconnect());
    server.closeIdleConnections();
  });
}
