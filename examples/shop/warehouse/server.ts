/** Starts the warehouse. PUBLIC_KEY is the key, as PEM, with which it verifies the shop's tokens: all that it has of the shop. */
import { createPublicKey } from "node:crypto";
import { buildWarehouse } from "./app.ts";

const { PUBLIC_KEY, PORT = "3001" } = process.env;
if (PUBLIC_KEY === undefined) throw new Error("Set PUBLIC_KEY to the public key of the shop, as PEM.");

const app = buildWarehouse({ publicKey: createPublicKey(PUBLIC_KEY) });
const address = await app.listen({ port: Number(PORT), host: "127.0.0.1" });

// A shop that has started it wants to know where it is, and takes it along when it ends.
if (process.argv[2] === "for-a-shop") {
  process.send?.(address);
  process.once("disconnect", () => app.close());
} else {
  console.log(`The warehouse is at ${address}.`);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => app.close());
