/** The site of the documents. `npm run docs` makes it, from pages that stage.mjs and typedoc have written. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitepress";

const pages = new URL("../pages/", import.meta.url);

/** Pages in the order in which a reader wants them; those that are not named here come after, so none is left out. */
const GROUPS = [
  ["Begin", ["documents", "getting-started", "fetch", "http", "reference", "testing"]],
  ["Move", ["migration", "drop-in", "sessions-or-jwt"]],
  ["Beyond requests", ["websockets", "near"]],
  ["Other tokens", ["jwt", "one-time", "introspection"]],
  ["Run", ["operations", "cli", "metrics", "clients", "faults", "scale", "benchmark"]],
  ["Trust", ["promises", "security", "changelog"]],
  ["Change", ["architecture", "contributing"]],
];

const titleOf = (page) =>
  /^# (.*)$/m.exec(readFileSync(new URL(`${page}.md`, pages), "utf8"))?.[1]?.replaceAll(/[`\\]/g, "") ?? page;
const item = (page) => ({ text: titleOf(page), link: `/${page}` });
const namesIn = (folder) =>
  existsSync(new URL(`${folder}/`, pages))
    ? readdirSync(new URL(`${folder}/`, pages))
        .filter((name) => name.endsWith(".md") && name !== "index.md")
        .map((name) => `${folder}/${name.slice(0, -3)}`)
        .sort()
    : [];

const sorted = new Set(GROUPS.flatMap(([, names]) => names));
const rest = readdirSync(pages)
  .filter((name) => name.endsWith(".md"))
  .map((name) => name.slice(0, -3))
  .filter((name) => !sorted.has(name) && !["index", "license"].includes(name));

/** GitHub's anchors, so that a link holds here and there. */
const slugify = (title) =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

export default defineConfig({
  title: "coatcheck",
  description: "Revocable, opaque-token sessions in Redis for Node.js",
  lang: "en",
  srcDir: "pages",
  outDir: "../.cache/site",
  cacheDir: "../.cache/vitepress",
  base: process.env.SITE_BASE ?? "/",
  cleanUrls: true,
  markdown: { anchor: { slugify }, theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" } },
  themeConfig: {
    nav: [
      { text: "Getting started", link: "/getting-started" },
      { text: "Reference", link: "/reference" },
      { text: "API", link: "/api/" },
      { text: "Run it", link: "/operations" },
    ],
    sidebar: [
      ...GROUPS.map(([text, names]) => ({
        text,
        items: names.filter((name) => existsSync(new URL(`${name}.md`, pages))).map(item),
      })),
      ...(rest.length === 0 ? [] : [{ text: "More", items: rest.map(item) }]),
      { text: "Frameworks", items: namesIn("frameworks").map(item) },
      { text: "Examples", items: namesIn("examples").map(item) },
      { text: "API", items: namesIn("api").map(item) },
    ].filter(({ items }) => items.length > 0),
    outline: [2, 3],
    search: { provider: "local" },
  },
});
