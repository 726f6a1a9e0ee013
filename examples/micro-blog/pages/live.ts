/** The event stream of an open page: new posts, a new role, and why the session has ended. */
import { addAbortListener } from "node:events";
import type { WatchEnd } from "coatcheck";
import { requireSession } from "coatcheck/express";
import { Router } from "express";
import type { News } from "../news.ts";
import type { Posts } from "../posts.ts";
import { article } from "./timeline.ts";

/** What the page says of the end of its session. Of the others it says nothing: then the browser connects again. */
const ENDINGS: Partial<Record<WatchEnd, string>> = {
  revoked: "You are logged out on this device.",
  user: "You were logged out from another device.",
  blocked: "A moderator has blocked your account.",
  limit: "You are logged out on this device: you have logged in on too many others.",
  all: "Everybody was logged out.",
  expired: "You are logged out, because you have done nothing for a while.",
  unknown: "You are logged out on this device.",
};

/** Proxies give connections up on which nothing comes. */
const HEARTBEAT = 25_000;

export function livePages(posts: Posts, news: News, log: (error: unknown) => void): Router {
  const router = Router();

  router.get("/live", requireSession(), async (req, res) => {
    const closed = new AbortController();
    res.once("close", () => closed.abort());
    const watch = await req.session.watch({ signal: closed.signal });
    const send = (event: string, data: string) => res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    res.write(": welcome\n\n");

    news.listen((id) => {
      const reader = watch.session?.claims.user_name;
      posts
        .entry(id, reader)
        .then((entry) => entry !== null && !watch.signal.aborted && send("post", article(entry, reader, 1).toString()))
        .catch(log);
    }, closed.signal);
    const role = watch.session?.claims.role;
    watch.on("updated", ({ claims }) => {
      if (claims.role !== role) send("role", `Your role has changed: you are a ${claims.role} now.`);
    });
    const heartbeat = setInterval(() => res.write(": \n\n"), HEARTBEAT);
    addAbortListener(closed.signal, () => clearInterval(heartbeat));
    addAbortListener(watch.signal, () => {
      const text = ENDINGS[(watch.signal.reason as { reason: WatchEnd }).reason];
      if (text !== undefined) send("ended", text);
      res.end();
    });
  });

  return router;
}
