/** The application, built on a Redis client: both its sessions and all it knows are there. Listens nowhere. */
import { fileURLToPath } from "node:url";
import { createSessionStore, type SessionStore } from "coatcheck";
import { sessions } from "coatcheck/express";
import { createOneTimeTokens } from "coatcheck/one-time";
import express, { type Express, type RequestHandler } from "express";
import type { Redis } from "ioredis";
import { Attempts } from "./attempts.ts";
import type { Claims } from "./claims.ts";
import { Database } from "./database.ts";
import { EmailVerification } from "./email-verification.ts";
import { HttpError } from "./http-error.ts";
import { LogIn } from "./log-in.ts";
import { Dispatch, type Mailer, Outbox } from "./mail.ts";
import { News } from "./news.ts";
import { accountPages, type DemoAccount } from "./pages/account.ts";
import { devicePages } from "./pages/devices.ts";
import { errorPages } from "./pages/errors.ts";
import { livePages } from "./pages/live.ts";
import { moderationPages } from "./pages/moderation.ts";
import { outboxPage } from "./pages/outbox.ts";
import { passwordPages } from "./pages/password.ts";
import { timelinePages } from "./pages/timeline.ts";
import { verificationPages } from "./pages/verification.ts";
import { PasswordReset } from "./password-reset.ts";
import { Posts } from "./posts.ts";
import { Users } from "./users.ts";

const MINUTE = 60_000;

export interface BlogOptions {
  /** How mails leave. An `Outbox` sends none, and has a page on which everybody reads them. */
  readonly mailer: Mailer;
  /**
   * Where the blog is, such as `https://blog.example`: what links in mails begin with. Never the `Host` of a request, or
   * whoever sends one decides where the links of others lead. A function where it is known only when the blog listens.
   */
  readonly origin: string | (() => string);
  /** Served over HTTPS, as anything but local development has to be. Default: `true`. */
  readonly secure?: boolean;
  /** Accounts that everybody may try: the log-in page names them with their passwords. Default: none. */
  readonly demo?: readonly DemoAccount[];
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
  /** What is being mailed just now. */
  readonly dispatch: Dispatch;
}

export function createBlog(redis: Redis, options: BlogOptions): Blog {
  const { mailer, origin, secure = true, freshWithin = 15 * MINUTE, timeout = 1000, log = console.error } = options;
  const store = createSessionStore<Claims>(redis, { maxSessionsPerUser: 50, endings: 24 * 60 * MINUTE, timeout });
  const database = new Database(redis, timeout);
  const users = new Users(database);
  const news = new News(redis);
  const posts = new Posts(database);
  const linkTo = (page: string) => (token: string) => {
    return `${typeof origin === "string" ? origin : origin()}/${page}?token=${token}`;
  };
  const reset = new PasswordReset({
    ...{ users, store, linkTo: linkTo("reset") },
    // OWASP ASVS 5.0, 6.5.5: ten minutes at most.
    tokens: createOneTimeTokens<null>(redis, { purpose: "password-reset", ttl: 10 * MINUTE, timeout }),
  });
  const logIn = new LogIn(users, store, reset);
  const verification = new EmailVerification({
    ...{ logIn, linkTo: linkTo("verify") },
    tokens: createOneTimeTokens<{ email: string }>(redis, { purpose: "verify-email", ttl: 24 * 60 * MINUTE, timeout }),
  });
  const dispatch = new Dispatch(mailer, log);
  const attempts = new Attempts(database);

  const app = express();
  app.disable("x-powered-by");
  app.use(headers(secure));
  // Before the sessions: a style sheet needs no look-up.
  app.use(express.static(fileURLToPath(new URL("./public", import.meta.url)), { index: false }));
  // An open page that only listens is no sign of its user.
  app.use(sessions(store, { cookie: { secure }, slide: ({ url }) => url !== "/live" }));
  app.use(noStore);
  app.use(express.urlencoded({ extended: false, limit: "16kb" }));
  app.use(timelinePages(posts));
  app.use(livePages(posts, news, log));
  app.use(accountPages({ users, logIn, attempts, verification, dispatch }));
  app.use(passwordPages({ reset, attempts, dispatch }));
  app.use(verificationPages({ verification, dispatch }));
  app.use(devicePages(store, freshWithin));
  app.use(moderationPages({ users, store, logIn }));
  app.locals["demo"] = options.demo ?? [];
  if (mailer instanceof Outbox) {
    app.locals["hasOutbox"] = true;
    app.use(outboxPage(mailer));
  }
  app.use(() => {
    throw new HttpError(404, "There is nothing at this address. It may have moved, or the link has a typo.");
  });
  app.use(errorPages(log));
  return { app, store, users, posts, dispatch };
}

/** No script but our own runs on these pages, nothing comes from elsewhere, and no other site may frame them. */
function headers(secure: boolean): RequestHandler {
  const policy =
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
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
