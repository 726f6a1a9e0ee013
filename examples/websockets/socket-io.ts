/**
 * The same with socket.io: a socket is told why it ends, and disconnected when its session ends or its user is demoted.
 *
 * Run it with `npx tsx --tsconfig examples/tsconfig.json examples/websockets/socket-io.ts`.
 */
import { addAbortListener } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { SessionStore, Watch } from "coatcheck";
import { createHttpSessions, nodePort } from "coatcheck/http";
import { Server } from "socket.io";
import { type Claims, createSite, HTTP_OPTIONS, run } from "./site.ts";

interface FromClient {
  say: (text: string) => void;
}

interface ToClient {
  said: (text: string) => void;
  ended: (reason: string) => void;
}

export function createChat(store: SessionStore<Claims>): HttpServer {
  const http = createHttpSessions(store, HTTP_OPTIONS);
  const server = createServer(createSite(store));
  const io = new Server<FromClient, ToClient, object, { watch: Watch<Claims> }>(server);
  const moderators = io.of("/moderators");

  for (const room of [io.of("/"), moderators]) {
    const where = room === moderators ? ({ role: "moderator" } as const) : undefined;
    room.use(async (socket, next) => {
      const closed = new AbortController();
      socket.conn.once("close", () => closed.abort());
      try {
        const session = await http.load(nodePort(socket.request));
        session.require({ where });
        socket.data.watch = await session.watch({ signal: closed.signal });
        next();
      } catch (error) {
        next(error as Error);
      }
    });
    room.on("connection", (socket) => {
      const { watch } = socket.data;
      const end = (reason: string) => {
        watch.close();
        socket.emit("ended", reason);
        // A client that the server disconnects does not connect again by itself.
        socket.disconnect(true);
      };
      const check = () => {
        if (where !== undefined && watch.session?.claims.role !== where.role) end("role");
      };
      socket.on("disconnect", () => watch.close());
      socket.on("say", (text) => {
        http.load(nodePort(socket.request)).catch((error) => console.error(error.message));
        room.emit("said", `${watch.session?.userId}: ${text}`);
      });
      addAbortListener(watch.signal, () => end(watch.signal.reason.reason));
      watch.on("updated", check);
      check();
    });
  }
  return server;
}

if (process.argv[1] === import.meta.filename) run(createChat);
