/** Starts the warehouse in a process of its own, for a shop that was given none. */
import { fork } from "node:child_process";
import type { KeyObject } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface WarehouseProcess {
  readonly url: string;
  stop(): Promise<void>;
}

/** It gets the public key, and none of the shop's secrets. */
export async function startWarehouse(publicKey: KeyObject): Promise<WarehouseProcess> {
  const { REDIS_URL: _redis, DATA_DIR: _data, SIGNING_KEY: _key, ...env } = process.env;
  const PUBLIC_KEY = publicKey.export({ type: "spki", format: "pem" }).toString();
  const child = fork(fileURLToPath(new URL("./server.ts", import.meta.url)), ["for-a-shop"], {
    env: { ...env, PUBLIC_KEY, PORT: "0" },
  });
  const ended = once(child, "exit");
  const failed = ended.then(([code]) => {
    throw new Error(`The warehouse ended at once, with ${code}`);
  });
  const [url] = (await Promise.race([once(child, "message"), failed])) as [string];
  // It has started, so its end is no failure to start any more: from here on calls to it fail, and say so.
  failed.catch(() => {});
  return {
    url,
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
