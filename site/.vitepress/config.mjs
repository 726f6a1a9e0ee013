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

const ROLES = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader", td: "cell" };

/** Gives each cell of a table the heading of its column, which style.css shows on a narrow page; the roles keep it a table there. */
function labelCells(markdown) {
  markdown.core.ruler.push("label-cells", ({ tokens }) => {
    let headings = [];
    let column = 0;
    for (const [at, token] of tokens.entries()) {
      if (token.nesting !== 1 || !(token.tag in ROLES)) continue;
      token.attrSet("role", ROLES[token.tag]);
      if (token.tag === "table") headings = [];
      if (token.tag === "tr") column = 0;
      if (token.tag === "th") headings.push((tokens[at + 1].children ?? []).map(({ content }) => content).join(""));
      if (token.tag !== "td") continue;
      if (column === 0) token.attrSet("role", "rowheader");
      // Of two columns the second needs no name: the first says what it is about.
      else if (headings.length > 2 && headings[column]) token.attrSet("data-label", headings[column]);
      column += 1;
    }
  });
}

export default defineConfig({
  title: "coatcheck",
  description: "Revocable, opaque-token sessions in Redis for Node.js",
  lang: "en",
  srcDir: "pages",
  outDir: "../.cache/site",
  cacheDir: "../.cache/vitepress",
  base: process.env.SITE_BASE ?? "/",
  cleanUrls: true,
  markdown: {
    anchor: { slugify },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config: labelCells,
  },
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
