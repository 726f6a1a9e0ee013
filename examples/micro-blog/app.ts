/** The application, built on a Redis client: both its sessions and all it knows are there. Listens nowhere. */
import { fileURLToPath } from "node:url";
import { createSessionStore, type SessionStore } from "coatcheck";
import { sessions } from "coatcheck/express";
import express, { type Express, type RequestHandler } from "express";
import type { Redis } from "ioredis";
import { Attempts } from "./attempts.ts";
import type { Claims } from "./claims.ts";
import { Database } from "./database.ts";
import { HttpError } from "./http-error.ts";
import { LogIn } from "./log-in.ts";
import { accountPages } from "./pages/account.ts";
import { devicePages } from "./pages/devices.ts";
import { errorPages } from "./pages/errors.ts";
import { moderationPages } from "./pages/moderation.ts";
import { timelinePages } from "./pages/timeline.ts";
import { Posts } from "./posts.ts";
import { Users } from "./users.ts";

const MINUTE = 60_000;

export interface BlogOptions {
  /** Served over HTTPS, as anything but local development has to be. Default: `true`. */
  readonly secure?: boolean;
  /** How long ago a log-in may be for signing devices out, ms. Default: 15 minutes. */
  readonly freshWithin?: number;
  /** How long a page waits for each answer of Redis, ms. Default: 1 second. */
  readonly timeout?: number;
  /** Where errors go that are nobody's mistake but ours. Default: `console.error`. */
  readonly log?: (error: unknown) => void;
}

export interface Blog {
  readonly app: Express;
  readonly store: SessionStore<Claims>;
  readonly users: Users;
  readonly posts: Posts;
}

export function createBlog(redis: Redis, options: BlogOptions = {}): Blog {
  const { secure = true, freshWithin = 15 * MINUTE, timeout = 1000, log = console.error } = options;
  const store = createSessionStore<Claims>(redis, { maxSessionsPerUser: 50, timeout });
  const database = new Database(redis, timeout);
  const users = new Users(database);
  const posts = new Posts(database);
  const logIn = new LogIn(users, store);
  const attempts = new Attempts(database);

  const app = express();
  app.disable("x-powered-by");
  app.use(headers(secure));
  // Before the sessions: a style sheet needs no look-up.
  app.use(express.static(fileURLToPath(new URL("./public", import.meta.url)), { index: false }));
  app.use(sessions(store, { cookie: { secure } }));
  app.use(noStore);
  app.use(express.urlencoded({ extended: false, limit: "16kb" }));
  app.use(timelinePages(posts));
  app.use(accountPages({ users, logIn, attempts }));
  app.use(devicePages(store, freshWithin));
  app.use(moderationPages({ users, store, logIn }));
  app.use(() => {
    throw new HttpError(404, "There is nothing at this address. It may have moved, or the link has a typo.");
  });
  app.use(errorPages(log));
  return { app, store, users, posts };
}

/** No script runs on these pages, nothing comes from elsewhere, and no other site may frame them. */
function headers(secure: boolean): RequestHandler {
  const policy =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
  return function microBlogHeaders(_req, res, next) {
    res.set({
      "Content-Security-Policy": policy,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
      "Referrer-Policy": "same-origin",
      "X-Content-Type-Options": "nosniff",
      ...(secure && { "Strict-Transport-Security": "max-age=31536000" }),
    });
    next();
  };
}

/** Every page shows who is logged in, the public ones too; so none is kept, and the back button asks again. */
const noStore: RequestHandler = (req, res, next) => {
  if (req.session.current !== null) req.session.require();
  else if (req.method === "GET") res.set("Cache-Control", "no-store");
  next();
};
