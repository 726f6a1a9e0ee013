/** Open pages of the micro-blog in a real browser: what they are told without a click. Looks are saved to `.cache/screenshots`. */
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { openRedis, PASSWORD, type RunningBlog, startBlog } from "../examples/micro-blog-rig.js";
import { afterFile } from "../harness/fixtures.js";
import { launch } from "./chromium.js";
import { screenshot } from "./screenshot.js";

const WINDOWS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;
const PATIENCE = 60_000;

let browser: Browser;
let blog: RunningBlog;
/** Another process of the same blog. */
let other: RunningBlog;
const complaints: string[] = [];

beforeAll(async () => {
  browser = await launch();
  const redis = await openRedis();
  blog = await startBlog(redis);
  const another = redis.duplicate();
  another.on("error", () => {});
  afterFile(() => another.disconnect());
  other = await startBlog(another);
  await blog.account("mia", "moderator");
  await blog.accounts("max", "moe");
}, PATIENCE);

async function openBrowser(at = blog): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ baseURL: at.url, viewport: WINDOWS.desktop });
  afterFile(() => context.close());
  const page = await context.newPage();
  page.on("console", (message) => {
    if (/Refused|violates|Error/.test(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return { context, page };
}

/** Logs in, and waits until the page has its event stream. */
async function logIn(name: string, at = blog): Promise<{ context: BrowserContext; page: Page }> {
  const { context, page } = await openBrowser(at);
  await page.goto("/login");
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await listening(page, () => page.getByRole("button", { name: "Log in" }).click());
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  return { context, page };
}

async function listening(page: Page, act: () => Promise<unknown>): Promise<void> {
  await Promise.all([page.waitForResponse((response) => response.url().endsWith("/live")), act()]);
}

async function inspect(page: Page, name: string): Promise<void> {
  for (const [window, size] of Object.entries(WINDOWS)) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await screenshot(page, `${name}-${window}-${colorScheme}`);
      const width = await page.evaluate(() => Number(Reflect.get(globalThis, "document").documentElement.scrollWidth));
      expect(width).toBeLessThanOrEqual(size.width);
    }
  }
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run('.live-note')")) as axe.AxeResults;
  expect(violations.map(({ id }) => id)).toEqual([]);
}

const note = (page: Page) => page.getByRole("alert");

describe("an open page", () => {
  it("shows what others write, as it comes, from another process too, and only once", {
    timeout: PATIENCE,
  }, async () => {
    const [{ page: max }, { page: moe }] = [await logIn("max"), await logIn("moe", other)];
    await max.getByLabel("What is new?").fill("A hat, please. <b>Bold</b>");
    await max.getByRole("button", { name: "Post" }).click();
    const post = moe.getByRole("article").filter({ hasText: "A hat, please. <b>Bold</b>" });
    await post.waitFor();
    expect(await post.count()).toBe(1);
    expect(await moe.getByText("It is quiet here").count()).toBe(0);
    await listening(moe, () => post.getByRole("button", { name: "Like" }).click());
    await moe.getByRole("button", { name: "Like 1", pressed: true }).waitFor();
    expect(await max.getByRole("article").filter({ hasText: "A hat" }).count()).toBe(1);
  });

  it("says at once that a moderator has blocked its user, and offers nothing else", { timeout: PATIENCE }, async () => {
    const [{ page: mia }, { page: max }] = [await logIn("mia", other), await logIn("max")];
    await max.getByLabel("What is new?").fill("What I was about to say");
    await mia.getByRole("link", { name: "Moderation" }).click();
    const card = mia.getByRole("article").filter({ hasText: "max@example.com" });
    await card.locator("summary").click();
    await card.getByLabel("Reason").fill("Shouting in the cloakroom");
    await card.getByRole("button", { name: "Block max" }).click();
    await note(max).getByText("A moderator has blocked your account.").waitFor();
    expect(await max.locator("main").getAttribute("inert")).not.toBeNull();
    // What was being written can be copied.
    const draft = note(max).getByLabel("Your text, which was not posted");
    expect(await draft.inputValue()).toBe("What I was about to say");
    await inspect(max, "live-blocked");
    await max.getByRole("link", { name: "Log in again" }).click();
    await max.getByRole("heading", { name: "Log in" }).waitFor();
    await card.getByRole("button", { name: "Unblock" }).click();
    await card.locator("summary").waitFor();
  });

  it("is greyed when its user logs out everywhere else, and no other is", { timeout: PATIENCE }, async () => {
    const [{ page: here }, { page: there }] = [await logIn("max"), await logIn("max", other)];
    await there.getByLabel("What is new?").fill("Half a thought");
    await listening(here, () => here.getByRole("link", { name: "Devices" }).click());
    await here.getByRole("button", { name: "Sign out of all other devices" }).click();
    await note(there).getByText("You were logged out from another device.").waitFor();
    await inspect(there, "live-logged-out");
    // The log-in leads back to what was being written.
    await there.getByRole("link", { name: "Log in again" }).click();
    await there.getByLabel("User name").fill("max");
    await there.getByLabel("Password").fill(PASSWORD);
    await there.getByRole("button", { name: "Log in" }).click();
    expect(await there.getByLabel("What is new?").inputValue()).toBe("Half a thought");
    await here.getByRole("status").waitFor();
    expect(await note(here).count()).toBe(0);
  });

  it("is greyed when another tab of the browser logs out", { timeout: PATIENCE }, async () => {
    const { context, page } = await logIn("moe");
    const tab = await context.newPage();
    await listening(tab, () => tab.goto("/"));
    await tab.getByRole("button", { name: "Log out" }).click();
    await note(page).getByText("You are logged out on this device.").waitFor();
  });

  it("goes on with a new cookie when its session is rotated, and tells of a new role", {
    timeout: PATIENCE,
  }, async () => {
    const [{ page: mia }, { context, page: moe }] = [await logIn("mia"), await logIn("moe")];
    const tab = await context.newPage();
    await listening(tab, () => tab.goto("/account"));
    // The answer to the password asked again is a rotation; the other tab connects again by itself.
    const [cookie] = await context.cookies();
    const rotated = await blog.blog.store.rotate(cookie?.value, { reauthenticated: true });
    await listening(moe, () =>
      context.addCookies([{ ...cookie, value: rotated?.token } as typeof cookie & { name: string; value: string }]),
    );
    expect(await note(moe).count()).toBe(0);
    await mia.getByRole("link", { name: "Moderation" }).click();
    await mia
      .getByRole("article")
      .filter({ hasText: "moe@example.com" })
      .getByRole("button", { name: "Make moderator" })
      .click();
    await note(moe).getByText("Your role has changed: you are a moderator now.").waitFor();
    await inspect(moe, "live-role");
    await note(moe).getByRole("link", { name: "Show the page anew" }).click();
    await moe.getByRole("link", { name: "Moderation" }).waitFor();
  });

  it("has broken no rule of the page's own", () => {
    expect(complaints.filter((text) => !text.includes("401"))).toEqual([]);
  });
});
