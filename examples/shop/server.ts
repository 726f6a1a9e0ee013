/**
 * Starts the shop. Without REDIS_URL its sessions are in ioredis-mock, and without DATA_DIR its database is in memory: good
 * for a look, gone when it stops. Without WAREHOUSE_URL it makes a key and starts a warehouse of its own.
 */
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { buildApp } from "./app.ts";
import { openDatabase } from "./database.ts";
import type { WarehouseAccess } from "./reservations.ts";
import { startWarehouse } from "./warehouse/process.ts";

const { REDIS_URL, DATA_DIR, WAREHOUSE_URL, SIGNING_KEY, PORT = "3000" } = process.env;
const redis = REDIS_URL === undefined ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
redis.on("error", (error: Error) => console.error(`redis: ${error.message}`));

const { stopWarehouse, ...warehouse } = await findWarehouse();
const db = await openDatabase(DATA_DIR);
// The cookie's `Secure` is for HTTPS, which this local server has not.
const app = await buildApp({ redis, db, warehouse, secure: false, log: process.stderr });
const address = await app.listen({ port: Number(PORT), host: "127.0.0.1" });
console.log(`The shop is at ${address}, its sessions in ${REDIS_URL === undefined ? "ioredis-mock" : "Redis"}.`);
console.log(`It calls the warehouse at ${warehouse.url}.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await app.close();
    redis.disconnect();
    await db.close();
    await stopWarehouse();
  });
}

async function findWarehouse(): Promise<WarehouseAccess & { stopWarehouse(): Promise<void> }> {
  if (WAREHOUSE_URL !== undefined) {
    if (SIGNING_KEY === undefined)
      throw new Error("With WAREHOUSE_URL, set SIGNING_KEY to the shop's private key, as PEM.");
    return { url: WAREHOUSE_URL, signingKey: createPrivateKey(SIGNING_KEY), stopWarehouse: async () => {} };
  }
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { url, stop } = await startWarehouse(publicKey);
  return { url, signingKey: privateKey, stopWarehouse: stop };
}
