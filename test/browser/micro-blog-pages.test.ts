/**
 * How every page of the micro-blog looks, wide and narrow, light and dark: saved to `.cache/screenshots`, to be looked at.
 * And what a program can judge of it: axe finds no fault (WCAG 2.2 A and AA), and no page is wider than its window.
 */
import axe from "axe-core";
import type { Redis } from "ioredis";
import type { BrowserContext, Page } from "playwright-core";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { openRedis, PASSWORD, type RunningBlog, startBlog } from "../examples/micro-blog-rig.js";
import type { Visitor } from "../examples/micro-blog-visitor.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { type RedisServer, startRedisServer } from "../harness/redis-server.js";
import { launch } from "./chromium.js";
import { screenshot } from "./screenshot.js";

const WINDOWS = { desktop: { width: 1280, height: 800 }, narrow: { width: 360, height: 740 } } as const;
const SCHEMES = ["light", "dark"] as const;

const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1";

const browser = await launch();
let server: RedisServer;
let redis: Redis;
let blog: RunningBlog;
let context: BrowserContext;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  server = await startRedisServer();
  afterFile(() => server.stop());
  redis = connect({ port: server.port });
  blog = await startBlog(redis, { log: () => {} });
  await blog.account("mia", "moderator");
  await blog.accounts("max", "a_name_of_20_letters");
  context = await browser.newContext({ baseURL: blog.url });
  page = await context.newPage();
  // The content security policy speaks here, where a page asks for more than it allows.
  page.on("console", (message) => {
    if (/Refused|violates/.test(message.text())) complaints.push(message.text());
  });
});

afterEach(async () => {
  await context.clearCookies();
  expect(complaints.splice(0)).toEqual([]);
});

/** Gives the browser the session that a visitor has. */
async function become({ cookie }: Visitor): Promise<void> {
  const [name = "", value = ""] = cookie.split("=");
  await context.addCookies([{ name, value, url: blog.url }]);
}

/** Looks at the page as it is now in all windows and schemes. */
async function inspect(name: string): Promise<void> {
  for (const [window, size] of Object.entries(WINDOWS)) {
    await page.setViewportSize(size);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      await screenshot(page, `${name}-${window}-${colorScheme}`, { fullPage: true });
      const where = `${name}, ${window}, ${colorScheme}`;
      const width = await page.evaluate(() => Number(Reflect.get(globalThis, "document").documentElement.scrollWidth));
      expect(width, `${where}: the width of the page`).toBeLessThanOrEqual(size.width);
      expect(await findFaults(), where).toEqual([]);
    }
  }
}

async function findFaults(): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run()")) as axe.AxeResults;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("; ")}`);
}

const button = (name: string) => page.getByRole("button", { name });

describe("the pages of the micro-blog", () => {
  it("look right before anything is written", async () => {
    const empty = await startBlog(await openRedis());
    await page.goto(empty.url);
    await inspect("timeline-empty-guest");
    const { cookie } = await empty.as("max");
    await context.addCookies([{ name: "session", value: cookie.slice("session=".length), url: empty.url }]);
    await page.goto(empty.url);
    await inspect("timeline-empty");
  });

  it("look right for somebody who reads and writes", async () => {
    const [mia, max, long] = [
      await blog.as("mia", "moderator"),
      await blog.as("max"),
      await blog.as("a_name_of_20_letters"),
    ];
    await mia.post("/posts", { text: "Hello! I keep order here." });
    await long.post("/posts", {
      text: `A long word: ${"Donaudampfschifffahrt".repeat(8)}\n\nAnd a link: https://example.com/${"path/".repeat(12)}`,
    });
    await max.post("/posts", {
      text: "A coat check hands you a ticket that means nothing without the cloakroom.\n\nGuess what a session token is.",
    });
    for (const [visitor, id] of [
      [max, 1],
      [long, 1],
      [mia, 3],
      [max, 3],
    ] as const) {
      await visitor.post(`/posts/${id}/like`, { like: "on" });
    }
    await long.post("/posts/1/retweet", { retweet: "on" });
    await max.post("/posts/2/retweet", { retweet: "on" });
    await page.goto("/");
    await inspect("timeline-guest");
    await become(max);
    await page.goto("/?notice=welcome");
    await inspect("timeline");
    await page.goto("/?page=7");
    await inspect("timeline-past-the-end");

    await page.goto("/");
    await page.getByLabel("What is new?").evaluate((field) => field.removeAttribute("maxlength"));
    await page.getByLabel("What is new?").fill("Much too long. ".repeat(20));
    await button("Post").click();
    await page.getByRole("alert").waitFor();
    await inspect("timeline-problem");
  });

  it("look right where the timeline has several pages", async () => {
    const max = await blog.as("max");
    for (let number = 1; number <= 40; number++) await max.post("/posts", { text: `Number ${number}` });
    await page.goto("/?page=2");
    await inspect("timeline-page-2");
  });

  it("look right for somebody who logs in", async () => {
    await page.goto("/login?notice=logged-out");
    await inspect("log-in");
    await page.getByLabel("User name").fill("max");
    await page.getByLabel("Password").fill("not the password");
    await button("Log in").click();
    await page.getByRole("alert").waitFor();
    await inspect("log-in-wrong");
    await page.goto("/devices");
    await inspect("log-in-first");

    await blog.accounts("troll");
    await blog.blog.store.blockUser("troll", {
      until: Date.now() + 86_400_000,
      reason: "Three warnings, and then this: shouting in the cloakroom.",
    });
    await page.getByLabel("User name").fill("troll");
    await page.getByLabel("Password").fill(PASSWORD);
    await button("Log in").click();
    await page.getByText("This account is blocked").waitFor();
    await inspect("log-in-blocked");
  });

  it("look right for somebody who signs up", async () => {
    await page.goto("/signup");
    await inspect("sign-up");
    await page.getByLabel("User name").fill("1 x");
    await page.getByLabel("E-mail").fill("x@y");
    await page.getByLabel("Password").evaluate((field) => field.removeAttribute("minlength"));
    await page.getByLabel("Password").fill("short");
    await button("Sign up").click();
    await page.getByText("At least 12 characters, please.").waitFor();
    await inspect("sign-up-problems");
  });

  it("look right for somebody who has forgotten the password", async () => {
    await page.goto("/mail");
    await inspect("mail-empty");
    await blog.accounts("forgetful");
    await page.goto("/forgot");
    await inspect("forgot");
    await page.getByLabel("User name or e-mail").evaluate((field) => field.removeAttribute("required"));
    await button("Send the link").click();
    await page.getByText("Your user name or your e-mail address.").waitFor();
    await inspect("forgot-problem");
    await page.getByLabel("User name or e-mail").fill("forgetful@example.com");
    await button("Send the link").click();
    await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
    await inspect("forgot-sent");
    const path = await blog.linkTo("forgetful@example.com");
    await page.goto(path);
    await inspect("reset");
    await page.getByLabel("New password").evaluate((field) => field.removeAttribute("minlength"));
    await page.getByLabel("New password").fill("short");
    await button("Set password").click();
    await page.getByText("At least 12 characters, please.").waitFor();
    await inspect("reset-problem");
    await page.getByLabel("New password").fill("staple the other battery");
    await button("Set password").click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await inspect("reset-done");
    await page.goto(path);
    await inspect("reset-dead");
    for (let times = 0; times < 10; times++) await blog.guest().post("/forgot", { who: "nobody" });
    await page.goto("/forgot");
    await page.getByLabel("User name or e-mail").fill("forgetful");
    await button("Send the link").click();
    await page.getByRole("heading", { name: "Slow down" }).waitFor();
    await inspect("forgot-too-often");
  });

  it("look right for somebody whose address is not confirmed", async () => {
    const reader = blog.guest();
    const email = `${"a-rather-long-name.".repeat(3)}newcomer@mail.department.example.com`;
    await reader.post("/signup", { name: "newcomer", email, password: PASSWORD });
    await become(reader);
    await page.goto("/?notice=welcome");
    await inspect("verify-reminder");
    for (let times = 0; times < 4; times++) await reader.post("/account/verify");
    await page.goto("/mail");
    await inspect("mail");
    await page.goto(await blog.linkTo(email));
    await inspect("verify");
    await page.goto("/account");
    await button("Send another link").click();
    await page.getByRole("heading", { name: "Slow down" }).waitFor();
    await inspect("verify-too-often");
    const path = await blog.linkTo(email);
    await page.goto(path);
    await button("Yes, it is mine").click();
    await page.getByText("Thank you! The address is confirmed.").waitFor();
    await inspect("verify-done");
    await page.goto("/account");
    await inspect("account-confirmed");
    await page.goto(path);
    await inspect("verify-dead");
  });

  it("look right for somebody who looks after the account", async () => {
    const laptop = await blog.logIn("max");
    await become(laptop);
    await blog.blog.store.revokeAllForUser("max", { except: laptop.sessionId });
    await page.goto("/devices");
    await inspect("devices-alone");
    const { create } = blog.blog.store;
    const claims = { user_name: "max", email: "max@example.com", email_verified: true, role: "member" } as const;
    await create({ userId: "max", claims, client: { ip: "2001:db8:85a3::8a2e:370:7334", userAgent: IPHONE } });
    await create({ userId: "max", claims });
    await page.goto("/devices?notice=device-ended");
    await inspect("devices");

    await page.goto("/account");
    await inspect("account");
    await page.getByLabel("Current password").fill("not the password");
    await page.getByLabel("New password").fill("another good one");
    await button("Change password").click();
    await page.getByText("That is not your password.").waitFor();
    await inspect("account-problem");
  });

  it("look right for somebody whose log-in was long ago", async () => {
    const strict = await startBlog(redis, { freshWithin: 1 });
    await become(await blog.as("max"));
    await page.goto(`${strict.url}/devices`);
    await button("Sign out of all other devices").click();
    await page.getByText("Is it still you?").first().waitFor();
    await inspect("confirm");
  });

  it("look right for a moderator", async () => {
    await blog.accounts("spammer");
    await blog.account("second_moderator", "moderator");
    await blog.blog.store.blockUser("spammer", { reason: `Sells ${"coats".repeat(20)}` });
    await become(await blog.as("mia", "moderator"));
    await page.goto("/moderation?notice=role-changed");
    await inspect("moderation");
    await page.getByRole("article").filter({ hasText: "max@example.com" }).locator("summary").click();
    await inspect("moderation-block");
    await page.goto("/moderation?page=9");
    await inspect("moderation-past-the-end");
  });

  it("look right where something is wrong", async () => {
    const max = await blog.as("max");
    await become(max);
    await page.goto("/moderation");
    await inspect("error-403");
    await page.goto("/nowhere");
    await inspect("error-404");

    const victim = await blog.as("unlucky");
    const [key = ""] = await redis.keys(`coatcheck:*:s:${victim.sessionId}`);
    await redis.hset(key, "t", "what nobody wrote");
    await context.clearCookies();
    await become(victim);
    await page.goto("/");
    await inspect("error-500");

    await context.clearCookies();
    await become(max);
    server.freeze();
    try {
      await page.goto("/devices");
      await inspect("error-503");
    } finally {
      server.thaw();
    }
    await button("Try again")
      .or(page.getByRole("link", { name: "Try again" }))
      .click();
    await page.getByRole("heading", { name: "Your devices" }).waitFor();
  });
});
