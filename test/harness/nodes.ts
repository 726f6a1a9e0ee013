/** What is waited for in a group of servers: that a node answers, and that they come to agree. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";

/** Whether a node answers at once; one that was killed or frozen on purpose does not. */
export async function answers(admin: Redis): Promise<boolean> {
  const silence = sleep(1000, false, { ref: false });
  return admin.status === "ready" && (await Promise.race([admin.ping().then(() => true), silence]));
}

/** Gives a function that waits until something holds of `who`, looks every `pause` ms, and throws after `patience` ms. */
export function waitingFor(who: string, { pause, patience }: { readonly pause: number; readonly patience: number }) {
  return async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const end = Date.now() + patience;
    while (!(await holds())) {
      if (Date.now() > end) throw new Error(`${who} did not ${what} within ${patience} ms.`);
      await sleep(pause);
    }
  };
}
