/** The cookies of `logIn` in a real Chromium: the browser is logged in, and the application can end that. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { withSessions } from "../../examples/adapters/node-http.js";
import { createSessionStore } from "../../src/index.js";
import { logIn } from "../../src/testing.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { launch } from "./chromium.js";

it("logs a browser in, as docs/testing.md says for Playwright", async () => {
  const store = createSessionStore(connect(), { prefix: uniquePrefix(), timeout: 10_000 });
  const options = { cookie: { secure: false, sameSite: "strict" } } as const;
  const listener = withSessions(
    store,
    async (_request, response, session) => {
      response.end(session.current?.userId ?? "nobody");
    },
    options,
  );
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const browser = await launch();
  const context = await browser.newContext();
  const page = await context.newPage();
  const shown = async () => (await page.goto(url))?.text();
  expect(await shown()).toBe("nobody");

  const { cookies, session } = await logIn(store, options, { userId: "ada" });
  await context.addCookies(cookies.map((cookie) => ({ ...cookie, domain: "127.0.0.1" })));
  expect(await shown()).toBe("ada");
  await store.revoke(session.id);
  expect(await shown()).toBe("nobody");
});
