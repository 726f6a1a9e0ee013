/** The micro-blog in a real browser: what a block, a log-out and another site's form come to, click by click. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { openRedis, PASSWORD, type RunningBlog, startBlog } from "../examples/micro-blog-rig.js";
import { afterFile } from "../harness/fixtures.js";
import { findChromium, launch } from "./chromium.js";

/** How long is waited for what a busy machine does late, ms. */
const PATIENCE = 60_000;

let browser: Browser;
let blog: RunningBlog;

beforeAll(async () => {
  browser = await launch();
  blog = await startBlog(await openRedis());
  await blog.account("mia", "moderator");
  await blog.accounts("max", "deputy", "mallory");
}, PATIENCE);

/** A browser of its own: nothing is shared between two of them. */
async function openBrowser(): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ baseURL: blog.url });
  afterFile(() => context.close());
  return { context, page: await context.newPage() };
}

async function logIn(name: string): Promise<{ context: BrowserContext; page: Page }> {
  const { context, page } = await openBrowser();
  await page.goto("/login");
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  return { context, page };
}

/** Waits for a page by its heading: the one before it may still be there for a moment. */
const expectHeading = (page: Page, text: string) =>
  expect.poll(() => page.getByRole("heading", { level: 1 }).textContent(), { timeout: PATIENCE }).toBe(text);

const open = (page: Page, link: string) => page.getByRole("navigation").getByRole("link", { name: link }).click();

/** Clicks, waits for the page that this leads to, and gives its status; that of the redirection where there is one. */
async function statusOf(page: Page, click: () => Promise<void>): Promise<number> {
  let status: number | undefined;
  await Promise.all([
    page.waitForResponse((response) => {
      if (response.request().isNavigationRequest()) status ??= response.status();
      return status !== undefined;
    }),
    page.waitForEvent("load", () => status !== undefined),
    click(),
  ]);
  return status as number;
}

describe("a moderator", () => {
  it("blocks a reader, who has lost access with the next click and reads why at the next log-in", async () => {
    const [{ page: mia }, { page: max }] = [await logIn("mia"), await logIn("max")];
    await open(max, "Devices");
    await expectHeading(max, "Your devices");

    await open(mia, "Moderation");
    const card = mia.getByRole("article").filter({ hasText: "max@example.com" });
    await card.locator("summary").click();
    await card.getByLabel("Reason").fill("Shouting in the cloakroom");
    await card.getByRole("button", { name: "Block max" }).click();
    await mia.getByRole("status").waitFor();
    expect(await card.textContent()).toContain("Blocked until lifted: Shouting in the cloakroom");

    expect(await statusOf(max, () => open(max, "Account"))).toBe(303);
    await expectHeading(max, "Log in");
    expect(await max.content()).not.toContain("max@example.com");

    await max.getByLabel("User name").fill("max");
    await max.getByLabel("Password").fill(PASSWORD);
    await max.getByRole("button", { name: "Log in" }).click();
    await max.getByText("Reason: Shouting in the cloakroom").waitFor();

    await card.getByRole("button", { name: "Unblock" }).click();
    await card.locator("summary").waitFor();
    await max.getByLabel("Password").fill(PASSWORD);
    await max.getByRole("button", { name: "Log in" }).click();
    // Back to the page that the click was for.
    await max.getByRole("heading", { name: "Your account" }).waitFor();
  });

  it("promotes and demotes, and the next click of the other is already another's", async () => {
    const [{ page: mia }, { page: deputy }] = [await logIn("mia"), await logIn("deputy")];
    const change = async (role: string, then: string) => {
      const card = mia.getByRole("article").filter({ hasText: "deputy@example.com" });
      await card.getByRole("button", { name: role }).click();
      await card.getByRole("button", { name: then }).waitFor();
    };
    await open(mia, "Moderation");
    await change("Make moderator", "Make member");
    await open(deputy, "Timeline");
    await open(deputy, "Moderation");
    await expectHeading(deputy, "Moderation");

    await change("Make member", "Make moderator");
    expect(await statusOf(deputy, () => open(deputy, "Moderation"))).toBe(403);
    await expectHeading(deputy, "Not allowed");
  });
});

describe("a log-out", () => {
  it("is undone neither by the back button nor with a cookie that was stolen before", async () => {
    const { context, page } = await logIn("max");
    await open(page, "Account");
    await page.getByText("max@example.com").waitFor();
    const thief = await openBrowser();
    await thief.context.addCookies(await context.cookies());
    await thief.page.goto("/account");
    await expectHeading(thief.page, "Your account");

    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByText("You are logged out.").waitFor();
    expect(await context.cookies()).toEqual([]);

    // A page that came from the browser's cache for "back", as it was, would not load, and time out here.
    await page.goBack();
    await expectHeading(page, "Log in");
    expect(await page.content()).not.toContain("max@example.com");
    await page.goBack();
    await expectHeading(page, "Timeline");
    expect(await page.getByRole("navigation").getByRole("link", { name: "Log in" }).count()).toBe(1);
    expect(await page.getByRole("button", { name: "Post" }).count()).toBe(0);

    expect((await thief.page.goto("/account"))?.url()).toContain("/login?returnTo=%2Faccount");
    await expectHeading(thief.page, "Log in");
  });

  it("keeps the cookie from every script", async () => {
    const { page } = await logIn("max");
    expect(await page.evaluate("document.cookie")).toBe("");
  });
});

describe("a link in a mail", () => {
  it("leads from the mail to a new password, and the browser tells nobody its token", async () => {
    await blog.accounts("forgetful");
    const { page } = await openBrowser();
    const asking: Promise<{ path: string; referer: string | undefined; origin: string | undefined }>[] = [];
    page.on("request", (request) => {
      const path = request.url().slice(blog.url.length);
      asking.push(request.allHeaders().then(({ referer, origin }) => ({ path, referer, origin })));
    });
    await page.goto("/login");
    await page.getByRole("link", { name: "Forgot your password?" }).click();
    await page.getByLabel("User name or e-mail").fill("forgetful");
    await page.getByRole("button", { name: "Send the link" }).click();
    await blog.blog.dispatch.settled();
    await page.getByRole("link", { name: "To the mail of this demo" }).click();
    await page.locator("article").first().getByRole("link").click();
    await page.getByText("For the account forgetful").waitFor();
    await page.getByLabel("New password").fill("staple the other battery");
    await page.getByRole("button", { name: "Set password" }).click();
    await page.getByText("The password is changed, and all devices of the account are signed out.").waitFor();

    const [, token = ""] = /token=(.*)/.exec(await blog.linkTo("forgetful@example.com")) ?? [];
    expect(token).toMatch(/^[0-9A-Z]{26}\.[\w-]{43}$/);
    // The headers of a request are told later than the request.
    const asked = await Promise.all(asking);
    expect(asked.filter(({ path }) => path.includes(token)).map(({ path }) => path)).toEqual([`/reset?token=${token}`]);
    expect(asked.map(({ referer }) => referer).join()).not.toContain(token);
    // A browser that sent `Origin: null` here would look like another site.
    expect(asked.find(({ path }) => path === "/reset")).toMatchObject({ origin: blog.url, referer: `${blog.url}/` });

    await page.getByLabel("User name").fill("forgetful");
    await page.getByLabel("Password").fill("staple the other battery");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Timeline" }).waitFor();
    expect((await page.goto(`/reset?token=${token}`))?.status()).toBe(404);
    await expectHeading(page, "This link does not work any more");
  });

  it("confirms an address, and the reminder is gone in the other browser with the next click", async () => {
    const { page } = await openBrowser();
    await page.goto("/signup");
    await page.getByLabel("User name").fill("newcomer");
    await page.getByLabel("E-mail").fill("newcomer@example.com");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign up" }).click();
    await page.getByText("Confirm your address:").waitFor();
    const { page: phone } = await openBrowser();
    await phone.goto(await blog.linkTo("newcomer@example.com"));
    await phone.getByRole("button", { name: "Yes, it is mine" }).click();
    await phone.getByText("Thank you! The address is confirmed.").waitFor();
    await open(page, "Account");
    await page.getByText("Confirmed").waitFor();
    expect(await page.getByText("Confirm your address:").count()).toBe(0);
  });
});

describe("another site", () => {
  // Ports are no part of a site: "localhost" is another site than "127.0.0.1", another port of it only another origin.
  const PLACES = [
    ["another site", "localhost", 401],
    ["another origin of this site", "127.0.0.1", 403],
  ] as const;

  it.each(PLACES)("cannot write in a reader's name: %s", async (_, host, status) => {
    const trap = await serveTrap("/posts", { text: `Written by ${host}` });
    const { context, page } = await logIn("max");
    const cookies = await context.cookies();
    await page.goto(`http://${host}:${trap}/`);
    expect(await statusOf(page, () => page.getByRole("button").click())).toBe(status);
    await page.goto("/");
    expect(await page.content()).not.toContain("Written by");
    // And the reader is as logged in as before.
    expect(await page.getByRole("button", { name: "Post" }).count()).toBe(1);
    expect(await context.cookies()).toEqual(cookies);
  });

  it.each(PLACES)("cannot log a reader in as somebody else: %s", async (_, host) => {
    const trap = await serveTrap("/login", { name: "mallory", password: PASSWORD });
    const { context, page } = await openBrowser();
    await page.goto(`http://${host}:${trap}/`);
    expect(await statusOf(page, () => page.getByRole("button").click())).toBe(403);
    await expectHeading(page, "Not allowed");
    expect(await context.cookies()).toEqual([]);
  });

  it.each(PLACES)("cannot log a reader out: %s", async (_, host) => {
    const trap = await serveTrap("/logout", {});
    const { page } = await logIn("max");
    await page.goto(`http://${host}:${trap}/`);
    await statusOf(page, () => page.getByRole("button").click());
    await page.goto("/account");
    await expectHeading(page, "Your account");
  });

  /** A page on another port that sends a form to the blog. Returns the port. */
  async function serveTrap(action: string, fields: Readonly<Record<string, string>>): Promise<number> {
    const inputs = Object.entries(fields).map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
    );
    const server = createServer((_request, response) => {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end(
        `<!doctype html><title>Win</title><form method="post" action="${blog.url}${action}">${inputs.join("")}<button>Win</button></form>`,
      );
    }).listen(0);
    afterFile(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }
});

describe("findChromium", () => {
  it("says what to install where there is none", () => {
    expect(() => findChromium({ PATH: "/nowhere" })).toThrow(
      "No chromium found on PATH: install it (Debian: apt-get install chromium) or set CHROMIUM to its path.",
    );
    expect(() => findChromium({ CHROMIUM: "/nowhere/chromium" })).toThrow('CHROMIUM is "/nowhere/chromium"');
  });
});
