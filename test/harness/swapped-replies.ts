/** A client that mixes replies up: it gives two scripts the replies of each other. */
import type { Redis } from "ioredis";
import { passThrough } from "./pass-through.js";

/**
 * The client, but the first two scripts that are sent through it get the replies of each other; of those that `isMeant` says. Both
 * have run when the first one is answered.
 */
export function swappingReplies(client: Redis, isMeant: (sha: string) => boolean = () => true): Redis {
  const replies: Promise<unknown>[] = [];
  let second = (_: Promise<unknown>) => {};
  const other = new Promise<unknown>((resolve) => {
    second = resolve;
  });
  return passThrough(client, {
    evalsha(sha: string, keys: number, ...args: (string | number)[]) {
      const reply = client.evalsha(sha, keys, ...args);
      if (!isMeant(sha) || replies.length === 2) return reply;
      replies.push(reply);
      if (replies.length === 1) return other;
      second(reply);
      return replies[0];
    },
  }) as unknown as Redis;
}
