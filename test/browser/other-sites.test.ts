/** What a real Chromium sends to and keeps of a site: in an iframe of another, and where a page hides its origin. */
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { answerError, withSessions } from "../../examples/adapters/node-http.js";
import { type CookieOptions, type HttpOptions, safeReturnTo } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { foundAuthority, type Identity } from "../harness/tls.js";
import { launch } from "./chromium.js";

const store = createSessionStore(connect(), { prefix: uniquePrefix(), timeout: 10_000 });
let browser: Browser;
let identity: Identity;

beforeAll(async () => {
  // Every name of a site leads here; third-party cookies are blocked, as some browsers do for all users.
  browser = await launch(["--host-resolver-rules=MAP *.test 127.0.0.1", "--test-third-party-cookie-phaseout"]);
  const authority = await foundAuthority();
  afterFile(() => authority.close());
  identity = authority.server;
}, 60_000);

/** Serves until the test file ends. Gives the port. */
async function serve(listener: RequestListener, { tls }: { tls: boolean }): Promise<number> {
  const server = tls ? createTlsServer(identity, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A site with a log-in form, whose every page says who is logged in. Its pages are sent with these headers. */
function site(options: HttpOptions, headers: Record<string, string> = {}): RequestListener {
  return withSessions(
    store,
    async (request, response, session) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      if (request.method === "POST" && pathname === "/login") await session.start({ userId: "ada" });
      if (request.method === "POST" && pathname === "/logout") await session.end();
      response.setHeader("Content-Type", "text/html");
      response.end(`<p id="user">${session.current?.userId ?? "nobody"}</p>
        <form method="post" action="/login"><button>Log in</button></form>
        <form method="post" action="/logout"><button>Log out</button></form>
        <a href="/">Again</a>`);
    },
    options,
    answerError,
  );
}

async function open(url: string): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  afterFile(() => context.close());
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

describe("in an iframe on another site, without third-party cookies", () => {
  /** Opens a page of another site that shows this one in an iframe. */
  async function embedded(cookie: CookieOptions) {
    const widget = await serve(site({ cookie }), { tls: true });
    const address = `https://widget.test:${widget}/`;
    const host = await serve((_, response) => response.end(`<iframe src="${address}"></iframe>`), { tls: true });
    const page = await open(`https://host.test:${host}/`);
    const frame = page.frameLocator("iframe");
    const user = () => frame.locator("#user").textContent();
    const click = async (name: string) => {
      const answered = page.waitForResponse((response) => response.url().startsWith(address));
      await frame.getByRole(name === "Again" ? "link" : "button", { name }).click();
      await (await answered).finished();
      await frame.locator("#user").waitFor();
    };
    return { page, address, user, click };
  }

  it("a partitioned cookie logs in, is there with the next request, and goes with the log-out", async () => {
    const { page, address, user, click } = await embedded({ partitioned: true });
    const cookies = () => page.context().cookies();
    await click("Log in");
    await expect.poll(user).toBe("ada");
    await click("Again");
    await expect.poll(user).toBe("ada");
    expect(await cookies()).toMatchObject([{ name: "__Host-session", secure: true, httpOnly: true, sameSite: "None" }]);

    // Another partition: at the site's own address nobody is logged in.
    const own = await page.context().newPage();
    await own.goto(address);
    expect(await own.locator("#user").textContent()).toBe("nobody");

    await click("Log out");
    await expect.poll(user).toBe("nobody");
    expect(await cookies()).toEqual([]);
  });

  it("any other cookie is lost after the log-in", async () => {
    for (const cookie of [{}, { sameSite: "none" }] as const) {
      const { page, user, click } = await embedded(cookie);
      await click("Log in");
      await expect.poll(user).toBe("ada");
      await click("Again");
      await expect.poll(user).toBe("nobody");
      expect(await page.context().cookies()).toEqual([]);
    }
  });
});

describe("over plain HTTP, where Chromium sends no Sec-Fetch-Site", () => {
  /** What becomes of a log-in and a log-out by the forms of a page with this policy. */
  async function forms(policy: string): Promise<(number | string | null)[]> {
    const port = await serve(site({ cookie: { secure: false } }, { "Referrer-Policy": policy }), { tls: false });
    const page = await open(`http://shop.test:${port}/`);
    const seen: (number | string | null)[] = [];
    for (const name of ["Log in", "Log out"]) {
      const answered = page.waitForResponse((response) => response.request().method() === "POST");
      await page.getByRole("button", { name }).click();
      const answer = await answered;
      expect(answer.request().headers()).not.toHaveProperty("sec-fetch-site");
      seen.push(answer.status());
      await page.goto(`http://shop.test:${port}/`);
      seen.push(await page.locator("#user").textContent());
    }
    return seen;
  }

  it.each(["same-origin", "strict-origin", "strict-origin-when-cross-origin"])(
    "the forms of a page with Referrer-Policy %s log in and out",
    async (policy) => {
      expect(await forms(policy)).toEqual([200, "ada", 200, "nobody"]);
    },
  );

  it("those of a page with no-referrer are refused: nothing tells them from another site's", async () => {
    expect(await forms("no-referrer")).toEqual([403, "nobody", 403, "nobody"]);
  });
});

describe("the form of an identity provider", () => {
  /** A page of the provider whose form posts to this site, without a word on where it comes from. */
  async function posted(
    options: HttpOptions,
  ): Promise<{ status: number; user: string | null; page: Page; address: string }> {
    const own = await serve(site(options), { tls: true });
    const address = `https://shop.test:${own}`;
    const provider = await serve(
      (_, response) => {
        response.writeHead(200, { "Content-Type": "text/html", "Referrer-Policy": "no-referrer" });
        response.end(`<form method="post" action="${address}/login"><button>Back to the shop</button></form>`);
      },
      { tls: true },
    );
    const page = await open(`https://provider.test:${provider}/`);
    const answered = page.waitForResponse((response) => response.request().method() === "POST");
    await page.getByRole("button").click();
    const answer = await answered;
    expect(await answer.request().headerValue("origin")).toBe("null");
    await page.goto(address);
    return { status: answer.status(), user: await page.locator("#user").textContent(), page, address };
  }

  it("is refused, as any other site's", async () => {
    expect(await posted({})).toMatchObject({ status: 403, user: "nobody" });
  });

  it("logs in where its route is excepted, and no other route is", async () => {
    const exempt = ({ url }: { readonly url?: string | undefined }) => url === "/login";
    const { page, ...outcome } = await posted({ csrf: { exempt } });
    expect(outcome).toMatchObject({ status: 200, user: "ada" });
    await page.getByRole("button", { name: "Log out" }).click();
    await expect.poll(() => page.locator("#user").textContent()).toBe("nobody");
  });
});

describe("a guarded page", () => {
  it("is where a browser comes to in the end, by way of the log-in page", async () => {
    const pages = withSessions(
      store,
      async (request, response, session) => {
        const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
        response.setHeader("Referrer-Policy", "same-origin");
        if (request.method === "POST") {
          await session.start({ userId: "ada" });
          response.writeHead(303, { Location: safeReturnTo(searchParams.get("returnTo"), "/") }).end();
          return;
        }
        const address = pathname === "/login" ? null : session.admit({ redirectTo: "/login" });
        if (address !== null) return void response.writeHead(303, { Location: address }).end();
        response.setHeader("Content-Type", "text/html");
        const user = session.current?.userId;
        response.end(user ? `<p id="user">${user}</p>` : "<form method=post><button>Log in</button></form>");
      },
      {},
    );
    const address = `https://shop.test:${await serve(pages, { tls: true })}`;
    const page = await open(`${address}/orders?open=1&sort=a%26b#first`);
    expect(new URL(page.url()).pathname).toBe("/login");
    // What a script asks for is no page, and gets the 401 that it can make sense of.
    expect(await page.evaluate(async () => (await fetch("/orders")).status)).toBe(401);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.locator("#user").waitFor();
    expect(page.url().replace(/#.*/, "")).toBe(`${address}/orders?open=1&sort=a%26b`);
  });
});
