/** Whose pages a real Chromium lets open a WebSocket with the user's session, and what it says of them. */
import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { createHttpSessions, type HttpOptions, nodePort } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { foundAuthority, type Identity } from "../harness/tls.js";
import { launch } from "./chromium.js";

const store = createSessionStore(connect(), { prefix: uniquePrefix(), timeout: 10_000 });
let browser: Browser;
let identity: Identity;

beforeAll(async () => {
  browser = await launch(["--host-resolver-rules=MAP *.test 127.0.0.1"]);
  const authority = await foundAuthority();
  afterFile(() => authority.close());
  identity = authority.server;
}, 60_000);

/** The answer to a handshake, and one message, without a mask (RFC 6455, 4.2.2 and 5.2). */
function greet(socket: Duplex, key: string, message: string): void {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n"));
  socket.write(Buffer.concat([Buffer.from([0x81, message.length]), Buffer.from(message)]));
}

/** A site with a log-in at `/login`, whose WebSockets say who is logged in. Everything else is an empty page. */
async function site(options: HttpOptions, { tls }: { tls: boolean }) {
  const http = createHttpSessions(store, options);
  const handshakes: IncomingHttpHeaders[] = [];
  const listener: RequestListener = async (request, response) => {
    const session = await http.load(nodePort(request, response));
    if (request.url === "/login") await session.start({ userId: "ada" });
    response.writeHead(200, { "Content-Type": "text/html" }).end("<p>a page</p>");
  };
  const server = tls ? createTlsServer(identity, listener) : createServer(listener);
  server.on("upgrade", async (request: IncomingMessage, socket: Duplex) => {
    handshakes.push(request.headers);
    try {
      const session = await http.load(nodePort(request));
      greet(socket, request.headers["sec-websocket-key"] ?? "", session.require().userId);
    } catch (error) {
      const { status = 500 } = error as { status?: number };
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, handshakes };
}

/** What a page hears from a WebSocket, or that it is closed. */
function heard(page: Page, url: string): Promise<string> {
  return page.evaluate(
    (address) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(address);
        socket.onmessage = ({ data }) => resolve(String(data));
        socket.onclose = () => resolve("closed");
      }),
    url,
  );
}

describe.each([
  { tls: false, secure: false },
  { tls: true, secure: true },
])("a page (TLS: $tls)", ({ tls, secure }) => {
  const scheme = tls ? "s" : "";

  it.each(["lax", "strict"] as const)(
    "of another site, host or port gets nothing from a WebSocket: %s",
    async (sameSite) => {
      const trusted = await site({}, { tls });
      const cookie = { secure, sameSite };
      const trustedOrigin = `http${scheme}://friend.site.test:${trusted.port}`;
      const app = await site({ cookie, csrf: { trustedOrigins: [trustedOrigin] } }, { tls });
      const foreign = await site({}, { tls });
      const own = `app.site.test:${app.port}`;
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      afterFile(() => context.close());
      const page = await context.newPage();
      await page.goto(`http${scheme}://${own}/login`);
      expect(await heard(page, `ws${scheme}://${own}/`)).toBe("ada");

      for (const other of [`sibling.site.test:${foreign.port}`, `app.site.test:${foreign.port}`]) {
        app.handshakes.length = 0;
        await page.goto(`http${scheme}://${other}/`);
        expect([other, await heard(page, `ws${scheme}://${own}/`)]).toEqual([other, "closed"]);
        // The browser did send the cookie: SameSite knows no difference between these two.
        expect(app.handshakes).toMatchObject([{ cookie: expect.any(String), origin: `http${scheme}://${other}` }]);
      }
      await page.goto(trustedOrigin);
      expect(await heard(page, `ws${scheme}://${own}/`)).toBe("ada");
      // Elsewhere SameSite keeps the cookie back.
      app.handshakes.length = 0;
      await page.goto(`http${scheme}://evil.test:${foreign.port}/`);
      expect(await heard(page, `ws${scheme}://${own}/`)).toBe("closed");
      expect(app.handshakes).toMatchObject([{ origin: `http${scheme}://evil.test:${foreign.port}` }]);
      expect(app.handshakes[0]?.cookie).toBeUndefined();
    },
  );

  it("says where it is from in Origin alone", async () => {
    const app = await site({ cookie: { secure } }, { tls });
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    afterFile(() => context.close());
    const page = await context.newPage();
    await page.goto(`http${scheme}://app.site.test:${app.port}/login`);
    await heard(page, `ws${scheme}://app.site.test:${app.port}/`);
    const [handshake = {}] = app.handshakes;
    expect(handshake["sec-fetch-site"]).toBeUndefined();
    expect(handshake.origin).toBe(`http${scheme}://app.site.test:${app.port}`);
  });
});

describe("another port of localhost", () => {
  it("gets nothing from a WebSocket either", async () => {
    const app = await site({ cookie: { secure: false } }, { tls: false });
    const other = await site({}, { tls: false });
    const context = await browser.newContext();
    afterFile(() => context.close());
    const page = await context.newPage();
    await page.goto(`http://localhost:${app.port}/login`);
    expect(await heard(page, `ws://localhost:${app.port}/`)).toBe("ada");
    await page.goto(`http://localhost:${other.port}/`);
    expect(await heard(page, `ws://localhost:${app.port}/`)).toBe("closed");
    expect(app.handshakes.at(-1)?.cookie).toContain("session=");
  });
});
