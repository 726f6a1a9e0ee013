/** Several cookies of one name in a real Chromium: left over, planted, and taken back. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { answerError, withSessions } from "../../examples/adapters/node-http.js";
import type { CookieOptions } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { launch } from "./chromium.js";

const store = createSessionStore(connect(), { prefix: uniquePrefix(), timeout: 10_000 });
const NAME = "sid";
let browser: Browser;

beforeAll(async () => {
  browser = await launch(["--host-resolver-rules=MAP *.test 127.0.0.1"]);
}, 60_000);

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** An application under this name of a cookie; its log-in page is at `/account/login`. It says who is logged in. */
function application(cookie: CookieOptions): Promise<number> {
  const listener = withSessions(
    store,
    async (request, response, session) => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
      if (pathname.endsWith("/login")) await session.start({ userId: searchParams.get("user") ?? "ada" });
      if (pathname.endsWith("/logout")) await session.end();
      if (pathname === "/me") session.require();
      response.setHeader("Content-Type", "text/html");
      response.end(session.current?.userId ?? "nobody");
    },
    { cookie: { name: NAME, secure: false, ...cookie } },
    answerError,
  );
  return serve(listener);
}

/** Sets any cookies that it is asked for. */
const sibling = () =>
  serve((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    response.setHeader("Set-Cookie", searchParams.getAll("set"));
    response.end("set");
  });

async function newPage(): Promise<Page> {
  const context = await browser.newContext();
  afterFile(() => context.close());
  return context.newPage();
}

async function visit(page: Page, url: string): Promise<string> {
  const answer = await page.goto(url);
  return `${answer?.status()} ${await page.locator("body").textContent()}`;
}

const values = async (page: Page) => (await page.context().cookies()).filter(({ name }) => name === NAME).length;

describe("two cookies of our name", () => {
  it("after a change of the domain, count as the one that is live, and a log-out is one", async () => {
    const [before, after] = [await application({}), await application({ domain: "shop.test" })];
    const page = await newPage();
    const old = `http://www.shop.test:${before}`;
    const now = `http://www.shop.test:${after}`;
    await visit(page, `${old}/account/login`);
    // A new log-in replaces the session, but the browser keeps both cookies.
    expect(await visit(page, `${now}/me`)).toBe("200 ada");
    await visit(page, `${now}/account/login?user=eve`);
    expect(await values(page)).toBe(2);
    expect(await visit(page, `${now}/me`)).toBe("200 eve");
    await visit(page, `${now}/account/logout`);
    expect(await visit(page, `${now}/me`)).toMatch(/^401/);
    expect(await visit(page, `${now}/`)).toBe("200 nobody");
    expect(await visit(page, `${now}/account/login`)).toBe("200 ada");
  });

  it("both live, are no session, and the next log-in takes both back", async () => {
    const [app, attacker] = [await application({}), await sibling()];
    const site = `http://app.shop.test:${app}`;
    const page = await newPage();
    await visit(page, `${site}/account/login`);
    const { token } = await store.create({ userId: "mallory" });
    const plant = (...attributes: string[]) =>
      `http://evil.shop.test:${attacker}/?${attributes.map((each) => `set=${encodeURIComponent(`${NAME}=${token}; ${each}`)}`).join("&")}`;
    await visit(
      page,
      plant("Domain=shop.test; Path=/", "Domain=shop.test; Path=/account", "Domain=shop.test; Path=/me"),
    );
    expect(await visit(page, `${site}/me`)).toMatch(/^401/);
    expect(await visit(page, `${site}/`)).toBe("200 nobody");
    expect(await visit(page, `${site}/account/login`)).toBe("200 ada");
    expect(await visit(page, `${site}/me`)).toBe("200 ada");
    expect(await store.get(token)).toBeNull();
    // What was planted for the path of the log-in page and for all is gone; what this page never gets opens nothing.
    expect(await page.context().cookies(`${site}/account/login`)).toHaveLength(1);

    // Planted anew and live, it is gone with a log-out too.
    const again = await store.create({ userId: "mallory" });
    await visit(page, plant("Domain=shop.test; Path=/").replaceAll(token, again.token));
    expect(await visit(page, `${site}/me`)).toMatch(/^401/);
    await visit(page, `${site}/logout`);
    expect(await page.context().cookies(`${site}/`)).toEqual([]);
    expect(await store.get(again.token)).toBeNull();
  });

  it("of which one is another application's leave that one alone", async () => {
    const [staging, production] = [await application({}), await sibling()];
    const page = await newPage();
    const other = `${"0".repeat(26)}.${"A".repeat(43)}`;
    await visit(
      page,
      `http://shop.test:${production}/?set=${encodeURIComponent(`${NAME}=${other}; Domain=shop.test; Path=/`)}`,
    );
    const site = `http://staging.shop.test:${staging}`;
    expect(await visit(page, `${site}/account/login`)).toBe("200 ada");
    expect(await visit(page, `${site}/me`)).toBe("200 ada");
    await visit(page, `${site}/logout`);
    expect(await visit(page, `${site}/me`)).toMatch(/^401/);
    expect(await page.context().cookies()).toMatchObject([{ domain: ".shop.test", value: other }]);
  });

  it("planted alone, without the prefix, is a session of the attacker's", async () => {
    const [app, attacker] = [await application({}), await sibling()];
    const page = await newPage();
    const { token } = await store.create({ userId: "mallory" });
    const plant = encodeURIComponent(`${NAME}=${token}; Domain=shop.test; Path=/`);
    await visit(page, `http://evil.shop.test:${attacker}/?set=${plant}`);
    // What SECURITY.md says: only the prefix __Host- keeps this from happening.
    expect(await visit(page, `http://app.shop.test:${app}/me`)).toBe("200 mallory");
  });
});
