/**
 * Starts the micro-blog. With REDIS_URL everything is kept there; without it, in ioredis-mock, inside this process: good
 * for a look, gone when it stops.
 */
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { createBlog } from "./app.ts";
import { type Mailer, Outbox, Sendmail } from "./mail.ts";
import type { Posts } from "./posts.ts";
import type { Users } from "./users.ts";

const { REDIS_URL, PORT = "3000", NODE_ENV, ORIGIN, SENDMAIL, MAIL_FROM = "" } = process.env;
const isEmbedded = REDIS_URL === undefined;
const isProduction = NODE_ENV === "production";
if (isProduction && (ORIGIN === undefined || SENDMAIL === undefined)) {
  // Without them, everybody would read everybody's mail on a page, and its links would lead to this machine.
  throw new Error(
    "In production, set ORIGIN to the blog's own, such as https://blog.example, and SENDMAIL and MAIL_FROM.",
  );
}
if (ORIGIN !== undefined && new URL(ORIGIN).origin !== ORIGIN) {
  throw new Error(`ORIGIN must be an origin alone, such as https://blog.example, not ${JSON.stringify(ORIGIN)}`);
}
const mailer: Mailer = SENDMAIL === undefined ? new Outbox() : new Sendmail(SENDMAIL, MAIL_FROM);
// A frozen server would otherwise hold every request for ever.
const redis = isEmbedded ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
redis.on("error", (error: Error) => console.error(`redis: ${error.message}`));

/** Accounts to begin with. On a Redis that may be reached by others, their passwords are random, and on no page. */
const secret = (demo: string) => (isEmbedded ? demo : randomBytes(12).toString("base64url"));
const ACCOUNTS = [
  { name: "mia", role: "moderator", password: secret("mia-keeps-order") },
  { name: "max", role: "member", password: secret("max-likes-coats") },
] as const;

// Browsers send a Secure cookie over HTTPS alone, and a developer's machine has none.
const { app, store, users, posts, dispatch } = createBlog(redis, {
  ...{ secure: isProduction, mailer, origin },
  ...(isEmbedded && { demo: ACCOUNTS }),
});
store.events.on("revoked", ({ id, userId, reason }) => console.log(`session ${id} of ${userId} ended: ${reason}`));

if ((await users.count()) === 0) await seed(users, posts);

const server = app.listen(Number(PORT), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(`micro-blog on ${address()}`);
  if (mailer instanceof Outbox) console.log(`It sends no mail: what it would send is to be read at ${address()}/mail`);
});

function address(): string {
  const place = server.address();
  return `http://127.0.0.1:${typeof place === "object" ? place?.port : PORT}`;
}

/** What links in mails begin with. */
function origin(): string {
  return ORIGIN ?? address();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await store.close();
    server.close();
    server.closeAllConnections();
    await dispatch.settled();
    redis.disconnect();
  });
}

async function seed(users: Users, posts: Posts): Promise<void> {
  for (const { name, role, password } of ACCOUNTS) {
    const email = `${name}@example.com`;
    await users.create({ name, email, password, role });
    await users.verifyEmail(name, email);
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
