import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import * as coatcheck from "../../src/index.js";
import { createSessionStore, SessionError, type SessionEvents } from "../../src/index.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { MarkdownDocument, namesIn } from "../harness/markdown.js";
import { expectPrinted } from "../harness/printed.js";
import { startRedisServer } from "../harness/redis-server.js";
import { typeCheck } from "../harness/type-check.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const names = [
  ...["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"],
  ...(existsSync(join(root, "docs"))
    ? readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((name) => `docs/${name}`)
    : []),
].filter((name) => name.endsWith(".md"));
const documents = new Map(names.map((name) => [name, new MarkdownDocument(pathToFileURL(join(root, name)))]));
const readme = documents.get("README.md") as MarkdownDocument;
const reference = documents.get("docs/reference.md") as MarkdownDocument;
const store = createSessionStore(connect());

/** What a snippet that goes on from an earlier one may use without a declaration. */
const AMBIENT = `
import type { SessionStore } from "coatcheck";
declare global {
  const store: SessionStore;
}
`;

/** Every snippet, on the lines that it has in its document, under the document's name. */
function snippets(): Map<string, string> {
  const sources = new Map<string, string>();
  for (const [name, document] of documents) {
    // Their packages are not installed here: test/frameworks compiles the programs that they are taken from.
    if (name.startsWith("docs/frameworks/")) continue;
    for (const { line, code } of document.blocks("ts")) {
      // A snippet without an import would else share its scope with all others.
      sources.set(`${name.replaceAll("/", "-")}.${line}.ts`, `${"\n".repeat(line - 1)}${code}\nexport {};\n`);
    }
  }
  return sources;
}

describe("the snippets", () => {
  it("are accepted by the compiler", { timeout: 180_000 }, () => {
    // Some names are for a whole program: the claims, and `req.session`, of which express-session has another.
    const kindOf = (code: string) => /namespace Coatcheck|"express-session"/.exec(code)?.[0] ?? "";
    for (const kind of ["", "namespace Coatcheck", '"express-session"']) {
      const sources = [...snippets()].filter(([, code]) => kindOf(code) === kind);
      expect(sources.length).toBeGreaterThan(0);
      expect(typeCheck(new Map([["ambient.d.ts", AMBIENT], ...sources]))).toBe("");
    }
  });

  it("would be refused with an option, a verb or a type that does not exist", { timeout: 60_000 }, () => {
    const wrong = ["store.create({ user: 1 })", "store.destroy('')", "const n: number = (await store.get(''))?.userId"];
    const files = wrong.map((code, at) => [`wrong${at}.ts`, `${code};\nexport {};\n`] as const);
    const output = typeCheck(new Map([["ambient.d.ts", AMBIENT], ...files]));
    expect(output.match(/wrong\d\.ts(?=\(1,\d+\): error)/g)).toEqual(["wrong0.ts", "wrong1.ts", "wrong2.ts"]);
  });
});

describe("the program without a framework", () => {
  it("prints what its comments say", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const program = reference.blocks("ts").find(({ code }) => code.includes("UserBlockedError"))?.code ?? "";
    await expectPrinted(program, server.url);
  });
});

describe("the tables", () => {
  const firstColumn = (heading: string) => reference.table(heading).map(([cell]) => namesIn(cell)[0]);

  it("name exactly the options that there are", () => {
    const unknown = { thereIsNoSuchOption: 1 } as object;
    let options: string[] = [];
    try {
      createSessionStore(connect(), unknown);
    } catch (error) {
      options = /options are (.*)$/.exec((error as Error).message)?.[1]?.split(", ") ?? [];
    }
    expect(options).toContain("prefix");
    expect(firstColumn("option")).toEqual(options);
  });

  it("name exactly the verbs that there are", () => {
    const verbs = Object.entries(store).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
    expect(firstColumn("verb").toSorted()).toEqual(verbs.toSorted());
  });

  it("name exactly the events that there are", () => {
    const events: Record<keyof SessionEvents, true> = {
      created: true,
      rotated: true,
      updated: true,
      revoked: true,
      rejected: true,
      blocked: true,
      unblocked: true,
      unavailable: true,
      near: true,
    };
    expect(firstColumn("event")).toEqual(Object.keys(events));
  });

  it("name exactly the errors that there are, each with its code and status", () => {
    const isError = (value: unknown) => Object.prototype.isPrototypeOf.call(SessionError, value as object);
    const errors = Object.entries(coatcheck).flatMap(([name, value]) => (isError(value) ? [name] : []));
    expect(firstColumn("error").toSorted()).toEqual(errors.toSorted());
    for (const [error, code, status] of reference.table("error")) {
      const name = namesIn(error)[0] ?? "";
      const exported = new Map<string, unknown>(Object.entries(coatcheck)).get(name);
      const instance = Reflect.construct(exported as typeof SessionError, ["", {}]) as SessionError;
      expect([namesIn(code)[0], status], name).toEqual([instance.code, String(instance.status ?? "–")]);
    }
  });
});

describe("the README", () => {
  it("is short: what must be looked up is in docs/", () => {
    expect(readme.text.trimEnd().split("\n").length).toBeLessThanOrEqual(220);
  });

  it("gives every promise that docs/promises.md gives, in the same words", () => {
    const promises = (documents.get("docs/promises.md") as MarkdownDocument).table("promise");
    expect(readme.table("promise")).toEqual(promises.map((row) => row.slice(0, 2)));
    expect(promises.length).toBeGreaterThanOrEqual(8);
  });
});

describe("the documents", () => {
  it.each(names)("%s names files that are there", (name) => {
    const { text } = documents.get(name) as MarkdownDocument;
    const links = [...text.matchAll(/\]\(([^)#:\s]+)\)/g)].map(([, path]) => path as string);
    const spans = [...text.matchAll(/`((?:test|bench|examples|src)\/[\w./*-]+)`/g)].map(([, path]) => path as string);
    const base = join(root, dirname(name));
    expect(links.filter((path) => !existsSync(join(base, path)))).toEqual([]);
    expect(spans.filter((path) => !matches(path))).toEqual([]);
  });

  it.each(names)("%s links to sections that are there", (name) => {
    const { text } = documents.get(name) as MarkdownDocument;
    const links = [...text.matchAll(/\]\(([^)#:\s]*)#([^)]+)\)/g)];
    const sectionsOf = (path: string) => {
      const target = path === "" ? text : readFileSync(join(root, dirname(name), path), "utf8");
      return [...target.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
        title
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
          .replaceAll(" ", "-"),
      );
    };
    expect(links.filter(([, path = "", anchor = ""]) => !sectionsOf(path).includes(anchor))).toEqual([]);
  });

  it("read the versions in the changelog from package.json", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    const latest = /^## (\d+\.\d+\.\d+)/m.exec((documents.get("CHANGELOG.md") as MarkdownDocument).text)?.[1];
    expect(latest).toBe(version);
  });
});

/** Whether a path of the project, in whose last part a `*` stands for anything, exists. */
function matches(path: string): boolean {
  const parent = join(root, dirname(path));
  const pattern = path
    .slice(path.lastIndexOf("/") + 1)
    .replaceAll(".", "\\.")
    .replaceAll("*", ".*");
  return existsSync(parent) && readdirSync(parent).some((name) => new RegExp(`^${pattern}$`).test(name));
}
