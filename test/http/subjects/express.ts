/** The application of the contract on Express. */
import type express from "express";
import { requireSession, sessions } from "../../../src/express.js";
import { type Start, served } from "./served.js";

/** `make`: Express 5 or 4. */
export function startExpress(make: typeof express): Start {
  return async (store, options) => {
    const app = make();
    app.set("env", "production");
    app.use(sessions(store, options));

    const user = (req: express.Request) => ({ user: req.session.current?.userId ?? null });
    const show: express.RequestHandler = (req, res) => void res.json(user(req));
    // Express 4 does not wait for a handler.
    const waits =
      (handle: (req: express.Request, res: express.Response) => Promise<unknown>): express.RequestHandler =>
      (req, res, next) => {
        handle(req, res).catch(next);
      };
    const userOf = (req: express.Request) => ({ userId: String(req.query["user"]) });

    app.get("/", show);
    app.get("/public", (_req, res) => void res.send("public"));
    app.get("/me", requireSession(), show);
    app.get("/admin", requireSession({ where: ({ userId }) => userId === "admin" }), show);
    const pages = make.Router();
    pages.get("/page", requireSession({ redirectTo: "/sign-in" }), show);
    app.use("/app", pages);
    app.post(
      "/login",
      waits(async (req, res) => {
        res.cookie("theme", "dark");
        const transport = req.query["transport"] as "cookie" | "bearer" | undefined;
        res.json({ token: (await req.session.start({ ...userOf(req), transport })).token });
      }),
    );
    app.post(
      "/login/redirect",
      waits(async (req, res) => {
        await req.session.start(userOf(req));
        res.redirect(303, "/me");
      }),
    );
    app.post(
      "/login/stream",
      waits(async (req, res) => {
        await req.session.start(userOf(req));
        res.write("one");
        res.end("two");
      }),
    );
    app.post(
      "/login/late",
      waits(async (req, res) => {
        res.flushHeaders();
        const outcome = req.session.start(userOf(req)).then(
          () => "none",
          (error: Error) => error.name,
        );
        res.end(await outcome);
      }),
    );
    app.post(
      "/logout",
      waits(async (req, res) => res.json({ ended: await req.session.end() })),
    );
    app.post(
      "/rotate",
      waits(async (req, res) => res.json({ rotated: (await req.session.rotate()) !== null })),
    );
    app.get("/boom", () => {
      throw new Error("boom");
    });
    return served(app);
  };
}
