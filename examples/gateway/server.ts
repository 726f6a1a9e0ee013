/**
 * Starts the gateway, and behind it the notes on a port of their own. The key is made here and now: with the next start all
 * JWTs are worth nothing. Without REDIS_URL the sessions are in ioredis-mock, inside this process.
 */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { createGateway } from "./gateway.ts";
import { createNotes } from "./notes.ts";

const { REDIS_URL, PORT = "3000" } = process.env;
const redis = REDIS_URL === undefined ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
redis.on("error", (error: Error) => console.error(`redis: ${error.message}`));

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const service = createNotes(publicKey);
const notes = await listen(service, 0);
const { server, store } = createGateway({ redis, signingKey: privateKey, notes });
store.events.on("rejected", ({ reason, id }) =>
  console.log(`a JWT was refused: ${reason} (session ${id ?? "unknown"})`),
);
const gateway = await listen(server, Number(PORT));
console.log(`The gateway is at ${gateway}, its sessions in ${REDIS_URL === undefined ? "ioredis-mock" : "Redis"}.`);
console.log(`The notes are at ${notes}.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const each of [server, service]) {
      each.close();
      each.closeAllConnections();
    }
    redis.disconnect();
  });
}

async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
