/** Screenshots, saved to `.cache/screenshots`, to be looked at. No test compares them. */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

const FOLDER = fileURLToPath(new URL("../../.cache/screenshots", import.meta.url));

/** How often one is tried. */
const TRIES = 5;

/**
 * What Chromium says if the frame that it was to copy is gone, which happens on a busy machine. The page is as it was, so the
 * next try copies the next frame.
 */
const NO_FRAME = "Protocol error (Page.captureScreenshot): Unable to capture screenshot";

/** Saves how a page looks now, or the whole of it. */
export async function screenshot(
  page: Pick<Page, "screenshot">,
  name: string,
  options: { readonly fullPage?: boolean } = {},
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await page.screenshot({ ...options, path: `${FOLDER}/${name}.png` });
      return;
    } catch (error) {
      if (tries === TRIES || !(error instanceof Error) || !error.message.includes(NO_FRAME)) throw error;
    }
  }
}
