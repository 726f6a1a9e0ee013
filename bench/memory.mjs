/**
 * What a session weighs: bytes of `used_memory` for each of 100 000 sessions with the claims of the micro-blog, index
 * included, beside the least that any layout of one hash and one index could take on the same server.
 *
 *   npm run build && node bench/memory.mjs [--redis <url>]
 *
 * The server should be otherwise idle and empty. It writes under a prefix of its own and removes what it wrote.
 */
import { parseArgs } from "node:util";
import { createSessionStore } from "coatcheck";
import { Redis } from "ioredis";
import { ulid } from "ulid";

const { values } = parseArgs({ options: { redis: { type: "string", default: "redis://127.0.0.1:6379" } } });
const SESSIONS = 100_000;
const redis = new Redis(values.redis);
// As long as the default prefix, and not the same.
const prefix = "cc-memory:";
const store = createSessionStore(redis, { prefix });

const usedMemory = async () => Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);

/** Bytes that each of `SESSIONS` calls adds. */
async function weigh(write, clean) {
  const before = await usedMemory();
  for (let from = 0; from < SESSIONS; from += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, i) => write(from + i)));
  }
  const bytes = ((await usedMemory()) - before) / SESSIONS;
  await clean();
  return Math.round(bytes);
}

const later = Date.now() + 1_800_000;
const rows = {};
for (const perUser of [1, 3, 100]) {
  const user = (i) => `user${Math.floor(i / perUser)}`;
  rows[`coatcheck, ${perUser} per user`] = await weigh(
    (i) =>
      store.create({
        userId: user(i),
        claims: { user_name: user(i), email: `${user(i)}@example.com`, role: "member" },
      }),
    async () => {
      for (let i = 0; i < SESSIONS; i += perUser) await store.revokeAllForUser(user(i));
    },
  );
  const ids = new Map();

  rows[`floor: empty record and its index, ${perUser} per user`] = await weigh(
    async (i) => {
      const key = `${prefix}{000}:s:${ulid()}`;
      const index = `${prefix}{000}:u:${user(i)}`;
      ids.set(key, index);
      await redis
        .pipeline()
        .hset(key, "h", 1)
        .pexpireat(key, later)
        .zadd(index, later, key.slice(-26))
        .pexpireat(index, later)
        .exec();
    },
    async () => {
      for (const [key, index] of ids) await redis.unlink(key, index);
    },
  );
}
console.log(/(?:redis|valkey)_version:\S+/.exec(await redis.info("server"))?.[0]);
console.table(rows);
redis.disconnect();
