/**
 * Starts the micro-blog. With REDIS_URL everything is kept there; without it, in ioredis-mock, inside this process: good
 * for a look, gone when it stops.
 */
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { createBlog } from "./app.ts";
import type { Posts } from "./posts.ts";
import type { Users } from "./users.ts";

const { REDIS_URL, PORT = "3000", NODE_ENV } = process.env;
const isEmbedded = REDIS_URL === undefined;
// A frozen server would otherwise hold every request for ever.
const redis = isEmbedded ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
redis.on("error", (error: Error) => console.error(`redis: ${error.message}`));

// Browsers send a Secure cookie over HTTPS alone, and a developer's machine has none.
const { app, store, users, posts } = createBlog(redis, { secure: NODE_ENV === "production" });
store.events.on("revoked", ({ id, userId, reason }) => console.log(`session ${id} of ${userId} ended: ${reason}`));

if ((await users.count()) === 0) await seed(users, posts);

const server = app.listen(Number(PORT), "127.0.0.1", (error) => {
  if (error) throw error;
  const address = server.address();
  console.log(`micro-blog on http://127.0.0.1:${typeof address === "object" ? address?.port : PORT}`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
    redis.disconnect();
  });
}

/** Two accounts to begin with. On a Redis that may be reached by others, their passwords are random. */
async function seed(users: Users, posts: Posts): Promise<void> {
  const secret = (demo: string) => (isEmbedded ? demo : randomBytes(12).toString("base64url"));
  const accounts = [
    { name: "mia", role: "moderator", password: secret("mia-keeps-order") },
    { name: "max", role: "member", password: secret("max-likes-coats") },
  ] as const;
  for (const { name, role, password } of accounts) {
    await users.create({ name, email: `${name}@example.com`, password, role });
    console.log(`Log in as ${name} (${role}) with the password ${password}`);
  }
  const first = await posts.write(
    "mia",
    "Hello! I keep order here. Log in as max in another browser, and I will show you.",
  );
  await posts.like(first, "max", true);
  await posts.write(
    "max",
    "A coat check hands you a ticket that means nothing without the cloakroom.\n\nGuess what a session token is.",
  );
}
