/** The programs for sockets and streams, each on ioredis-mock and on Redis: they end with the session, and say why. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createSessionStore, type SessionStore, type Watch } from "coatcheck";
import RedisMock from "ioredis-mock";
import { describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { createNews } from "../../examples/websockets/event-stream.js";
import type { Claims } from "../../examples/websockets/site.js";
import * as socketIo from "../../examples/websockets/socket-io.js";
import * as ws from "../../examples/websockets/ws.js";
import type { Watcher } from "../../src/sessions/watching/watch.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { steadyMockClock } from "../harness/mock-clock.js";
import { Device } from "./client.js";

steadyMockClock();

/** What a client of one of the programs sees. */
interface Connected {
  readonly heard: string[];
  /** Resolves to why it has ended. */
  readonly ended: Promise<string>;
  say?(text: string): void;
  leave(): void;
}

/** Opens a connection; rejects if it is refused. `moderators`: to their room. */
type Open = (url: string, cookie: string, room?: "moderators") => Promise<Connected>;

const openSocket: Open = async (url, cookie, room) => {
  const socket = new WebSocket(`${url.replace("http", "ws")}/${room ?? ""}`, { headers: { cookie } });
  const heard: string[] = [];
  socket.on("message", (text) => heard.push(String(text)));
  const ended = once(socket, "close").then(([code, reason]) => {
    expect([4401, 4403]).toContain(code);
    return String(reason);
  });
  ended.catch(() => {});
  await once(socket, "open");
  return { heard, ended, say: (text) => socket.send(text), leave: () => socket.terminate() };
};

/** As much of the protocols of socket.io (5) and engine.io (4) as this needs. */
const openSocketIo: Open = async (url, cookie, room) => {
  const namespace = room === undefined ? "" : `/${room},`;
  const address = `${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`;
  const socket = new WebSocket(address, { headers: { cookie } });
  const heard: string[] = [];
  let reason = "nothing was said";
  const ended = once(socket, "close").then(() => reason);
  const admitted = new Promise<void>((resolve, reject) => {
    socket.on("message", (data) => {
      const text = String(data).replace(namespace, "");
      if (text.startsWith("0")) socket.send(`40${namespace}`);
      if (text.startsWith("40")) resolve();
      if (text.startsWith("44")) reject(new Error(text));
      if (!text.startsWith("42")) return;
      const [event, payload] = JSON.parse(text.slice(2));
      if (event === "ended") reason = payload;
      else heard.push(payload);
    });
    socket.on("error", reject);
  });
  await admitted;
  return {
    ...{ heard, ended },
    say: (text) => socket.send(`42${namespace}${JSON.stringify(["say", text])}`),
    leave: () => socket.terminate(),
  };
};

const openStream: Open = async (url, cookie) => {
  const leaving = new AbortController();
  const response = await fetch(`${url}/news`, { headers: { cookie }, signal: leaving.signal });
  if (response.status !== 200) throw new Error(`refused with ${response.status}`);
  const heard: string[] = [];
  const read = async () => {
    let reason = "nothing was said";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      for (const [, event, data = ""] of chunk.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)) {
        if (event === "ended") reason = JSON.parse(data);
        else heard.push(data);
      }
    }
    return reason;
  };
  const ended = read();
  ended.catch(() => {});
  return { heard, ended, leave: () => leaving.abort() };
};

const PROGRAMS: Record<string, readonly [create: (store: SessionStore<Claims>) => Server, open: Open]> = {
  ws: [ws.createChat, openSocket],
  "socket.io": [socketIo.createChat, openSocketIo],
  "event stream": [createNews, openStream],
};

describe.each(Object.entries(PROGRAMS))("%s", (name, [create, open]) => {
  describe.each([
    ["ioredis-mock", () => new RedisMock({ host: uniquePrefix() })],
    ["Redis", () => connect()],
  ] as const)("on %s", async (_place, makeClient) => {
    const prefix = uniquePrefix();
    // The other process is the moderators'.
    const redis = makeClient();
    const store = createSessionStore<Claims>(redis, { prefix, timeout: 10_000 });
    const brief = createSessionStore<Claims>(redis, { prefix, idleTimeout: 1500, touchInterval: 0 });
    const other = createSessionStore<Claims>(redis.duplicate(), { prefix });
    const watches: Watch<Claims>[] = [];
    const server = create({
      ...store,
      watch: async (target, options) => {
        const watch = await store.watch(target, options);
        watches.push(watch);
        return watch;
      },
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    afterFile(async () => {
      await store.close();
      server.close();
      server.closeAllConnections();
      redis.disconnect();
    });

    let users = 0;
    async function logIn(role = "member") {
      const userId = `user ${users++}`;
      const device = new Device(url);
      await device.post(`/login?user=${encodeURIComponent(userId)}&role=${role}`);
      return { userId, device };
    }

    it("ends at log-out, and says so", async () => {
      const { device } = await logIn();
      const connected = await open(url, device.cookie);
      await device.post("/logout");
      expect(await connected.ended).toBe("revoked");
    });

    it("ends everywhere at a log-out everywhere", async () => {
      const { userId, device } = await logIn();
      const phone = new Device(url);
      await phone.post(`/login?user=${encodeURIComponent(userId)}`);
      const all = [await open(url, device.cookie), await open(url, phone.cookie)];
      await phone.post("/logout-everywhere");
      expect(await Promise.all(all.map(({ ended }) => ended))).toEqual(["user", "user"]);
    });

    it("ends when another process blocks the user, and opens no more", async () => {
      const { userId, device } = await logIn();
      const connected = await open(url, device.cookie);
      await other.blockUser(userId);
      expect(await connected.ended).toBe("blocked");
      await expect(open(url, device.cookie)).rejects.toThrow();
    });

    it("ends when the session expires", async () => {
      const { token } = await brief.create({ userId: "brief", claims: { role: "member" } });
      const connected = await open(url, `session=${token}`);
      expect(await connected.ended).toBe("expired");
    });

    it("ends when the user logs in anew", async () => {
      const { userId, device } = await logIn();
      const connected = await open(url, device.cookie);
      await device.post(`/login?user=${encodeURIComponent(userId)}`);
      expect(await connected.ended).toBe("rotated");
      (await open(url, device.cookie)).leave();
    });

    it("is refused without a session", async () => {
      await expect(open(url, "")).rejects.toThrow();
      await expect(open(url, "session=rubbish")).rejects.toThrow();
    });

    if (name === "event stream") {
      it("tells of changed claims, and goes on", async () => {
        const { userId, device } = await logIn("moderator");
        const connected = await open(url, device.cookie);
        await new Device(url).post(`/users/${encodeURIComponent(userId)}/demote`);
        await vi.waitFor(() => expect(connected.heard).toEqual(['{"role":"moderator"}', '{"role":"member"}']));
        connected.leave();
      });
    } else {
      it("ends in the moderators' room when the user is demoted, and goes on elsewhere", async () => {
        const { userId, device } = await logIn("moderator");
        const [room, lobby] = [await open(url, device.cookie, "moderators"), await open(url, device.cookie)];
        await new Device(url).post(`/users/${encodeURIComponent(userId)}/demote`);
        expect(await room.ended).toBe("role");
        await expect(open(url, device.cookie, "moderators")).rejects.toThrow();
        lobby.say?.("still here");
        await vi.waitFor(() => expect(lobby.heard).toContain(`${userId}: still here`));
        lobby.leave();
      });
    }

    it("leaves no watch behind when the client goes away", async () => {
      const { device } = await logIn();
      const connected = await open(url, device.cookie);
      const watch = watches.at(-1) as Watcher<Claims>;
      expect(watch.isOver).toBe(false);
      connected.leave();
      await vi.waitFor(() => expect(watch.isOver).toBe(true));
      expect(watch.signal.aborted).toBe(false);
    });
  });
});

describe("docs/websockets.md", () => {
  const docs = new MarkdownDocument(new URL("../../docs/websockets.md", import.meta.url));
  const programs = ["ws", "socket-io", "event-stream"].map((name) =>
    readFileSync(new URL(`../../examples/websockets/${name}.ts`, import.meta.url), "utf8"),
  );
  const linesOf = (code: string) =>
    code
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("import "));
  /** What a program has from the site that the snippets do not show. */
  const SET_UP =
    /^(const (http|server|io|site) = |site\.use\(sessions\(store\)\)|type Claims = |session\.require\(\);|io\.(use|on)\()/;

  it("shows what the programs do, line by line", () => {
    const known = new Set(programs.flatMap(linesOf));
    const blocks = docs.blocks("ts");
    expect(blocks).toHaveLength(4);
    const others = blocks.flatMap(({ code }) => linesOf(code).filter((line) => !known.has(line) && !SET_UP.test(line)));
    expect(others).toEqual([]);
  });
});
