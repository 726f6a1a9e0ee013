/**
 * A chat over the package ws, with a room for moderators. A socket ends when its session does, and leaves the room when its user
 * is demoted.
 *
 * Run it with `npx tsx --tsconfig examples/tsconfig.json examples/websockets/ws.ts`.
 */
import { addAbortListener } from "node:events";
import { createServer, type Server } from "node:http";
import { isSessionError, type SessionStore, type Watch } from "coatcheck";
import { createHttpSessions, nodePort } from "coatcheck/http";
import { type WebSocket, WebSocketServer } from "ws";
import { type Claims, createSite, HTTP_OPTIONS, run } from "./site.ts";

export function createChat(store: SessionStore<Claims>): Server {
  const http = createHttpSessions(store, HTTP_OPTIONS);
  const server = createServer(createSite(store));
  const sockets = new WebSocketServer({ noServer: true });

  server.on("upgrade", async (request, socket, head) => {
    const closed = new AbortController();
    socket.on("error", () => socket.destroy()).once("close", () => closed.abort());
    try {
      // Refuses pages of other sites too, which could open a socket with the user's cookie.
      const session = await http.load(nodePort(request));
      const room = request.url === "/moderators" ? { where: { role: "moderator" } as const } : {};
      session.require(room);
      const watch = await session.watch({ signal: closed.signal });
      sockets.handleUpgrade(request, socket, head, (client) => {
        keepWithin(client, watch, room);
        client.on("message", (text) => {
          // A client that takes its time to close could still send.
          if (client.readyState !== client.OPEN) return;
          // What the user does keeps the session alive, as a request would.
          http.load(nodePort(request)).catch((error) => console.error(error.message));
          for (const other of sockets.clients) other.send(`${watch.session?.userId}: ${text}`);
        });
        client.send("welcome");
      });
    } catch (error) {
      const status = isSessionError(error) ? error.status : 500;
      socket.end(`HTTP/1.1 ${status ?? 500} Refused\r\nConnection: close\r\n\r\n`);
    }
  });
  return server;
}

/** Closes a socket when its session ends, or when the session no longer has the claims that the room asks for. */
function keepWithin(client: WebSocket, watch: Watch<Claims>, { where }: { where?: Partial<Claims> }): void {
  // Calls the listener also for a session that has ended already. Codes from 4000 on are the application's own.
  addAbortListener(watch.signal, () => client.close(4401, watch.signal.reason.reason));
  const check = () => {
    if (where !== undefined && watch.session?.claims.role !== where.role) client.close(4403, "role");
  };
  watch.on("updated", check);
  // The claims may have changed since the room was asked for.
  check();
}

if (process.argv[1] === import.meta.filename) run(createChat);
