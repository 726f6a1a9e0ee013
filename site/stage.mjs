/**
 * Copies the documents of the repository to site/pages, as VitePress takes them. The pages are the same files that npm packs: only
 * their links change, because the site has other addresses, and because a linked source file becomes a page that shows it.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, extname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = fileURLToPath(new URL("pages", import.meta.url));

/** Documents by their path in the repository, and their page. */
const documents = new Map([
  ["README.md", "index"],
  ["docs/README.md", "documents"],
  ["CHANGELOG.md", "changelog"],
  ["CONTRIBUTING.md", "contributing"],
  ["SECURITY.md", "security"],
  ["LICENSE", "license"],
]);
for (const name of readdirSync(join(root, "docs"), { recursive: true })) {
  const path = posix.join("docs", String(name).replaceAll("\\", "/"));
  if (path.endsWith(".md") && !documents.has(path)) documents.set(path, path.slice("docs/".length, -".md".length));
}
for (const path of readdirSync(join(root, "examples"), { recursive: true })) {
  const [, name] = /^([\w-]+(?:\/[\w-]+)?)\/README\.md$/.exec(String(path).replaceAll("\\", "/")) ?? [];
  if (name !== undefined) documents.set(`examples/${name}/README.md`, `examples/${name}`);
}

/** Source files that a document links to: each becomes a page. */
const sources = new Map();

/** Where a link of a document leads on the site. Throws if it leads nowhere. */
function linkFrom(document, target) {
  if (/^(?:[a-z]+:|#)/.test(target)) return target;
  const [path = "", anchor] = target.split("#");
  const found = posix.join(posix.dirname(document), path).replace(/\/$/, "");
  const suffix = anchor === undefined ? "" : `#${anchor}`;
  const page = documents.get(found) ?? documents.get(`${found}/README.md`);
  if (page !== undefined) return `/${page === "index" ? "" : page}${suffix}`;
  if (!existsSync(join(root, found))) throw new Error(`${document} links to ${target}, which is not there.`);
  if (statSync(join(root, found)).isDirectory())
    throw new Error(`${document} links to the folder ${target}, which has no README.`);
  if (extname(found) === ".svg") {
    const copy = join(pages, "public", posix.basename(found));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(join(root, found), copy);
    return `/${posix.basename(found)}`;
  }
  sources.set(found, `source/${found.replaceAll(".", "-")}`);
  return `/${sources.get(found)}`;
}

/** A document with the links of the site. Code is left as it is. */
function staged(path) {
  const parts = readFileSync(join(root, path), "utf8").split(/(^```[\s\S]*?^```$)/m);
  const link = (_, target) => `](${linkFrom(path, target)})`;
  return parts.map((part, at) => (at % 2 === 1 ? part : part.replace(/\]\(([^)\s]+)\)/g, link))).join("");
}

function write(page, text) {
  const file = join(pages, `${page}.md`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const HOME = `---
layout: home
hero:
  name: coatcheck
  text: Sessions that end when you say so.
  tagline: Opaque tokens in Redis for Node.js. Looked up on every request, revoked at once.
  actions:
    - { theme: brand, text: Getting started, link: /getting-started }
    - { theme: alt, text: All documents, link: /documents }
    - { theme: alt, text: API, link: /api/ }
features:
  - { title: Revoked is revoked, details: "A log-out, a block or a new role counts with the very next request, everywhere. Nothing brings a session back." }
  - { title: One round trip, details: "One atomic script for each verb. A lookup costs less than verifying a JWT with jose." }
  - { title: A leak is no login, details: "Redis holds the SHA-256 of each secret, and no token is in any log, error or event." }
---

`;

// What typedoc has written stays.
for (const name of existsSync(pages) ? readdirSync(pages) : [])
  if (name !== "api") rmSync(join(pages, name), { recursive: true });
for (const [path, page] of documents) {
  if (page !== "index") write(page, staged(path));
  // The hero says the beginning.
  else write(page, HOME + staged(path).replace(/^[\s\S]*?(?=^## Why)/m, ""));
}
for (const [path, page] of sources) {
  const code = readFileSync(join(root, path), "utf8");
  write(page, `# ${path}\n\n\`\`\`${extname(path).slice(1)}\n${code.trimEnd()}\n\`\`\`\n`);
}
