/** An application with a near cache in a process of its own, which a test freezes, or whose memory it looks through. */
import { appendFileSync } from "node:fs";
import { writeHeapSnapshot } from "node:v8";
import { Redis } from "ioredis";
import { createSessionStore } from "../../../src/index.js";

/** What the test asks for; each order has one answer. */
export type Order =
  /** Makes sessions, takes them into memory, and leaves their tokens in a file alone. Answers with how many memory has. */
  | { readonly kind: "fill"; readonly count: number; readonly file: string }
  /** Writes everything that the process has in its heap into a file. */
  | { readonly kind: "snapshot"; readonly file: string }
  /** Looks a session up in memory, every ms from now on. Answers when it is there. */
  | { readonly kind: "serve"; readonly token: string }
  /** Answers with when memory has answered last, epoch ms, and how often it was asked. */
  | { readonly kind: "look" };

const [port, prefix, lease] = process.argv.slice(2);
const redis = new Redis({ host: "127.0.0.1", port: Number(port) });
redis.on("error", () => {});
const store = createSessionStore(redis, { prefix: prefix ?? "", near: { lease: Number(lease), maxEntries: 10_000 } });
let [servedAt, asked] = [0, 0];

async function untilServing(): Promise<void> {
  while (store.near.state !== "serving") {
    store.peek("");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function obey(order: Order): Promise<number | readonly number[]> {
  await untilServing();
  switch (order.kind) {
    case "fill":
      for (let n = 0; n < order.count; n++) {
        const { token } = await store.create({ userId: `user ${n}` });
        await store.touch(token);
        if (store.peek(token) === undefined) throw new Error("Memory does not have it.");
        appendFileSync(order.file, `${token}\n`);
      }
      return store.near.stats.size;
    case "snapshot":
      // What is garbage already is not in the snapshot.
      await new Promise((resolve) => setTimeout(resolve, 500));
      writeHeapSnapshot(order.file);
      return 0;
    case "serve":
      await store.touch(order.token);
      setInterval(() => {
        asked++;
        if (store.peek(order.token) !== undefined) servedAt = Date.now();
      }, 1);
      return 0;
    case "look":
      return [servedAt, asked];
  }
}

process.on("message", (order: Order) => {
  if (order.kind === "look") process.send?.([servedAt, asked]);
  else obey(order).then((answer) => process.send?.(answer));
});
process.send?.("ready");
