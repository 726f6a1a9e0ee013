/**
 * Server-sent events with Express: a stream of news that says why it ends, when its session does.
 *
 * Run it with `npx tsx --tsconfig examples/tsconfig.json examples/websockets/event-stream.ts`.
 */
import { addAbortListener } from "node:events";
import { createServer, type Server } from "node:http";
import type { SessionStore } from "coatcheck";
import { requireSession } from "coatcheck/express";
import { type Claims, createSite, run } from "./site.ts";

export function createNews(store: SessionStore<Claims>): Server {
  const site = createSite(store);

  site.get("/news", requireSession(), async ({ session }, res) => {
    const closed = new AbortController();
    res.once("close", () => closed.abort());
    const watch = await session.watch({ signal: closed.signal });
    const send = (event: string, data: unknown) => res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    send("claims", watch.session?.claims);
    watch.on("updated", ({ claims }) => send("claims", claims));
    addAbortListener(watch.signal, () => {
      // The browser connects again when a stream ends, and gets a 401, after which it stops.
      send("ended", watch.signal.reason.reason);
      res.end();
    });
  });
  return createServer(site);
}

if (process.argv[1] === import.meta.filename) run(createNews);
