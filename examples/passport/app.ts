/** A log-in with Passport on express-session, whose sessions coatcheck keeps, and "sign out everywhere". */
import { createHash, timingSafeEqual } from "node:crypto";
import { RedisStore, type RedisStoreOptions } from "coatcheck/express-session";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import session from "express-session";
import { Passport } from "passport";
import { Strategy as LocalStrategy } from "passport-local";
import type { User as Account, Users } from "./users.ts";

declare global {
  namespace Express {
    // Passport's own name for what is on `req.user`.
    interface User extends Account {}
  }
}

declare module "express-session" {
  interface SessionData {
    /** Where Passport keeps what `serializeUser` gave it. */
    passport: { user?: string };
    device: string;
    visits: number;
  }
}

const digest = (text: string) => createHash("sha256").update(text).digest();

export interface Settings {
  readonly client: RedisStoreOptions["client"];
  readonly users: Users;
  /** Signs the cookies. */
  readonly secret: string;
  /** What an administrator sends as a bearer token. */
  readonly adminKey: string;
  /** Whether the cookie is for HTTPS alone. */
  readonly secure: boolean;
}

export function buildApp({ client, users, secret, adminKey, secure }: Settings): express.Express {
  const store = new RedisStore<Partial<session.SessionData>>({
    client,
    // This is all that it takes to find every session of a user.
    userId: (data) => data.passport?.user,
  });

  const passport = new Passport();
  passport.use(
    new LocalStrategy({ usernameField: "name" }, (name, password, done) => {
      users.authenticate(name, password).then((user) => done(null, user ?? false), done);
    }),
  );
  passport.serializeUser((user, done) => done(null, user.id));
  // Called with each request. An account that was deleted or blocked meanwhile: nobody is logged in.
  passport.deserializeUser((id: string, done) => done(null, users.find(id)));

  const app = express();
  app.disable("x-powered-by");
  app.use(express.json({ limit: "4kb" }));
  app.use(
    session({
      store,
      secret,
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: "lax", secure, maxAge: 12 * 60 * 60_000 },
    }),
  );
  app.use(passport.session());

  app.get("/", (req, res) => {
    req.session.visits = (req.session.visits ?? 0) + 1;
    res.json({ visits: req.session.visits, user: req.user?.name ?? null });
  });

  // On success Passport ends the session that came with the request and starts another, under a new id: whoever had planted
  // the old one in this browser holds nothing.
  app.post("/log-in", passport.authenticate("local"), (req, res) => {
    req.session.device = req.get("User-Agent") ?? "unknown";
    res.json({ user: req.user?.name });
  });
  app.post("/log-out", (req, res, next) => {
    req.logout((error) => (error ? next(error) : res.sendStatus(204)));
  });

  const requireUser: RequestHandler = (req, res, next) => {
    if (req.isAuthenticated()) next();
    else res.sendStatus(401);
  };
  const userIdOf = (req: express.Request) => (req.user as Account).id;

  app.get("/devices", requireUser, async (req, res) => {
    const sessions = await store.listForUser(userIdOf(req));
    // The id of a session is half of its cookie: it stays here.
    res.json(sessions.map(({ id, device }) => ({ device, current: id === req.sessionID })));
  });
  app.post("/sign-out-everywhere-else", requireUser, async (req, res) => {
    res.json({ ended: await store.destroyAllForUser(userIdOf(req), { except: req.sessionID }) });
  });
  // This request has loaded one of the sessions that end here, and saves it when it answers. Nothing comes back.
  app.post("/sign-out-everywhere", requireUser, async (req, res) => {
    res.json({ ended: await store.destroyAllForUser(userIdOf(req)) });
  });

  const requireAdministrator: RequestHandler = (req, res, next) => {
    if (timingSafeEqual(digest(req.get("Authorization") ?? ""), digest(`Bearer ${adminKey}`))) next();
    else res.sendStatus(401);
  };

  // For an administrator: the block first, so that a log-in at the same time is refused or ended.
  app.post("/block/:name", requireAdministrator, async (req, res) => {
    const id = users.block(String(req.params["name"]));
    res.json({ ended: id === null ? 0 : await store.destroyAllForUser(id) });
  });

  const renderError: ErrorRequestHandler = (error, _req, res, next) => {
    // Without Redis nobody knows who is logged in: 503, and not 401.
    const { status = 500, message } = error as { status?: number; message: string };
    if (status >= 500) console.error(status === 503 ? message : error);
    if (res.headersSent) next(error);
    else res.sendStatus(status);
  };
  app.use(renderError);
  return app;
}
