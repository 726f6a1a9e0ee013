/** Which failures of a screenshot are tried again. */
import { expect, it } from "vitest";
import { screenshot } from "./screenshot.js";

const LOST = "page.screenshot: Protocol error (Page.captureScreenshot): Unable to capture screenshot\nCall log: …";

/** A page that fails with these messages, one after the other, and then no more. */
function failing(messages: readonly string[]) {
  const left = [...messages];
  const paths: unknown[] = [];
  return {
    paths,
    screenshot: async (options?: { readonly path?: string }) => {
      paths.push(options?.path);
      const message = left.shift();
      if (message !== undefined) throw new Error(message);
      return Buffer.alloc(0);
    },
  };
}

it("is taken again if Chromium has lost the frame", async () => {
  const page = failing([LOST, LOST, LOST, LOST]);
  await screenshot(page, "home");
  expect(page.paths).toHaveLength(5);
  expect(page.paths.every((path) => String(path).endsWith("/.cache/screenshots/home.png"))).toBe(true);
});

it("fails if it goes on like that", async () => {
  await expect(screenshot(failing(Array(5).fill(LOST)), "home")).rejects.toThrow("Unable to capture screenshot");
});

it.each([
  "page.screenshot: Timeout 30000ms exceeded.",
  "page.screenshot: Protocol error (Page.captureScreenshot): Target closed",
  "Protocol error (Page.navigate): Unable to capture screenshot",
])("fails at once with anything else: %s", async (message) => {
  const page = failing([message]);
  await expect(screenshot(page, "home")).rejects.toThrow(message);
  expect(page.paths).toHaveLength(1);
});
