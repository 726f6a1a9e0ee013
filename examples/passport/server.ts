/** Starts the application. With REDIS_URL the sessions are there; without it, in ioredis-mock, gone when this stops. */
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { buildApp } from "./app.ts";
import { Users } from "./users.ts";

const { REDIS_URL, SESSION_SECRET, ADMIN_KEY, NODE_ENV, PORT = "3000" } = process.env;
const isEmbedded = REDIS_URL === undefined;
const client = isEmbedded ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
client.on("error", (error: Error) => console.error(`redis: ${error.message}`));

const users = new Users();
for (const [name, demo] of Object.entries({ ada: "ada-counts-in-lace", max: "max-likes-coats" })) {
  // On a Redis that others may reach, nobody should know the passwords beforehand.
  const password = isEmbedded ? demo : randomBytes(12).toString("base64url");
  await users.add(name, password);
  console.log(`Log in as ${name} with the password ${password}`);
}

// A random secret makes all cookies of an earlier run worthless; and so do these users, who are new each time.
const secret = SESSION_SECRET ?? randomBytes(32).toString("base64url");
const adminKey = ADMIN_KEY ?? randomBytes(32).toString("base64url");
const app = buildApp({ client, users, secret, adminKey, secure: NODE_ENV === "production" });
const server = app.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close(() => client.disconnect());
    server.closeIdleConnections();
  });
}
