/**
 * The site of the documents, made by `npm run docs` and looked at in Chromium, wide and narrow, light and dark: axe finds no fault
 * (WCAG 2.2 A and AA), no page is wider than its window, and every link of every page leads to a page and a section that are there.
 * Screenshots are in `.cache/screenshots`.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { afterFile } from "../harness/fixtures.js";
import { launch } from "./chromium.js";
import { screenshot } from "./screenshot.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const site = join(root, ".cache/site");
const WINDOWS = { desktop: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } } as const;
/** Those of WCAG: the generator breaks rules of good taste that axe has beside them. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

let page: Page;
let url: string;

beforeAll(async () => {
  await promisify(execFile)("npm", ["run", "docs"], { cwd: root, maxBuffer: 1 << 24 });
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    const file = fileOf(pathname);
    if (file === undefined) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  page = await (await launch()).newPage();
}, 300_000);

/** The file that a static server gives for a path, as hosts of static sites do; `undefined` if there is none. */
function fileOf(pathname: string): string | undefined {
  const path = join(site, decodeURIComponent(pathname));
  const candidates = pathname.endsWith("/") ? [`${path}index.html`] : [path, `${path}.html`];
  return candidates.find((file) => extname(file) !== "" && existsSync(file));
}

const pages = () =>
  readdirSync(site, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".html"));

describe("the site", () => {
  it.each(["", "documents", "reference", "http", "benchmark", "api/http", "examples/micro-blog"])(
    "has a page /%s that reads well wide and narrow, light and dark",
    async (name) => {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        for (const [window, size] of Object.entries(WINDOWS)) {
          await page.setViewportSize(size);
          await page.goto(`${url}/${name}`, { waitUntil: "networkidle" });
          const where = `/${name}, ${window}, ${colorScheme}`;
          await screenshot(page, `site-${name.replace("/", "-") || "home"}-${window}-${colorScheme}`);
          const width = await page.evaluate(() =>
            Number(Reflect.get(globalThis, "document").documentElement.scrollWidth),
          );
          expect(width, `${where}: the width of the page`).toBeLessThanOrEqual(size.width);
          await page.evaluate(axe.source);
          const { violations } = (await page.evaluate(
            `axe.run({ runOnly: ${JSON.stringify(RULES)} })`,
          )) as axe.AxeResults;
          expect(
            violations.map(
              ({ id, nodes }) =>
                `${id}: ${nodes
                  .slice(0, 3)
                  .map(({ html }) => html)
                  .join("; ")}`,
            ),
            where,
          ).toEqual([]);
        }
      }
    },
  );

  it("has no link that leads nowhere", () => {
    const read = (file: string) => readFileSync(file, "utf8");
    const broken: string[] = [];
    let count = 0;
    for (const name of pages()) {
      const html = read(join(site, name));
      for (const [, href = ""] of html.matchAll(/<a\b[^>]*\bhref="([^"]*)"/g)) {
        if (/^(?:[a-z]+:|#$)/.test(href)) continue;
        count += 1;
        const target = new URL(href.replaceAll("&amp;", "&"), `http://site/${name}`);
        const file = fileOf(target.pathname);
        const anchor = decodeURIComponent(target.hash.slice(1));
        if (file === undefined) broken.push(`${name}: ${href}`);
        else if (anchor !== "" && !read(file).includes(`id="${anchor}"`)) broken.push(`${name}: ${href}`);
      }
    }
    expect(count).toBeGreaterThan(500);
    expect([...new Set(broken)]).toEqual([]);
  });
});
